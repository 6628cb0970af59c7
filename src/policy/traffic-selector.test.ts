import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import { isTextProblem, type TextProblem } from './text-problem.ts'
import {
  covers,
  equalSelector,
  equalSelectorPair,
  formatSelector,
  formatSelectorPair,
  intersects,
  matchesPacket,
  mirror,
  parseSelector,
  parseSelectorPair,
  type SelectorPair,
  selectorFromPrefix,
  selectorToPrefixes,
  type TrafficSelector,
} from './traffic-selector.ts'

for (const [text, local, remote] of [
  ['10.1.0.0/16 <-> 10.2.0.0/16', '10.1.0.0/16', '10.2.0.0/16'],
  ['10.1.0.0/16<->10.2.0.0/16', '10.1.0.0/16', '10.2.0.0/16'],
  ['10.1.0.0/16 ↔ 10.2.0.0/16', '10.1.0.0/16', '10.2.0.0/16'],
  ['10.1.0.0/16 <-> 10.3.7.0/24 tcp/443', '10.1.0.0/16 tcp', '10.3.7.0/24 tcp/443'],
  ['10.1.0.0/16 <-> 10.3.7.0/24 6/443', '10.1.0.0/16 tcp', '10.3.7.0/24 tcp/443'],
  ['10.1.0.1 udp/53 <-> 10.2.0.0/16', '10.1.0.1 udp/53', '10.2.0.0/16 udp'],
  ['10.0.0.5 - 10.0.0.9 <-> 10.2.0.1 tcp/80-90', '10.0.0.5-10.0.0.9 tcp', '10.2.0.1 tcp/80-90'],
  ['10.1.0.0/16 gre <-> 10.2.0.0/16 gre', '10.1.0.0/16 gre', '10.2.0.0/16 gre'],
  ['10.1.0.0/16 <-> 10.2.0.0/16 77', '10.1.0.0/16 77', '10.2.0.0/16 77'],
  ['10.1.0.0/16 <-> any', '10.1.0.0/16', '0.0.0.0/0'],
  ['any <-> 2001:DB8::/32', '::/0', '2001:db8::/32'],
  ['2001:db8::1-2001:db8::5 <-> 2001:db8:1::/48', '2001:db8::1-2001:db8::5', '2001:db8:1::/48'],
  ['10.0.0.0-10.0.0.255 <-> 10.2.0.1/32', '10.0.0.0/24', '10.2.0.1'],
] as const) {
  test(`"${text}" is ${local} and ${remote}, and reads back from how it is printed`, () => {
    const found = pair(text)
    assert.equal(formatSelector(found.local), local)
    assert.equal(formatSelector(found.remote), remote)
    assert.ok(equalSelectorPair(pair(formatSelectorPair(found)), found))
    assert.ok(equalSelectorPair(pair(formatSelectorPair(mirror(found))), mirror(found)))
  })
}

for (const [text, word, nearest] of [
  ['10.1.0.0/16', '10.1.0.0/16', undefined],
  ['10.1.0.0/16 <-> ', '10.1.0.0/16 <->', undefined],
  ['10.1.2.3/16 <-> 10.2.0.0/16', '10.1.2.3/16', '10.1.0.0/16'],
  ['10.1.0.0/33 <-> 10.2.0.0/16', '/33', undefined],
  ['2001:db8::/129 <-> ::/0', '/129', undefined],
  ['10.1.0/16 <-> 10.2.0.0/16', '10.1.0', undefined],
  ['10.1.0.0/16 <-> paris.example', 'paris.example', undefined],
  ['10.0.0.9-10.0.0.5 <-> any', '10.0.0.9-10.0.0.5', '10.0.0.5-10.0.0.9'],
  ['10.0.0.9-2001:db8::1 <-> any', '10.0.0.9-2001:db8::1', undefined],
  ['10.1.0.0/16 <-> 10.2.0.0/16 tpc/80', 'tpc', 'tcp'],
  ['10.1.0.0/16 <-> 10.2.0.0/16 256', '256', undefined],
  ['10.1.0.0/16 <-> 10.2.0.0/16 icmp/8', '8', undefined],
  ['10.1.0.0/16 <-> 10.2.0.0/16 tcp/0', '0', undefined],
  ['10.1.0.0/16 <-> 10.2.0.0/16 tcp/65536', '65536', undefined],
  ['10.1.0.0/16 <-> 10.2.0.0/16 tcp/90-80', '90-80', '80-90'],
  ['10.1.0.0/16 <-> 10.2.0.0/16 tcp/http', 'http', undefined],
] as const) {
  test(`refuses "${text}" and points at "${word}"`, () => {
    const found = problem(parseSelectorPair(text))
    assert.equal(found.word, word)
    assert.equal(found.nearest, nearest)
  })
}

