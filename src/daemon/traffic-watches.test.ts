import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { DataPlaneCounters, SaCounters } from '#dataplane/port'
import { espSpi } from '#esp/sa'
import type { ChildSaFacts, Event, IkeSaFacts, PathFacts, TunnelSnapshot } from '#ike/events'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { NO_COUNTS, saCounters, tunnelCounters } from '../../test/support/sample-counters.ts'
import { TrafficLedger } from './traffic-totals.ts'
import { TrafficWatches } from './traffic-watches.ts'

const PARIS = sampleTunnel('paris')
const PEER = ip('198.51.100.7')

const sa = (direction: 'inbound' | 'outbound', packets: number): SaCounters => {
  const spi = espSpi(direction === 'inbound' ? 4_096 : 8_192)
  const counts = { packets, octets: packets * 100, sequence: packets }
  return saCounters({ direction, child: { tunnel: 'paris', pair: 0 }, spi }, counts)
}

/** A gateway whose clock, counters and tunnel a test sets. */
function rig() {
  const told: Event[] = []
  const ledger = new TrafficLedger()
  const state = {
    now: 0,
    up: true,
    port: 20_012,
    aliveAt: 0,
    in: 0,
    out: 0,
    noPolicy: 0,
    probes: 0,
    looksAtHost: 0,
    path: undefined as PathFacts | undefined,
  }
  const snapshot = (): TunnelSnapshot => ({
    tunnel: 'paris',
    state: state.up ? 'up' : 'down',
    since: 0,
    ikeSas: [
      {
        initiatorSpi: 'aa',
        establishedAt: 0,
        remote: { address: PEER, port: state.port },
        nat: { local: false, remote: true },
      } as IkeSaFacts,
    ],
    childSas: state.up ? [{ state: 'active', encapsulation: 'udp' } as ChildSaFacts] : [],
    pairs: [],
    failures: 0,
    rekeys: 0,
    peerAliveAt: state.aliveAt,
    ...(state.path === undefined ? {} : { path: state.path }),
  })
  const counters = (): DataPlaneCounters => ({
    ...NO_COUNTS,
    sas: [sa('inbound', state.in), sa('outbound', state.out)],
    tunnels: [tunnelCounters('paris', { noPolicy: state.noPolicy, probes: state.probes })],
  })
  const watches = new TrafficWatches({
    now: () => state.now,
    config: () => sampleConfig(PARIS),
    snapshots: () => [snapshot()],
    counters,
    ledger,
    host: {
      common: () => ({ ownAddresses: [], translations: [] }),
      ofTunnel: () => {
        state.looksAtHost++
        return { ways: [] }
      },
    },
    watched: () => undefined,
    tell: (event) => told.push(event),
  })
  const lookAt = (now: number, change: Partial<typeof state> = {}) => {
    Object.assign(state, change, { now })
    watches.look()
    return watches.degradation('paris')?.failure.code
  }
  return { watches, told, state, ledger, counters, lookAt }
}

test('what is found is told once, kept while it lasts, and told to be over', () => {
  const { told, lookAt } = rig()
  for (const now of [5_000, 10_000, 15_000, 20_000])
    lookAt(now, { out: now / 1_000, aliveAt: now - 1 })
  assert.equal(lookAt(25_000, { out: 30, aliveAt: 24_000 }), 'CW-503')
  assert.equal(lookAt(30_000, { in: 1 }), undefined)
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['traffic-degraded', 'recovered'],
  )
})

test('a black hole that the path’s own probes found is among the degradations: CW-505', () => {
  const { lookAt, watches } = rig()
  const path = { octets: 1400, inner: 1338, host: 1500, blackHole: true, by: 'inside' } as const
  assert.equal(lookAt(5_000, { path }), 'CW-505')
  assert.match(watches.degradation('paris')?.failure.summary ?? '', /1438 octets .*1338 pass/)
  assert.equal(lookAt(10_000, { path: undefined }), undefined)
})

test('what the gateway asks of the path itself is not missed an answer', () => {
  const { lookAt } = rig()
  for (const now of [5_000, 10_000, 15_000, 20_000, 25_000])
    lookAt(now, { out: now / 500, probes: now / 500, aliveAt: now - 1 })
  assert.equal(lookAt(30_000, { aliveAt: 29_000 }), undefined)
})

test('a tunnel that goes down has nothing to be said of its traffic', () => {
  const { lookAt } = rig()
  for (const now of [5_000, 10_000, 15_000, 20_000])
    lookAt(now, { out: now / 1_000, aliveAt: now - 1 })
  assert.equal(lookAt(25_000, { up: false }), undefined)
})

test('a peer that comes from another port after a silence was forgotten by its NAT: CW-509', () => {
  const { lookAt } = rig()
  lookAt(5_000, { aliveAt: 4_000 })
  lookAt(65_000)
  assert.equal(lookAt(70_000, { port: 20_977, aliveAt: 69_000 }), 'CW-509')
})

test('a port that changes without a silence is no such thing', () => {
  const { lookAt } = rig()
  lookAt(5_000, { aliveAt: 4_000 })
  assert.equal(lookAt(10_000, { port: 20_977, aliveAt: 9_000 }), undefined)
})

test('an example from the packet path is in the sentence', () => {
  const { watches, lookAt } = rig()
  lookAt(5_000)
  const packet = {
    source: ip('10.7.0.4'),
    destination: ip('10.2.0.5'),
    protocol: 1,
    sourcePort: 0,
    destinationPort: 0,
  }
  watches.take({ kind: 'odd-packet', tunnel: 'paris', cause: 'unmatched', packet })
  assert.equal(lookAt(10_000, { noPolicy: 9 }), 'CW-502')
  assert.match(
    watches.degradation('paris')?.failure.summary ?? '',
    /10\.7\.0\.4 → 10\.2\.0\.5 icmp/,
  )
})

test('every look is a sample for the rate, also of a tunnel that carries nothing', () => {
  const { ledger, counters, lookAt } = rig()
  lookAt(5_000)
  lookAt(10_000, { in: 50 })
  const totals = ledger.totals('paris', counters())
  assert.deepEqual(ledger.rate('paris', totals, 15_000), { in: 4_000, out: 0 })
})
