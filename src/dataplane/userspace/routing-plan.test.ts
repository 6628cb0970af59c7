import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip, ipFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { prefixesOf } from './prefixes.ts'
import { plannedRoutes } from './routing-plan.ts'

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