test('refuses two sides that no packet can join', () => {
  assert.match(problem(parseSelectorPair('10.0.0.0/8 <-> 2001:db8::/32')).message, /IPv4.*IPv6/)
  assert.match(
    problem(parseSelectorPair('10.0.0.0/8 tcp <-> 10.0.0.0/8 udp')).message,
    /one side says tcp and the other udp/,
  )
})

test('covers needs address, protocol and port all inside', () => {
  const outer = side('10.1.0.0/16 tcp/80-90')
  assert.ok(covers(outer, side('10.1.2.0/24 tcp/85')))
  assert.ok(covers(side('any'), outer))
  assert.ok(!covers(outer, side('any')))
  assert.ok(!covers(outer, side('10.1.2.0/24 udp/85')))
  assert.ok(!covers(outer, side('10.1.2.0/24 tcp/91')))
  assert.ok(!covers(outer, side('10.2.0.0/24 tcp/85')))
  assert.ok(!covers(side('any'), side('2001:db8::/32')))
})

test('matches a packet by its address, protocol and port', () => {
  const web = side('10.1.0.0/16 tcp/443')
  assert.ok(matchesPacket(web, ip('10.1.255.255'), 6, 443))
  assert.ok(!matchesPacket(web, ip('10.2.0.0'), 6, 443))
  assert.ok(!matchesPacket(web, ip('10.1.0.1'), 17, 443))
  assert.ok(!matchesPacket(web, ip('10.1.0.1'), 6, 444))
  assert.ok(matchesPacket(side('10.1.0.0/16'), ip('10.1.0.1'), 1, 0))
  assert.ok(!matchesPacket(side('any'), ip('::1'), 6, 443))
})

test('an address alone is a selector of one address', () => {
  assert.equal(formatSelector(selectorFromPrefix(ip('10.1.2.3'))), '10.1.2.3')
  assert.equal(formatSelector(selectorFromPrefix(ip('2001:db8::1'))), '2001:db8::1')
  assert.equal(formatSelector(selectorFromPrefix(ip('10.1.2.3'), 8)), '10.0.0.0/8')
})

test('makes the fewest routes of a range', () => {
  assert.deepEqual(selectorToPrefixes(side('10.0.0.5-10.0.0.9')), [
    { address: '10.0.0.5', bits: 32 },
    { address: '10.0.0.6', bits: 31 },
    { address: '10.0.0.8', bits: 31 },
  ])
  assert.deepEqual(selectorToPrefixes(side('any')), [{ address: '0.0.0.0', bits: 0 }])
  assert.equal(selectorToPrefixes(side('0.0.0.1-255.255.255.254')).length, 62)
  assert.equal(selectorToPrefixes(side('::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe')).length, 254)
})

const ranges = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  .map(
    ([a, b]): TrafficSelector => ({
      family: 4,
      protocol: 0,
      start: ipFromBigInt(BigInt(Math.min(a, b)), 4),
      end: ipFromBigInt(BigInt(Math.max(a, b)), 4),
      startPort: 0,
      endPort: 0xffff,
    }),
  )

test('prefixes of any range lie end to end and fill it', () => {
  fc.assert(
    fc.property(ranges, (range) => {
      let next = ipToBigInt(range.start)
      for (const { address, bits } of selectorToPrefixes(range)) {
        const block = selectorFromPrefix(address, bits)
        assert.equal(block.start, address)
        assert.equal(ipToBigInt(block.start), next)
        next = ipToBigInt(block.end) + 1n
      }
      assert.equal(next, ipToBigInt(range.end) + 1n)
    }),
  )
})

test('two selectors intersect when one covers the other, and both ways round', () => {
  fc.assert(
    fc.property(ranges, ranges, (a, b) => {
      assert.equal(intersects(a, b), intersects(b, a))
      if (covers(a, b)) assert.ok(intersects(a, b))
      assert.equal(covers(a, b) && covers(b, a), equalSelector(a, b))
    }),
  )
})

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      parseSelectorPair(text)
      parseSelectorPair(`10.0.0.0/8 <-> ${text}`)
      parseSelectorPair(`10.0.0.0/8 <-> 10.0.0.0/8 ${text}`)
    }),
  )
})

function pair(text: string): SelectorPair {
  const found = parseSelectorPair(text)
  if (isTextProblem(found)) throw new Error(`${text}: ${found.message}`)
  return found
}

function side(text: string): TrafficSelector {
  const found = parseSelector(text)
  if (isTextProblem(found)) throw new Error(`${text}: ${found.message}`)
  return found
}

function problem(found: unknown): TextProblem {
  assert.ok(isTextProblem(found), `expected a problem, not ${JSON.stringify(found)}`)
  return found
}
