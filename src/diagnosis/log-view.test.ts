import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '#ike/events'
import { established } from '../../test/support/ladder-samples.ts'
import { logLineText, SaidOnce } from './log-view.ts'

const HOUR = 3_600_000
const failed: Event = {
  kind: 'negotiation-failed',
  tunnel: 'tokyo',
  phase: 1,
  failure: {
    code: 'CW-201',
    summary: 'tokyo offers aes256-sha1-group2, we accept aes256-sha256-group14',
    evidence: 'message 1',
    certainty: 'certain',
    remedy: 'ask tokyo',
  },
}
const clock = (time: number) => `minute ${time / 60_000}`

test('says the same failure once, then once an hour how often it happened', () => {
  const saidOnce = new SaidOnce(clock)
  const first = saidOnce.line(0, failed)
  assert.equal(first?.level, 'error')
  assert.equal(
    first?.text,
    'phase 1 ✗ CW-201 tokyo offers aes256-sha1-group2, we accept aes256-sha256-group14: certain. Evidence: message 1. Remedy: ask tokyo. More: causeway explain CW-201',
  )
  assert.equal(saidOnce.line(60_000, failed), undefined)
  assert.equal(saidOnce.line(120_000, failed), undefined)
  assert.match(
    saidOnce.line(HOUR, failed)?.text ?? '',
    /4th time since minute 0 \(said once an hour\)$/,
  )
  assert.equal(saidOnce.line(HOUR + 1, failed), undefined)
})

test('names the line of the configuration and when it is tried again', () => {
  const place = { file: 'a.yaml', line: 52, column: 13 }
  const text = new SaidOnce(clock).line(0, { ...failed, retryAt: 60_000 }, place)?.text ?? ''
  assert.match(text, /group14, retry in 60 s: certain/)
  assert.match(text, /ask tokyo \(a\.yaml:52:13\)/)
})

test('a log that ends tells what was only counted', () => {
  const saidOnce = new SaidOnce(clock)
  for (const time of [0, 60_000, 120_000]) saidOnce.line(time, { ...failed, retryAt: time + 9_000 })
  const [line, ...more] = saidOnce.rest()
  assert.match(line?.text ?? '', /group14 ↳ 3rd time since minute 0, retry in 9 s/)
  assert.deepEqual(more, [])
  assert.deepEqual(new SaidOnce(clock).rest(), [])
})

test('says it anew after the tunnel has worked in between', () => {
  const saidOnce = new SaidOnce(clock)
  saidOnce.line(0, failed)
  saidOnce.line(1, {
    kind: 'child-sa-established',
    tunnel: 'tokyo',
    childSa: childSa,
  })
  assert.match(saidOnce.line(2, failed)?.text ?? '', /^phase 1 ✗ CW-201/)
})

test('names the network pair that failed, and says it anew only after that pair has worked', () => {
  const saidOnce = new SaidOnce(clock)
  const ofPair = { ...failed, phase: 2, pair: 1 } as Event
  const works = (pair: number): Event => ({
    kind: 'child-sa-established',
    tunnel: 'tokyo',
    childSa: { ...childSa, child: { tunnel: 'tokyo', pair } },
  })
  assert.match(saidOnce.line(0, ofPair)?.text ?? '', /^phase 2 of network pair 2 ✗ CW-201/)
  saidOnce.line(1, works(0))
  saidOnce.line(1, works(11))
  assert.equal(saidOnce.line(2, ofPair), undefined)
  saidOnce.line(3, works(1))
  assert.match(saidOnce.line(4, ofPair)?.text ?? '', /^phase 2 of network pair 2 ✗/)
})

test('counts for each tunnel on its own', () => {
  const saidOnce = new SaidOnce(clock)
  saidOnce.line(0, failed)
  assert.notEqual(saidOnce.line(1, { ...failed, tunnel: 'osaka' } as Event), undefined)
})

test('tells what was agreed when a tunnel comes up', () => {
  const saidOnce = new SaidOnce(clock)
  assert.equal(
    saidOnce.line(0, established)?.text,
    'phase 1 up with 198.51.100.7, strongSwan: Main mode, aes256-sha256-group14, no NAT',
  )
})

test('wraps a line under its text', () => {
  const line = {
    level: 'error',
    tunnel: 'tokyo',
    text: `phase 1 ✗ ${'word '.repeat(20)}`.trim(),
  } as const
  assert.equal(
    logLineText('13:02:11.204', line),
    [
      '13:02:11.204 tokyo  phase 1 ✗ word word word word word word word word word word',
      '                    word word word word word word word word word word',
    ].join('\n'),
  )
})

const selector = {
  family: 4,
  protocol: 0,
  start: '10.1.0.0',
  end: '10.1.255.255',
  startPort: 0,
  endPort: 65_535,
} as never
const childSa: Extract<Event, { kind: 'child-sa-established' }>['childSa'] = {
  child: { tunnel: 'tokyo', pair: 0 },
  inboundSpi: 1 as never,
  outboundSpi: 2 as never,
  suite: { encryption: 'aes256-gcm16', integrity: 'none', esn: false },
  pfs: 'none',
  mode: 'tunnel',
  encapsulation: 'native',
  selectors: { local: selector, remote: selector },
  lifetime: { seconds: 3600 },
  establishedAt: 0,
  rekeyAt: 1,
  expiresAt: 2,
  state: 'active',
}
