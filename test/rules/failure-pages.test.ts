import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { indexOf, pagesIn } from '../../tools/failure-index.ts'
import { root, sourcesUnder } from './sources.ts'

/** What each page of docs/failures tells, in this order. */
const SECTIONS = [
  'What it means',
  'How it is found',
  'What other products print',
  'What to do here',
  'What to do at the peer',
  'Tests',
]

const folder = join(root, 'docs/failures')
const pages = pagesIn(folder)
const codes = new Set(
  sourcesUnder('src')
    .filter(({ isTest }) => !isTest)
    .flatMap(({ text }) => [...text.matchAll(/'(CW-\d{3})'/g)].map(([, code]) => code)),
)

test('every code has its page, and every page its code', () => {
  assert.deepEqual(pages.map(({ code }) => code).sort(), [...codes].sort())
})

test('every page is called as its code and has every section', () => {
  for (const { name, code, headings } of pages) {
    assert.equal(name, `${code}.md`)
    assert.deepEqual(headings, SECTIONS, name)
  }
})

test('every page names tests that produce its failure', () => {
  for (const { code, tests } of pages) {
    assert.ok(tests.length > 0, code)
    for (const path of tests) {
      assert.ok(existsSync(join(root, path)), `${code}: ${path}`)
      assert.ok(readFileSync(join(root, path), 'utf8').includes(code), `${code} is not in ${path}`)
    }
  }
})

test('pages link to pages that exist, and say nothing that a terminal cannot show', () => {
  const known = readdirSync(folder)
  for (const { name, text } of pages) {
    for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) {
      assert.ok(known.includes(target ?? ''), `${name} links to ${target}`)
    }
    assert.doesNotMatch(text, /^(?:\||\d+\.|\* |### |```|\t)/m, name)
  }
})

test('the index lists every page: npm run docs', () => {
  assert.equal(readFileSync(join(folder, 'README.md'), 'utf8'), indexOf(pages))
})
