import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import type { ChildSaFacts, TunnelSnapshot } from '#ike/events'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { HostWatches } from './host-watches.ts'

const PARIS = sampleTunnel('paris', { watch: ip('10.2.0.1') })

/** A gateway whose clock, addresses and tunnel a test sets. */
function rig() {
  const asked: string[] = []
  const state = {
    now: 0,
    up: true,
    own: [ip('203.0.113.10'), ip('10.1.0.1')] as readonly IpAddress[],
    tunnels: [PARIS],
  }
  const snapshot = (): TunnelSnapshot => ({
    tunnel: 'paris',
    state: state.up ? 'up' : 'connecting',
    since: 0,
    ikeSas: [],
    childSas: [{ state: 'active', selectors: PARIS.networks[0] } as ChildSaFacts],
    pairs: [],
    failures: 0,
    rekeys: 0,
  })
  const watches = new HostWatches({
    now: () => state.now,
    config: () => sampleConfig(...state.tunnels),
    snapshots: () => [snapshot()],
    host: { ownAddresses: () => state.own },
    askHost: (tunnel, { id, source, target }) =>
      asked.push(`${tunnel} ${id}: ${source} > ${target}`),
  })
  const ask = (now: number, change: Partial<typeof state> = {}): void => {
    Object.assign(state, change, { now })
    watches.ask()
  }
  const answer = (now: number, id: number): void => {
    state.now = now
    watches.take({ kind: 'echo-answered', tunnel: 'paris', id })
  }
  return { watches, asked, ask, answer }
}

test('the host is asked from our own address in the local network, and its answers are kept', () => {
  const { watches, asked, ask, answer } = rig()
  ask(5_000)
  answer(5_011, 1)
  ask(10_000)
  assert.deepEqual(asked, ['paris 1: 10.1.0.1 > 10.2.0.1', 'paris 2: 10.1.0.1 > 10.2.0.1'])
  assert.equal(watches.facts('paris')?.roundTrip, 11)
})

test('while the tunnel is not up nothing is asked', () => {
  const { watches, asked, ask } = rig()
  ask(5_000, { up: false })
  assert.deepEqual(asked, [])
  assert.deepEqual(watches.facts('paris'), { target: '10.2.0.1', asked: 0, lost: 0 })
})

test('without an address in the local network nothing is asked, and that is said', () => {
  const { watches, asked, ask } = rig()
  ask(5_000, { own: [ip('203.0.113.10')] })
  assert.deepEqual(asked, [])
  assert.equal(watches.facts('paris')?.unasked, 'no-address')
  ask(10_000, { own: [ip('10.1.0.1')] })
  assert.equal(watches.facts('paris')?.unasked, undefined)
})

test('while no SA is there for its network nothing is asked, and that is said', () => {
  const { watches, asked, ask } = rig()
  ask(5_000, { tunnels: [{ ...PARIS, watch: ip('10.3.0.1') }] })
  assert.deepEqual(asked, [])
  assert.equal(watches.facts('paris')?.unasked, 'no-sa')
})

test('another host begins anew, and without one nothing is known', () => {
  const { watches, asked, ask, answer } = rig()
  ask(5_000)
  answer(5_011, 1)
  ask(10_000, { tunnels: [{ ...PARIS, watch: ip('10.2.0.9') }] })
  assert.deepEqual(watches.facts('paris'), { target: '10.2.0.9', asked: 0, lost: 0 })
  assert.equal(asked.at(-1), 'paris 1: 10.1.0.1 > 10.2.0.9')
  ask(15_000, { tunnels: [sampleTunnel('paris')] })
  assert.equal(watches.facts('paris'), undefined)
})
