import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { selectorFromPrefix } from '#policy/traffic-selector'
import { childQuestions } from './child-questions.ts'

const selectors = {
  local: selectorFromPrefix(ip('10.1.0.0'), 16),
  remote: selectorFromPrefix(ip('10.2.0.0'), 16),
}
const wish = {
  suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
  pfs: 'none',
  lifetime: { seconds: 3_600 },
  mode: 'tunnel',
  udp: false,
} as const

test('a peer that refuses is asked apart for what makes some refuse a whole offer: long sequence numbers, and UDP', () => {
  const questions = childQuestions('refused', wish, selectors)
  const odd = questions.flatMap(({ wishes }) =>
    wishes.some(({ suites, udp }) => udp !== false || suites.some(({ esn }) => esn))
      ? [wishes.map(({ suites, udp }) => [suites.every(({ esn }) => esn), udp])]
      : [],
  )
  assert.deepEqual(odd, [[[true, false]], [[false, 'rfc3947']]])
})

test('a peer that refuses the networks is asked ten times at most', () => {
  const asked = childQuestions('refused the networks', wish, selectors)
  assert.deepEqual([asked.length, asked.filter(({ about }) => about === 'networks').length], [8, 7])
  const unusual = {
    local: selectorFromPrefix(ip('10.1.0.0'), 20),
    remote: selectorFromPrefix(ip('10.2.0.0'), 20),
  }
  assert.equal(childQuestions('refused the networks', wish, unusual).length, 10)
  const ofProposal = asked[0]?.ofProposal ?? []
  assert.deepEqual(
    ofProposal.map(({ wishes: [{ pfs }] }) => pfs),
    ['modp2048', 'ecp256', 'modp1024', 'modp1536', 'ecp384'],
  )
})

test('a peer that says nothing is asked for all of them at once', () => {
  const [first] = childQuestions('left unanswered', wish, selectors)
  assert.equal(first?.wishes.length, 3)
})
