import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip, ipFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { prefixesOf } from './prefixes.ts'
import { inOrder, type PlannedTunnel, plannedRoutes, plannedRules } from './routing-plan.ts'

const range = (start: string, end: string): TrafficSelector => ({
  family: ipFamily(ip(start)),
  protocol: 0,
  start: ip(start),
  end: ip(end),
  startPort: 0,
  endPort: 0xffff,
})

const texts = (selector: TrafficSelector): string[] =>
  prefixesOf(selector).map(({ address, length }) => `${address}/${length}`)

test('a range becomes the fewest prefixes', () => {
  assert.deepEqual(texts(range('10.1.0.0', '10.1.255.255')), ['10.1.0.0/16'])
  assert.deepEqual(texts(range('0.0.0.0', '255.255.255.255')), ['0.0.0.0/0'])
  assert.deepEqual(texts(range('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')), ['::/0'])
  assert.deepEqual(texts(range('10.0.0.1', '10.0.0.6')), [
    '10.0.0.1/32',
    '10.0.0.2/31',
    '10.0.0.4/31',
    '10.0.0.6/32',
  ])
  assert.deepEqual(texts(range('fd00::1', 'fd00::1')), ['fd00::1/128'])
})

test('prefixes cover a range exactly, in order', () => {
  fc.assert(
    fc.property(fc.tuple(fc.integer({ min: 0 }), fc.integer({ min: 0 })), ([a, b]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      const at = (value: number) => ipFromBigInt(BigInt(value) * 2n, 4)
      let next = ipToBigInt(at(low))
      for (const { address, length } of prefixesOf({ family: 4, start: at(low), end: at(high) })) {
        assert.equal(ipToBigInt(address), next)
        next += 1n << BigInt(32 - length)
      }
      assert.equal(next, ipToBigInt(at(high)) + 1n)
    }),
  )
})

const plan = (pairs: readonly SelectorPair[], addresses: readonly string[] = []): string[] =>
  plannedRoutes(
    [
      {
        link: 7,
        takesPackets: true,
        tunnel: {
          name: 'paris',
          interfaceName: 'cw-paris',
          local: ip('192.0.2.1'),
          remote: ip('198.51.100.1'),
          mode: 'tunnel',
          pairs,
          acquire: true,
        },
      },
    ],
    addresses.map(ip),
  ).map(
    ({ type, destination, prefixLength, link, source }) =>
      `${type} ${destination}/${prefixLength} ${link ?? '-'} ${source ?? '-'}`,
  )

test('each remote network leads into the device, and nowhere once the device is gone', () => {
  const pair = {
    local: range('10.1.0.0', '10.1.255.255'),
    remote: range('10.2.0.0', '10.2.255.255'),
  }
  assert.deepEqual(plan([pair], ['192.0.2.1', '10.1.0.1', 'fd00::1']), [
    'unicast 10.2.0.0/16 7 10.1.0.1',
    'blackhole 10.2.0.0/16 - -',
  ])
})

test('a local network inside a remote one stays reachable', () => {
  const everything = range('0.0.0.0', '255.255.255.255')
  assert.deepEqual(plan([{ local: range('10.1.0.0', '10.1.255.255'), remote: everything }]), [
    'unicast 0.0.0.0/0 7 -',
    'blackhole 0.0.0.0/0 - -',
    'throw 10.1.0.0/16 - -',
  ])
})

test('where every source is allowed, the host chooses its own', () => {
  const everything = range('0.0.0.0', '255.255.255.255')
  const pair = { local: everything, remote: range('10.2.0.0', '10.2.0.255') }
  assert.deepEqual(plan([pair], ['192.0.2.1']), [
    'unicast 10.2.0.0/24 7 -',
    'blackhole 10.2.0.0/24 - -',
  ])
})

const EVERYTHING = range('0.0.0.0', '255.255.255.255')

function planned(
  changes: Partial<PlannedTunnel['tunnel']>,
  takesPackets = true,
  link = 7,
): PlannedTunnel {
  return {
    link,
    takesPackets,
    tunnel: {
      name: 'paris',
      interfaceName: 'cw-paris',
      local: ip('192.0.2.1'),
      remote: ip('198.51.100.1'),
      mode: 'tunnel',
      pairs: [{ local: EVERYTHING, remote: EVERYTHING }],
      acquire: true,
      ...changes,
    },
  }
}

const routesText = (...tunnels: readonly PlannedTunnel[]): string[] =>
  plannedRoutes(tunnels, []).map(
    ({ type, destination, prefixLength, table, link }) =>
      `${table} ${type} ${destination}/${prefixLength} ${link ?? '-'}`,
  )

