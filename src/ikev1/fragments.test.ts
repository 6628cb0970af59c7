import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concat } from '#bytes/concat'
import { ip } from '#bytes/ip'
import { PeerViolation } from '#ike/errors'
import type { Datagram } from '#ike/version'
import { decodeHeader, encodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { FragmentPayload } from '#wire/v1/payloads'
import { cut, FRAGMENT, FragmentAssembly, joinFragment, unfragmentedOctets } from './fragments.ts'

const ENDS = {
  local: { address: ip('198.51.100.7'), port: 500 },
  remote: { address: ip('203.0.113.10'), port: 500 },
}
const MAIN_MODE = 2

test('what was cut is joined again, in whatever order and however often its parts come', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1_300, maxLength: 9_000 }),
      fc.infiniteStream(fc.nat()),
      (body, numbers) => {
        const octets = message(body)
        const parts = cut(octets, 576, MAIN_MODE)
        const order = [...parts, ...parts]
          .map((part) => ({ part, at: numbers.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ part }) => part)
        const joined = order.flatMap(feed(new FragmentAssembly()))
        assert.ok(joined.length >= 1 && joined.length <= 2)
        for (const one of joined) assert.deepEqual(one, octets)
      },
    ),
    { numRuns: 50 },
  )
})

test('no fragment is larger than asked, and all are clear messages of phase 1 under the same SPIs', () => {
  const octets = message(new Uint8Array(5_000).fill(7))
  const parts = cut(octets, 1_248, MAIN_MODE)
  assert.equal(parts.length, 5)
  for (const part of parts) {
    const header = decodeHeader(part)
    assert.ok(part.length <= 1_248)
    assert.deepEqual(
      [header.nextPayload, header.exchangeType, header.flags, header.messageId],
      [FRAGMENT, MAIN_MODE, 0, 0],
    )
    assert.deepEqual(header.initiatorSpi, decodeHeader(octets).initiatorSpi)
  }
})

test('a repeated message gives the same fragments', () => {
  const octets = message(new Uint8Array(3_000).fill(9))
  assert.deepEqual(cut(octets, 576, MAIN_MODE), cut(octets, 576, MAIN_MODE))
})

test('leaves room for the headers of a path of 1,280 octets', () => {
  assert.equal(unfragmentedOctets(ip('203.0.113.10')), 1_248)
  assert.equal(unfragmentedOctets(ip('2001:db8::1')), 1_228)
})

test('refuses to cut what would need more numbers than there are', () => {
  assert.throws(() => cut(message(new Uint8Array(60_000)), 200, MAIN_MODE), RangeError)
})

for (const [what, fragment] of Object.entries<Partial<FragmentPayload>>({
  'number 0 (CVE-2013-6076)': { number: 0 },
  'number 0 as the last (CVE-2013-6076)': { number: 0, flags: 1 },
  'empty data (CVE-2013-6076)': { data: new Uint8Array(0) },
})) {
  test(`refuses ${what}`, () => {
    assert.throws(() => new FragmentAssembly().take(part(fragment), 0), PeerViolation)
  })
}

test('refuses numbers behind the last one, before it and after it', () => {
  const early = new FragmentAssembly()
  early.take(part({ number: 3 }), 0)
  assert.throws(() => early.take(part({ number: 2, flags: 1 }), 0), PeerViolation)
  const late = new FragmentAssembly()
  late.take(part({ number: 2, flags: 1 }), 0)
  assert.throws(() => late.take(part({ number: 3 }), 0), PeerViolation)
})

test('refuses fragments that add up to more than an IKE message can have (CVE-2016-1287)', () => {
  const assembly = new FragmentAssembly()
  const data = new Uint8Array(16_000)
  for (let number = 1; number <= 4; number++) assembly.take(part({ number, data }), 0)
  assert.throws(() => assembly.take(part({ number: 5, data }), 0), PeerViolation)
})

