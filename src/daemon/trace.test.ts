import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { DataPlaneCounters } from '#dataplane/port'
import { espSpi } from '#esp/sa'
import type { ChildSaFacts, TunnelSnapshot } from '#ike/events'
import type { KernelView } from '#platform/kernel-view'
import { isTextProblem } from '#policy/text-problem'
import { parseSelectorPair } from '#policy/traffic-selector'
import { NO_COUNTS, saCounters, tunnelCounters } from '../../test/support/sample-counters.ts'
import { configOf, sites, TUNNEL } from '../../test/support/sites.ts'
import { type Packet, trace } from './trace.ts'

const [ONE, TWO] = [
  networks('10.1.0.0/16 <-> 10.2.0.0/16'),
  networks('10.1.0.0/16 <-> 10.3.0.0/16 tcp/443'),
]
const INTO: KernelView = {
  from: 'lan',
  route: { kind: 'leads', interfaceName: 'cw-test', prefix: '10.2.0.0/16' },
}

test('a packet that everything is ready for passes, by SA, size and result', () => {
  const { passes, tunnel, pair, spi, mtu, mss, steps } = traced({ destination: '10.2.9.9' })
  assert.deepEqual([passes, tunnel, pair, spi, mtu, mss], [true, TUNNEL, 0, '8812ffe0', 1438, 1398])
  assert.deepEqual(
    steps.map(({ step, verdict }) => `${step} ${verdict}`),
    ['route ok', 'selector ok', 'sa ok', 'size ok', 'result ok', 'back ok'],
  )
})

test('nothing having come back is said, and stops nothing', () => {
  const { passes, steps } = traced({ destination: '10.2.9.9' }, { received: 0 })
  assert.equal(passes, true)
  assert.equal(steps.at(-1)?.verdict, 'note')
})

test('the first pair that takes it counts, ports and all', () => {
  assert.equal(traced({ destination: '10.3.0.1', protocol: 6, destinationPort: 443 }).pair, 1)
  const { passes, steps } = traced({ destination: '10.3.0.1', protocol: 6, destinationPort: 80 })
  assert.equal(passes, false)
  assert.match(steps[1]?.text ?? '', /tcp from port 49152 to 80 is outside of .* tcp\/443/)
})

test('what lies outside of the selectors is named beside the pair it is nearest to', () => {
  const { steps } = traced({ source: '192.168.7.1', destination: '10.2.0.1' })
  assert.match(steps[1]?.text ?? '', /source 192\.168\.7\.1 is outside of 10\.1\.0\.0\/16/)
  assert.match(steps[1]?.fix ?? '', /192\.168\.7\.1 <-> 10\.2\.0\.1/)
})

test('without an SA the state of the tunnel is told, and what would follow', () => {
  const down = traced({ destination: '10.2.9.9' }, { sa: false })
  assert.equal(down.passes, false)
  assert.match(down.steps[2]?.text ?? '', /is down; nothing leaves in clear/)
  const asking = traced({ destination: '10.2.9.9' }, { sa: false, change: { start: 'on-traffic' } })
  assert.match(asking.steps[2]?.text ?? '', /would ask for one/)
})

test('an SA for less than the pair does not take what the peer left out', () => {
  const { passes, steps } = traced(
    { destination: '10.2.9.9' },
    { agreed: networks('10.1.0.0/16 <-> 10.2.0.0/24') },
  )
  assert.equal(passes, false)
  assert.match(steps[2]?.text ?? '', /agreed on for .*10\.2\.0\.0\/24 only/)
})

test('a route past the tunnel that wants the packet is what stops it', () => {
  const route = { kind: 'leads', interfaceName: 'eth0', gateway: ip('203.0.113.1') } as const
  const { tunnel, steps } = traced({ destination: '10.2.9.9' }, { kernel: { from: 'lan', route } })
  assert.equal(tunnel, undefined)
  assert.match(steps[0]?.text ?? '', /→ eth0 via 203\.0\.113\.1.*, not to cw-test of berlin-paris/)
})

