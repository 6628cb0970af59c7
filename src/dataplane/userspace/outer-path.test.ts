import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { DatagramSocket } from '#platform/datagram-socket'
import { Events } from './events.ts'
import {
  GLOBAL_COUNTER_FIELDS,
  GlobalCounter,
  TUNNEL_COUNTER_FIELDS,
  TunnelCounter,
} from './messages.ts'
import { OuterPath } from './outer-path.ts'

/** Loses packets on a path that these tunnels use. @returns what was counted: for each tunnel, and for all */
function lose(packets: number, tunnels: readonly Float64Array[]) {
  const all = new Float64Array(GLOBAL_COUNTER_FIELDS)
  const remote = { address: ip('127.0.0.1'), port: 500 }
  const path = new OuterPath({ fd: -1 } as unknown as DatagramSocket, remote, 'native')
  for (const counters of tunnels) path.use(counters)
  new Events(() => {}, all).countNotSent(packets, path.user)
  return {
    tunnels: tunnels.map((counters) => counters[TunnelCounter.notSent]),
    all: all[GlobalCounter.notSent],
  }
}

test('what a path loses is counted for the tunnel that uses it, whichever of its SAs it was', () => {
  const paris = new Float64Array(TUNNEL_COUNTER_FIELDS)
  assert.deepEqual(lose(5, [paris, paris]), { tunnels: [5, 5], all: 5 })
})

test('what a path of several tunnels loses is counted for the gateway only', () => {
  const [paris, rome] = [0, 1].map(() => new Float64Array(TUNNEL_COUNTER_FIELDS))
  assert.ok(paris !== undefined && rome !== undefined)
  assert.deepEqual(lose(5, [paris, rome, paris]), { tunnels: [0, 0, 0], all: 5 })
})