test('other content under a number begins another message, as some peers use one id for all', () => {
  const assembly = new FragmentAssembly()
  const one = Uint8Array.of(1)
  const two = Uint8Array.of(2)
  assembly.take(part({ number: 1, data: one }), 0)
  assembly.take(part({ number: 1, data: two }), 0)
  assert.deepEqual(assembly.take(part({ number: 2, flags: 1, data: two }), 0), concat(two, two))
})

test('forgets a message that does not become complete in time', () => {
  const assembly = new FragmentAssembly()
  assembly.take(part({ number: 1 }), 0)
  assert.equal(assembly.take(part({ number: 2, flags: 1 }), 30_000), undefined)
})

test('keeps two messages at most, whatever ids come (CVE-2016-10396)', () => {
  const assembly = new FragmentAssembly()
  for (let id = 1; id <= 1_000; id++) {
    for (let number = 255; number > 1; number -= 50) assembly.take(part({ id, number }), 0)
  }
  assert.equal(assembly.take(part({ id: 1, number: 1, flags: 1 }), 0)?.length, 1)
  assert.throws(() => assembly.take(part({ id: 1_000, number: 1, flags: 1 }), 0), PeerViolation)
})

test('refuses a fragment of a fragment (CVE-2013-6076), and one that is not alone', () => {
  const inner = cut(message(new Uint8Array(2_000)), 1_000, MAIN_MODE)[0] ?? new Uint8Array(0)
  const outer = cut(inner, 500, MAIN_MODE)
  assert.throws(() => outer.flatMap(feed(new FragmentAssembly())), PeerViolation)
})

test('refuses fragments whose content belongs to another IKE SA', () => {
  const parts = cut(message(new Uint8Array(2_000)), 1_000, MAIN_MODE)
  for (const one of parts) one[0] = 0xee
  assert.throws(() => parts.flatMap(feed(new FragmentAssembly())), PeerViolation)
})

test('refuses content that is no IKE message, without reading beyond it', () => {
  const fragments = cut(message(new Uint8Array(100)), 1_000, MAIN_MODE)
  const [whole] = fragments
  assert.ok(whole !== undefined)
  // The length in the header inside says more than there is.
  whole[HEADER_OCTETS + 8 + 24] = 0x7f
  assert.throws(() => feed(new FragmentAssembly())(whole), MalformedMessage)
})

test('whatever fragments come, what is kept and what comes out is bounded', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          id: fc.nat(3),
          number: fc.nat(255),
          flags: fc.nat(1),
          data: fc.uint8Array({ maxLength: 60 }),
        }),
        { maxLength: 200 },
      ),
      (fragments) => {
        const assembly = new FragmentAssembly()
        fragments.forEach((fragment, now) => {
          try {
            const joined = assembly.take({ type: 'FRAGMENT', ...fragment }, now)
            assert.ok(joined === undefined || joined.length <= 65_536)
          } catch (error) {
            assert.ok(error instanceof PeerViolation)
          }
        })
      },
    ),
  )
})

function message(body: Uint8Array): Uint8Array {
  const header = encodeHeader({
    initiatorSpi: new Uint8Array(8).fill(1),
    responderSpi: new Uint8Array(8).fill(2),
    nextPayload: 8,
    majorVersion: 1,
    minorVersion: 0,
    exchangeType: 32,
    flags: 1,
    messageId: 0x1234,
    length: HEADER_OCTETS + body.length,
  })
  return concat(header, body)
}

/** Hands parts over one by one; what becomes complete comes out. */
function feed(assembly: FragmentAssembly): (octets: Uint8Array) => readonly Uint8Array[] {
  return (octets) => {
    const datagram: Datagram = { ...ENDS, octets }
    const whole = joinFragment(assembly, datagram, decodeHeader(octets), 0)
    return whole === undefined ? [] : [whole[0].octets]
  }
}

function part(changes: Partial<FragmentPayload>): FragmentPayload {
  return { type: 'FRAGMENT', id: 1, number: 1, flags: 0, data: Uint8Array.of(0), ...changes }
}