test('a packet no tunnel wants is told to go its way unprotected', () => {
  const route = { kind: 'leads', interfaceName: 'eth0' } as const
  const { passes, steps } = traced({ destination: '8.8.8.8' }, { kernel: { route } })
  assert.equal(passes, false)
  assert.match(steps[1]?.text ?? '', /no tunnel takes it, so it goes its way unprotected/)
})

for (const [why, fix] of [
  ['not-forwarded', 'sysctl -w net.ipv4.ip_forward=1'],
  ['source-validation', 'sysctl -w net.ipv4.conf.lan.rp_filter=2'],
  ['no-route', 'ip route get 10.2.9.9'],
] as const) {
  test(`the kernel refusing it (${why}) comes with the command that changes it`, () => {
    const kernel: KernelView = { from: 'lan', route: { kind: 'refused', why } }
    const { steps } = traced({ destination: '10.2.9.9' }, { kernel })
    assert.deepEqual([steps[0]?.verdict, steps[0]?.fix], ['stops', fix])
  })
}

function traced(
  packet: Partial<Record<'source' | 'destination', string>> &
    Partial<Pick<Packet, 'protocol' | 'destinationPort'>>,
  scene: {
    readonly sa?: boolean
    readonly agreed?: typeof ONE
    readonly received?: number
    readonly kernel?: KernelView
    readonly change?: Partial<TunnelConfig>
  } = {},
) {
  const { protocol = 1, destinationPort = 0 } = packet
  const [tunnel] = sites({ networks: [ONE, TWO], ...scene.change }).a.tunnels
  assert.ok(tunnel !== undefined)
  return trace(
    {
      source: ip(packet.source ?? '10.1.4.20'),
      destination: ip(packet.destination ?? ''),
      protocol,
      sourcePort: protocol === 6 ? 49_152 : 0,
      destinationPort,
    },
    {
      clock: { now: () => 60_000, wall: (at) => new Date(at) },
      config: configOf('a', tunnel),
      snapshots: [
        snapshot(scene.sa === false ? [] : [child(0, scene.agreed ?? ONE), child(1, TWO)]),
      ],
      counters: counters(scene.received ?? 7),
      kernel: scene.kernel ?? INTO,
    },
  )
}

function snapshot(childSas: readonly ChildSaFacts[]): TunnelSnapshot {
  const state = childSas.length > 0 ? 'up' : 'down'
  return {
    tunnel: TUNNEL,
    state,
    since: 0,
    ikeSas: [],
    childSas,
    pairs: [],
    failures: 0,
    rekeys: 0,
  }
}

function child(pair: number, selectors: typeof ONE): ChildSaFacts {
  return {
    child: { tunnel: TUNNEL, pair },
    inboundSpi: espSpi(0xc1f0a2b3),
    outboundSpi: espSpi(0x8812ffe0),
    suite: { encryption: 'aes256-gcm16', integrity: 'none', esn: false },
    pfs: 'none',
    mode: 'tunnel',
    encapsulation: 'native',
    selectors,
    lifetime: { seconds: 3_600 },
    establishedAt: 0,
    rekeyAt: 3_000_000,
    expiresAt: 3_600_000,
    state: 'active',
  }
}

function counters(packets: number): DataPlaneCounters {
  const sa = {
    direction: 'inbound',
    child: { tunnel: TUNNEL, pair: 0 },
    spi: espSpi(0xc1f0a2b3),
  } as const
  const lastUsed = packets === 0 ? 0 : 59_000
  return {
    ...NO_COUNTS,
    sas: [saCounters(sa, { packets, lastUsed })],
    tunnels: [tunnelCounters(TUNNEL, { mtu: 1_438 })],
  }
}

function networks(text: string) {
  const pair = parseSelectorPair(text)
  assert.ok(!isTextProblem(pair))
  return pair
}
