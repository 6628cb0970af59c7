import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex } from '#bytes/hex'
import { type IpAddress, type IpFamily, ip, ipFamily, ipFromBigInt } from '#bytes/ip'
import type { Identity } from '#policy/identity'
import type { TrafficSelector } from '#policy/traffic-selector'
import { idPayload } from '../../../test/support/ike-payload-arbitraries.ts'
import {
  identityFromPayload,
  identityToPayload,
  selectorFromPayload,
  selectorToPayload,
} from './id-payload.ts'
import { encodePayloadBody } from './message.ts'
import type { IdPayload } from './payloads.ts'

const address = fc
  .constantFrom<IpFamily>(4, 6)
  .chain((family) =>
    fc.bigInt({ min: 0n, max: allOnes(family) }).map((value) => ipFromBigInt(value, family)),
  )

const name = fc.string({ minLength: 1, maxLength: 60 }).filter((text) => /^[!-~]+$/.test(text))

const identity: fc.Arbitrary<Identity> = fc.oneof(
  address.map((value) => ({ kind: 'address' as const, address: value })),
  name.map((value) => ({ kind: 'fqdn' as const, name: value })),
  name.map((value) => ({ kind: 'user-fqdn' as const, name: value })),
  fc.uint8Array({ minLength: 1 }).map((der) => ({ kind: 'dn' as const, der })),
  fc.uint8Array({ minLength: 1 }).map((octets) => ({ kind: 'key-id' as const, octets })),
)

const selector: fc.Arbitrary<TrafficSelector> = fc.constantFrom<IpFamily>(4, 6).chain((family) =>
  fc
    .record(
      {
        range: fc.oneof(anyRange(family), anyPrefix(family)),
        protocol: fc.nat(255),
        port: fc.option(fc.integer({ min: 1, max: 65535 })),
      },
      { noNullPrototype: true },
    )
    .map(({ range, protocol, port }) => ({
      family,
      protocol,
      start: ipFromBigInt(range.start, family),
      end: ipFromBigInt(range.end, family),
      startPort: port ?? 0,
      endPort: port ?? 65535,
    })),
)

test('reads back the identity it wrote, with protocol and port beside it', () => {
  fc.assert(
    fc.property(identity, fc.nat(255), fc.nat(65535), (value, protocolId, port) => {
      const payload = identityToPayload(value, protocolId, port)
      assert.deepEqual([payload.protocolId, payload.port], [protocolId, port])
      assert.deepEqual(identityFromPayload(payload), value)
    }),
  )
})

test('reads back the selector it wrote', () => {
  fc.assert(
    fc.property(selector, (value) => {
      assert.deepEqual(selectorFromPayload(selectorToPayload(value)), value)
    }),
  )
})

test('any ID payload gives an identity or undefined, a selector or undefined, and no exception', () => {
  fc.assert(
    fc.property(idPayload, fc.integer({ min: 0, max: 12 }), (payload, idType) => {
      identityFromPayload({ ...payload, idType })
      selectorFromPayload({ ...payload, idType })
    }),
    { numRuns: 500 },
  )
})

test('writes the shortest of address, subnet and range (RFC 2407 §4.6.2)', () => {
  assert.equal(body(between('192.0.2.1', '192.0.2.1')), '01000000c0000201')
  assert.equal(body(between('192.168.1.0', '192.168.1.255')), '04000000c0a80100ffffff00')
  assert.equal(body(between('0.0.0.0', '255.255.255.255')), '040000000000000000000000')
  assert.equal(body(between('10.0.0.1', '10.0.0.2')), '070000000a0000010a000002')
  assert.equal(
    body({ ...between('10.0.0.1', '10.0.0.1'), protocol: 6, startPort: 443, endPort: 443 }),
    '010601bb0a000001',
  )
  const prefix = `20010db8${'0'.repeat(24)}`
  const wide = between('2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff')
  assert.equal(body(wide), `06000000${prefix}ffffffff${'0'.repeat(24)}`)
})

test('refuses a range of ports with words: IKEv1 has none for it', () => {
  for (const [startPort, endPort] of [
    [1, 1023],
    [0, 0],
    [0, 65534],
    [1, 65535],
  ] as const) {
    assert.throws(
      () => selectorToPayload({ ...between('10.0.0.1', '10.0.0.1'), startPort, endPort }),
      { name: 'InexpressibleSelector', code: 'inexpressible-selector' },
    )
  }
})

