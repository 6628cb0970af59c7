import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnsOf } from '#diagnosis/wrap'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { explain } from './explain.ts'
import { codeMeant } from './explain-code.ts'
import { failurePages } from './failure-pages.ts'

async function explained(words: readonly string[], options: { json?: boolean; columns?: number }) {
  const { terminal, said } = recordingTerminal(options.columns)
  const control = '/nonexistent/causeway.sock'
  const code = await explain(terminal, { control }, words, options)
  return { code, ...said }
}

test('prints the page of a code offline, however it is written', async () => {
  for (const word of ['CW-201', 'cw201', '201']) {
    const { code, out } = await explained([word], {})
    assert.equal(code, EXIT.ok)
    assert.match(out, /^CW-201: no common proposal in phase 1\n\nWhat it means\n/)
    assert.match(out, / {2}– strongSwan: "received proposals: …", /)
    assert.doesNotMatch(out, /[`*]|\]\(|\.test\.ts/)
  }
})

test('every page fits 80 columns', async () => {
  for (const { code } of failurePages()) {
    const { out } = await explained([code], {})
    assert.deepEqual(
      out.split('\n').filter((line) => columnsOf(line) > 80),
      [],
    )
  }
})

test('a code there is not leads to those near it', async () => {
  const { code, out, err } = await explained(['CW-299'], {})
  assert.deepEqual([code, out], [EXIT.usage, ''])
  assert.match(err, /there is no CW-299; near it are\n {2}CW-301 {2}/)
})

test('finds the failure by what another product prints for it', async () => {
  const line = 'received NO_PROPOSAL_CHOSEN error notify'
  assert.match((await explained([line], {})).out, /^ {2}CW-201 {2}/)
  const words = await explained(['calculated', 'hash', 'does', 'not', 'match'], {})
  assert.match(words.out, /CW-302/)
  const nothing = await explained(['the printer is on fire'], {})
  assert.equal(nothing.code, EXIT.usage)
  assert.match(nothing.err, /CW-101/)
})

test('--json is one document', async () => {
  const page = JSON.parse((await explained(['CW-301'], { json: true })).out)
  assert.deepEqual([page.schema, page.code], [1, 'CW-301'])
  assert.equal(page.sections[0].heading, 'What it means')
})

test('knows a code from a word', () => {
  assert.equal(codeMeant('cw-404'), 'CW-404')
  assert.equal(codeMeant('paris'), undefined)
  assert.equal(codeMeant('10.1.0.1'), undefined)
})
