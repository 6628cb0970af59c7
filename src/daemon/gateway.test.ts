import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { ToldEvent } from '#control/schema'
import { espSpi } from '#esp/sa'
import type { Effect, Input } from '#ike/effects'
import type { TunnelSnapshot } from '#ike/events'
import { RecordingDataPlane } from '../../test/support/recording-data-plane.ts'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { saCounters } from '../../test/support/sample-counters.ts'
import { Gateway } from './gateway.ts'
import type { Loaded } from './running-configuration.ts'

const paris = sampleTunnel('paris')
const end = { address: paris.local, port: 500 }
const child = { tunnel: 'paris', pair: 0 }
const IDLE = { since: 0, ikeSas: [], childSas: [], pairs: [], failures: 0, rekeys: 0 } as const
const bye: Effect = { kind: 'send', octets: Buffer.from('bye'), local: end, remote: end }

function rig(answer: (input: Input) => readonly Effect[] = () => []) {
  const dataPlane = new RecordingDataPlane()
  const published: ToldEvent[] = []
  const notes: string[] = []
  const inputs: Input[] = []
  const snapshots: TunnelSnapshot[] = []
  const next: { loaded: Loaded } = { loaded: { config: undefined, problems: 'bad', errors: 1 } }
  const gateway = new Gateway({
    version: '1.0.0',
    file: 'causeway.yaml',
    engine: {
      handle(input) {
        inputs.push(input)
        if (input.kind === 'command' && input.command.kind === 'shutdown') return [bye]
        return answer(input)
      },
      snapshot: () => snapshots,
    },
    dataPlane,
    lookUp: async () => [],
    ask: async () => ({ kind: 'refused', reason: 'test' }),
    clock: { now: () => 1_000, wall: (instant) => new Date(instant) },
    host: {
      ownAddresses: () => [],
      common: () => ({ ownAddresses: [], translations: [] }),
      ofTunnel: () => ({ ways: [] }),
    },
    log: {
      event: () => {},
      note: (level, text) => notes.push(`${level} ${text}`),
      defect: ({ where }) => notes.push(`defect ${where}`),
    },
    load: () => next.loaded,
    publish: (told) => published.push(told),
    requestShutdown: () => {},
    onDataPlaneFailed: () => {},
  })
  return { gateway, dataPlane, published, notes, inputs, snapshots, next }
}

test('drops what arrives before it is configured and after it was stopped', async () => {
  const { gateway, inputs } = rig()
  const datagram = {
    kind: 'ike-datagram',
    octets: new Uint8Array(1),
    local: end,
    remote: end,
  } as const
  gateway.take(datagram)
  await gateway.start(sampleConfig(paris))
  gateway.take(datagram)
  await gateway.stop()
  gateway.take(datagram)
  assert.deepEqual(
    inputs.map((input) => (input.kind === 'command' ? input.command.kind : input.kind)),
    ['configure', 'datagram', 'shutdown'],
  )
})

test('says goodbye before it takes the data plane away', async () => {
  const { gateway, dataPlane } = rig()
  await gateway.start(sampleConfig(paris))
  await gateway.stop()
  assert.deepEqual(dataPlane.calls, ['configure paris', 'send bye', 'close'])
})

test('keeps running on a file that is wrong, and says so in the status', async () => {
  const { gateway, dataPlane, notes } = rig()
  await gateway.start(sampleConfig(paris))
  assert.deepEqual(await gateway.reload(), { outcome: 'refused', problems: 'bad', count: 1 })
  assert.deepEqual(dataPlane.calls, ['configure paris'])
  assert.equal(gateway.status().gateway.configuration.refused?.problems, 'bad')
  assert.match(notes.join(), /the running configuration stays/)
  await gateway.stop()
})

test('keeps running when the file cannot be applied, or reading it fails', async () => {
  const { gateway, dataPlane, next, inputs } = rig()
  await gateway.start(sampleConfig(paris))
  next.loaded = { config: sampleConfig(sampleTunnel('rome')), problems: '', errors: 0 }
  dataPlane.refusal = new Error('cw-rome: interface exists')
  const result = await gateway.reload()
  assert.deepEqual(result, { outcome: 'refused', problems: 'cw-rome: interface exists', count: 1 })
  assert.equal(inputs.length, 1)
  assert.deepEqual(
    gateway.status().tunnels.map(({ name }) => name),
    ['paris'],
  )
  await gateway.stop()
})

test('reports what a reload did, as the engine told it', async () => {
  const { gateway, next } = rig((input) =>
    input.kind === 'command' && input.command.kind === 'configure'
      ? [
          {
            kind: 'tell',
            event: {
              kind: 'configured',
              added: input.command.config.tunnels.map(({ name }) => name),
              changed: [],
              removed: [],
              unchanged: [],
            },
          },
        ]
      : [],
  )
  await gateway.start(sampleConfig(paris))
  next.loaded = { config: sampleConfig(paris, sampleTunnel('rome')), problems: '', errors: 0 }
  const result = await gateway.reload()
  assert.deepEqual(result, {
    outcome: 'applied',
    added: ['paris', 'rome'],
    changed: [],
    removed: [],
    unchanged: [],
  })
  await gateway.stop()
})