test('ID types that are no addresses are no selectors (CVE-2023-38711)', () => {
  for (let idType = 0; idType < 256; idType++) {
    if ([1, 4, 5, 6, 7, 8].includes(idType)) continue
    for (const length of [0, 4, 8, 16, 32]) {
      assert.equal(selectorFromPayload(payloadOf(idType, '00'.repeat(length))), undefined)
    }
  }
})

test('an address of another length is neither selector nor identity', () => {
  for (const [idType, octets] of [
    [1, 4],
    [4, 8],
    [5, 16],
    [6, 32],
    [7, 8],
    [8, 32],
  ] as const) {
    for (let length = 0; length <= 40; length++) {
      const payload = payloadOf(idType, '00'.repeat(length))
      assert.equal(selectorFromPayload(payload) !== undefined, length === octets)
      if (length !== octets) assert.equal(identityFromPayload(payload), undefined)
    }
  }
})

test('masks with holes and ranges that end before they start are refused', () => {
  assert.equal(selectorFromPayload(payloadOf(4, 'c0a80100 ff00ff00')), undefined)
  assert.equal(selectorFromPayload(payloadOf(4, 'c0a80100 00ffffff')), undefined)
  assert.equal(selectorFromPayload(payloadOf(7, '0a000002 0a000001')), undefined)
  assert.equal(selectorFromPayload(payloadOf(8, `${'0'.repeat(31)}1${'0'.repeat(32)}`)), undefined)
})

test('host bits under a mask are dropped', () => {
  const read = selectorFromPayload(payloadOf(4, 'c0a80107 ffffff00'))
  assert.deepEqual(read, between('192.168.1.0', '192.168.1.255'))
})

test('names that are empty, or hide control characters or octets beyond ASCII, are no identities', () => {
  for (const idType of [2, 3]) {
    for (const hex of ['', '00', '6100', '610a62', '6120', 'c3a9', '7f']) {
      assert.equal(identityFromPayload(payloadOf(idType, hex)), undefined, hex)
    }
  }
  assert.equal(identityFromPayload(payloadOf(9, '')), undefined)
  assert.equal(identityFromPayload(payloadOf(11, '')), undefined)
})

test('an identity of 65,000 octets is read like any other (CVE-2025-9242)', () => {
  const data = new Uint8Array(65_000).fill(0x61)
  for (const idType of [2, 3, 9, 11]) {
    assert.ok(
      identityFromPayload({ type: 'ID', idType, protocolId: 0, port: 0, data }) !== undefined,
    )
  }
})

function anyRange(family: IpFamily): fc.Arbitrary<{ start: bigint; end: bigint }> {
  const value = fc.bigInt({ min: 0n, max: allOnes(family) })
  return fc
    .tuple(value, value)
    .map(([a, b]) => (a < b ? { start: a, end: b } : { start: b, end: a }))
}

function anyPrefix(family: IpFamily): fc.Arbitrary<{ start: bigint; end: bigint }> {
  const bits = family === 4 ? 32 : 128
  return fc
    .tuple(fc.bigInt({ min: 0n, max: allOnes(family) }), fc.nat(bits))
    .map(([value, length]) => {
      const hostBits = (1n << BigInt(bits - length)) - 1n
      const start = value & (allOnes(family) - hostBits)
      return { start, end: start | hostBits }
    })
}

function between(start: string, end: string): TrafficSelector {
  const first: IpAddress = ip(start)
  return {
    family: ipFamily(first),
    protocol: 0,
    start: first,
    end: ip(end),
    startPort: 0,
    endPort: 65535,
  }
}

function body(value: TrafficSelector): string {
  return Buffer.from(encodePayloadBody(selectorToPayload(value))).toString('hex')
}

function payloadOf(idType: number, hex: string): IdPayload {
  return { type: 'ID', idType, protocolId: 0, port: 0, data: fromHex(hex) }
}

function allOnes(family: IpFamily): bigint {
  return (1n << (family === 4 ? 32n : 128n)) - 1n
}
