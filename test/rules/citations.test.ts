import assert from 'node:assert/strict'
import { test } from 'node:test'
import { citationsIn, rfcSections } from '../../tools/rfc-citations.ts'
import { commentsOf, sourcesUnder } from './sources.ts'

const sources = sourcesUnder('src', 'test', 'tools', 'bench').filter(
  ({ path }) => path !== 'test/rules/citations.test.ts',
)

test('RFCs are cited in one form, such as RFC 2409 §5.4 or RFC 2409 appendix B', () => {
  const other = /\bRFC[-_]?\d|\brfc[ -]?\d{3,5}\b|\bRFC \d+,? (?:[Ss]ection|sec\.|Appendix|§ )/
  const found = sources.flatMap(({ path, text }) =>
    commentsOf(text)
      .filter((comment) => other.test(comment))
      .map((comment) => `${path}: ${comment}`),
  )
  assert.deepEqual(found, [])
})

test('every section cited exists in its RFC', () => {
  const found = sources.flatMap(({ path, text }) =>
    citationsIn(text)
      .filter(({ rfc, section }) => section !== undefined && rfc in rfcSections)
      .filter(({ rfc, section }) => !(section !== undefined && has(rfc, section)))
      .map(({ rfc, section }) => `${path}: RFC ${rfc} ${section}`),
  )
  assert.deepEqual(found, [])
})

test('reads several sections after one number', () => {
  assert.deepEqual(citationsIn('as RFC 2409 §5.4, §5.5 and appendix B say, and RFC 3947'), [
    { rfc: '2409', section: '5.4' },
    { rfc: '2409', section: '5.5' },
    { rfc: '2409', section: 'appendix B' },
    { rfc: '3947', section: undefined },
  ])
})

/** A section without a title of its own in the table counts as there when it has one below it. */
function has(rfc: string, section: string): boolean {
  const sections = Object.keys(rfcSections[rfc]?.sections ?? {})
  return sections.some((known) => known === section || known.startsWith(`${section}.`))
}
