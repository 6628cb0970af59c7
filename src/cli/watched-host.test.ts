import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plain } from '../../test/support/recording-terminal.ts'
import { statusSample } from '../../test/support/status-sample.ts'
import { tunnelDetail } from './tunnel-view.ts'
import { watchedText } from './watched-host.ts'

const AT = '2026-11-23T15:12:03.000Z'
const HOST = { target: '10.2.0.1', asked: 60, lost: 0 }
const ANSWERED = { ...HOST, roundTrip: 11.2, answeredAt: '2026-11-23T15:12:00.000Z' }

test('a watched host is one phrase: its round trip, or how long it is silent, and what was lost', () => {
  assert.equal(watchedText(ANSWERED, AT), 'ping 10.2.0.1 11 ms, 0 of 60 lost')
  assert.equal(
    watchedText({ ...ANSWERED, roundTrip: 0.44 }, AT),
    'ping 10.2.0.1 0.4 ms, 0 of 60 lost',
  )
  const silent = { ...ANSWERED, lost: 5, silentSince: '2026-11-23T15:11:43.000Z' }
  assert.equal(watchedText(silent, AT), 'ping 10.2.0.1 silent for 20s, 5 of 60 lost')
  assert.equal(
    watchedText({ ...HOST, asked: 3, lost: 3 }, AT),
    'ping 10.2.0.1 never answered, 3 of 3 lost',
  )
  assert.equal(watchedText({ ...HOST, asked: 0 }, AT), 'ping 10.2.0.1 not answered yet')
  assert.match(
    watchedText({ ...HOST, unasked: 'no-sa' }, AT),
    /not sent: its network pair is not up/,
  )
  assert.match(
    watchedText({ ...HOST, unasked: 'no-address' }, AT),
    /not sent: no address of this gateway/,
  )
})

test('of a tunnel that is not up, what a watched host answered before is not told as its health', () => {
  const [tunnel] = statusSample.tunnels
  assert.ok(tunnel)
  const detail = (state: 'up' | 'down') => tunnelDetail({ ...tunnel, state }, statusSample, plain)
  assert.match(detail('up'), /health .*ping 10\.2\.0\.1 11 ms/)
  assert.doesNotMatch(detail('down'), /ping 10\.2\.0\.1/)
})
