import assert from 'node:assert/strict'
import { test } from 'node:test'
import { established } from '../../test/support/ladder-samples.ts'
import { eventText } from './event-text.ts'

test('CW-206: warns of a weak algorithm that was agreed on, with the word of the RFC for it', () => {
  assert.equal(eventText(established).level, 'info')
  assert.ok(established.kind === 'ike-sa-established')
  const suite = { encryption: '3des-cbc', hash: 'sha256', keyExchange: 'modp1024' } as const
  const { level, text } = eventText({ ...established, ikeSa: { ...established.ikeSa, suite } })
  assert.equal(level, 'warn')
  assert.match(text, /; CW-206 .*group2 is weak \(RFC 8247: SHOULD NOT\)/)
})

test('two hints of one code are two facts when they say different things', () => {
  const failure = { code: 'CW-201', evidence: '', certainty: 'possible', remedy: '' } as const
  const [one, other] = ['refused', 'takes aes256-sha1-group2'].map((summary) =>
    eventText({ kind: 'refusal-hinted', tunnel: 'paris', failure: { ...failure, summary } }),
  )
  assert.notEqual(one?.repeatKey, other?.repeatKey)
})
