import assert from 'node:assert/strict'
import { test } from 'node:test'
import { espSpi } from '#esp/sa'
import type { Event } from '#ike/events'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { NO_COUNTS } from '../../test/support/sample-counters.ts'
import { TrafficLedger } from './traffic-totals.ts'
import { TunnelIncidents } from './tunnel-incidents.ts'

function rig() {
  const told: Event[] = []
  const time = { now: 1_000_000, wall: Date.UTC(2026, 10, 29, 13, 0, 0) }
  const incidents = new TunnelIncidents({
    clock: { now: () => time.now, wall: (at) => new Date(time.wall + at - 1_000_000) },
    config: () => sampleConfig(sampleTunnel('paris')),
    counters: () => NO_COUNTS,
    ledger: new TrafficLedger(),
    tell: (event) => told.push(event),
  })
  return { incidents, told, time }
}

test('a clock that is set is told with by how much; one that runs is not: CW-608', () => {
  const { incidents, told, time } = rig()
  time.now += 5_000
  incidents.lookAtClock()
  assert.deepEqual(told, [])
  time.now += 5_000
  time.wall += 3_612_000
  incidents.lookAtClock()
  assert.deepEqual(told, [{ kind: 'clock-jumped', by: 3_612_000 }])
  incidents.lookAtClock()
  assert.equal(told.length, 1)
})

test('when a peer was last heard is remembered until it is silent', () => {
  const { incidents, told, time } = rig()
  incidents.take({ kind: 'peer-alive', tunnel: 'paris', roundTrip: 12 })
  time.now += 38_000
  incidents.take({ kind: 'ike-sa-closed', tunnel: 'paris', initiatorSpi: 'aa', why: 'dead-peer' })
  const [event] = told
  assert.ok(event?.kind === 'incident')
  assert.match(event.failure.summary, /since 13:00:00 UTC, for 38s/)
  assert.equal(incidents.history('paris').length, 1)
  incidents.keepOnly([])
  assert.deepEqual(incidents.history('paris'), [])
})

test('what no longer is configured is passed over', () => {
  const { incidents, told } = rig()
  incidents.take({
    kind: 'child-sa-closed',
    tunnel: 'gone',
    child: { tunnel: 'gone', pair: 0 },
    inboundSpi: espSpi(1_000),
    outboundSpi: espSpi(2_000),
    why: 'dead-peer',
  })
  assert.deepEqual(told, [])
})