test('counts what an SA carried beyond its removal', async () => {
  const spi = espSpi(0x1234)
  const { gateway, dataPlane } = rig((input) =>
    input.kind === 'timer' || input.kind === 'acquire'
      ? [{ kind: 'remove-sa', direction: 'inbound', child, spi }]
      : [],
  )
  await gateway.start(sampleConfig(paris))
  const sa = saCounters(
    { direction: 'inbound', child, spi },
    { packets: 3, octets: 300, sequence: 3, lastUsed: 900, replayed: 1 },
  )
  dataPlane.current = { ...dataPlane.current, sas: [sa] }
  const packet = {
    source: paris.local,
    destination: ip('198.51.100.7'),
    protocol: 1,
    sourcePort: 0,
    destinationPort: 0,
  }
  gateway.take({ kind: 'acquire', child, packet })
  dataPlane.current = { ...dataPlane.current, sas: [] }
  dataPlane.full = new Map([[child.tunnel, 9]])
  const [tunnel] = gateway.status().tunnels
  assert.deepEqual(tunnel?.traffic.in, { packets: 3, octets: 300, bitsPerSecond: 0 })
  assert.equal(tunnel?.dropped.replayed, 1)
  assert.equal(tunnel?.dropped.queueFull, 9)
  await gateway.stop()
})

test('tells nothing of the queue of an interface that the host does not tell of, and everything else', async () => {
  const { gateway, dataPlane } = rig(() => [])
  await gateway.start(sampleConfig(paris))
  dataPlane.full = new Map()
  const [tunnel] = gateway.status().tunnels
  assert.equal(tunnel?.dropped.noSa, 0)
  assert.ok(!('queueFull' in tunnel.dropped))
  await gateway.stop()
})

test('logs a bug once, counts it always, and goes on', async () => {
  const bug = new Error('boom')
  const { gateway, notes } = rig((input) => {
    if (input.kind === 'datagram') throw bug
    return []
  })
  await gateway.start(sampleConfig(paris))
  for (let i = 0; i < 3; i++) {
    gateway.take({ kind: 'ike-datagram', octets: new Uint8Array(1), local: end, remote: end })
  }
  assert.equal(gateway.status().defects, 3)
  assert.deepEqual(notes, ['defect engine, input datagram'])
  await gateway.stop()
})

test('tells subscribers of few of many datagrams that were dropped, and counts all', async () => {
  const dropped = { kind: 'dropped', remote: end, reason: 'malformed', detail: '' } as const
  const { gateway, published } = rig((input) =>
    input.kind === 'datagram' ? [{ kind: 'tell', event: dropped }] : [],
  )
  await gateway.start(sampleConfig(paris))
  for (let i = 0; i < 500; i++) {
    gateway.take({ kind: 'ike-datagram', octets: new Uint8Array(1), local: end, remote: end })
  }
  assert.equal(published.filter(({ event }) => event.kind === 'dropped').length, 20)
  assert.equal(gateway.status().dropped.malformed, 500)
  await gateway.stop()
})

test('tells subscribers when a tunnel changes its state', async () => {
  const { gateway, published, snapshots } = rig((input) =>
    input.kind === 'datagram'
      ? [{ kind: 'tell', event: { kind: 'warning', tunnel: 'paris', text: 'x' } }]
      : [],
  )
  await gateway.start(sampleConfig(paris))
  const snapshot = { ...IDLE, tunnel: 'paris' }
  snapshots.push({ ...snapshot, state: 'up' })
  gateway.take({ kind: 'ike-datagram', octets: new Uint8Array(1), local: end, remote: end })
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    published.map(({ event }) => event.kind),
    ['warning', 'state'],
  )
  await gateway.stop()
})

test('commands go to every tunnel a pattern names, and the state before them is the answer', async () => {
  const { gateway, inputs, snapshots } = rig()
  await gateway.start(sampleConfig(paris, sampleTunnel('paris-2'), sampleTunnel('tokyo')))
  for (const tunnel of ['paris', 'paris-2', 'tokyo']) {
    snapshots.push({ ...IDLE, tunnel, state: 'down' })
  }
  const answer = await gateway.handle({ id: 1, command: 'up', tunnels: ['paris*'] })
  const since = '1970-01-01T00:00:00.000Z'
  const networks = [{ local: '10.1.0.0/16', remote: '10.2.0.0/16', state: 'idle' }]
  assert.deepEqual(answer, {
    tunnels: [
      { tunnel: 'paris', state: 'down', since, networks },
      { tunnel: 'paris-2', state: 'down', since, networks },
    ],
  })
  assert.equal(inputs.length, 3)
  await gateway.stop()
})