const rulesText = (...tunnels: readonly PlannedTunnel[]): string[] =>
  plannedRules(4, tunnels, plannedRoutes(tunnels, [])).map((rule) =>
    [
      `${rule.priority}:`,
      ...(rule.mark === undefined ? [] : [rule.inverted ? 'unmarked' : 'marked']),
      ...(rule.destination === undefined ? [] : [`to ${rule.destination}`]),
      ...(rule.ipProtocol === undefined ? [] : [`protocol ${rule.ipProtocol}`]),
      ...(rule.sourcePorts === undefined ? [] : [`from port ${rule.sourcePorts.start}`]),
      ...(rule.destinationPorts === undefined ? [] : [`to port ${rule.destinationPorts.start}`]),
      `table ${rule.table}`,
      ...(rule.suppressPrefixLength === undefined ? [] : ['without default']),
    ].join(' '),
  )

const PREFIX_2 = { address: ip('10.2.0.0'), bits: 16 }

test('a route-based tunnel takes what is listed and the network of its address, whatever was agreed', () => {
  const addresses = [
    { address: ip('169.254.10.1'), bits: 30 },
    { address: ip('10.99.0.1'), bits: 32 },
  ]
  assert.deepEqual(routesText(planned({ routes: [PREFIX_2], addresses })), [
    '4500 unicast 169.254.10.0/30 7',
    '4500 blackhole 169.254.10.0/30 -',
    '4500 unicast 10.2.0.0/16 7',
    '4500 blackhole 10.2.0.0/16 -',
  ])
  assert.deepEqual(routesText(planned({ routes: [] })), [])
})

test('while a route-based tunnel is down its route is withdrawn for the next, and nothing leaves in clear', () => {
  const first = planned({ routes: [PREFIX_2] }, false)
  assert.deepEqual(routesText(first), ['4500 blackhole 10.2.0.0/16 -'])
  const second = planned({ routes: [PREFIX_2] }, true, 8)
  assert.deepEqual(routesText(first, second), [
    '4500 blackhole 10.2.0.0/16 -',
    '4500 unicast 10.2.0.0/16 8',
  ])
})

test('of two tunnels with one route the first of the configuration has it, whichever lane tells of it first', () => {
  const named = (name: string, link: number): PlannedTunnel => {
    const one = planned({ routes: [PREFIX_2] }, true, link)
    return { ...one, tunnel: { ...one.tunnel, name } }
  }
  const [first, second] = [named('first', 8), named('second', 7)]
  const names = ['other', 'first', 'second']
  assert.deepEqual(routesText(...inOrder([second, first], names)), [
    '4500 unicast 10.2.0.0/16 8',
    '4500 blackhole 10.2.0.0/16 -',
  ])
  assert.deepEqual(inOrder([named('gone', 6), second, first], names).at(-1)?.link, 6)
})

test('a default route into a tunnel leaves what the main table knows to the main table', () => {
  const tunnel = planned({ routes: [{ address: ip('0.0.0.0'), bits: 0 }, PREFIX_2] })
  assert.deepEqual(rulesText(tunnel), [
    '4500: unmarked table 4500',
    '4501: unmarked table 254 without default',
    '4502: unmarked table 4501',
  ])
})

test('in transport mode all traffic of the two hosts, or exactly what is listed, is led in', () => {
  const hosts = {
    local: range('192.0.2.1', '192.0.2.1'),
    remote: range('198.51.100.1', '198.51.100.1'),
  }
  const only = (protocol: number, localPort?: number): SelectorPair => ({
    local: {
      ...hosts.local,
      protocol,
      ...(localPort === undefined ? {} : { startPort: localPort, endPort: localPort }),
    },
    remote: { ...hosts.remote, protocol },
  })
  const all = planned({ mode: 'transport', pairs: [hosts] })
  assert.deepEqual(routesText(all), [
    '4500 unicast 198.51.100.1/32 7',
    '4500 blackhole 198.51.100.1/32 -',
  ])
  assert.deepEqual(rulesText(all), ['4500: unmarked table 4500'])
  const gre = planned({ mode: 'transport', pairs: [only(47), only(6, 80)] })
  assert.deepEqual(routesText(gre), [
    '4502 unicast 198.51.100.1/32 7',
    '4502 blackhole 198.51.100.1/32 -',
  ])
  assert.deepEqual(rulesText(gre), [
    '4499: to 198.51.100.1 protocol 47 table 4502',
    '4499: to 198.51.100.1 protocol 6 from port 80 table 4502',
  ])
})

test('protected UDP is told from our own by its mark', () => {
  const one = (address: string) => ({ ...range(address, address), protocol: 17 })
  const pairs = [{ local: one('192.0.2.1'), remote: one('198.51.100.1') }]
  assert.deepEqual(rulesText(planned({ mode: 'transport', pairs })), [
    '4498: marked table 254',
    '4499: to 198.51.100.1 protocol 17 table 4502',
  ])
})
