import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '#bytes/hex'
import { Secret } from '#bytes/secret'
import { ENCRYPTIONS, encryption, INTEGRITIES, integrity } from '#crypto/registry'
import type { EspTransform, EspTransformFactory, PacketArena } from '#esp/transform'
import { type Arena, allocateArena } from '#platform/arena'
import { opensslTransformFactory } from '#platform/openssl'
import type { EspSuite } from '#policy/proposal'
import { ESP_VECTORS, INTEGRITY_VECTORS } from '../../../test/vectors/esp-packets.ts'
import { nodeTransformFactory } from './node-transform.ts'

const AT = 128
const arena: Arena = allocateArena(65_536)
const otherArena: Arena = allocateArena(65_536)

const FACTORIES: readonly (readonly [string, EspTransformFactory | undefined])[] = [
  ['node:crypto', nodeTransformFactory(arena)],
  ['OpenSSL', opensslTransformFactory(arena)],
]

const SUITES: readonly EspSuite[] = [false, true].flatMap((esn) =>
  ENCRYPTIONS.flatMap((cipher): EspSuite[] =>
    cipher.aead
      ? [{ encryption: cipher.name, integrity: 'none', esn }]
      : INTEGRITIES.map(({ name }) => ({ encryption: cipher.name, integrity: name, esn })),
  ),
)

const suiteName = (suite: EspSuite): string =>
  `${suite.encryption} ${suite.integrity}${suite.esn ? ' esn' : ''}`

function keysOf(suite: EspSuite, octet: number): [Secret, Secret] {
  const { keyOctets, saltOctets } = encryption(suite.encryption)
  const macOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
  const key = Uint8Array.from({ length: keyOctets + saltOctets }, (_, i) => octet + i * 3)
  return [new Secret(key), new Secret(Uint8Array.from({ length: macOctets }, (_, i) => octet + i))]
}

/** Writes a packet ready to be sealed; returns its whole length. */
function put(
  { octets, view }: PacketArena,
  transform: EspTransform,
  sequence: number,
  plain: Uint8Array,
): number {
  view.setUint32(AT, 0x1234_5678)
  view.setUint32(AT + 4, sequence)
  octets.set(plain, AT + 8 + transform.ivOctets)
  return 8 + transform.ivOctets + plain.length + transform.icvOctets
}

const contents = ({ octets }: PacketArena, length: number): string =>
  toHex(octets.slice(AT, AT + length))

for (const [implementation, factory] of FACTORIES) {
  for (const vector of ESP_VECTORS) {
    test(`${implementation} opens the packet of ${vector.source}`, () => {
      assert.ok(factory, `${implementation} is missing here`)
      const { aead } = encryption(vector.encryption)
      const esn = vector.sequenceHigh !== undefined
      const macKey = new Uint8Array(aead ? 0 : 32).fill(7)
      const transform = factory(
        'inbound',
        { encryption: vector.encryption, integrity: aead ? 'none' : 'hmac-sha256-128', esn },
        new Secret(fromHex(vector.key)),
        new Secret(macKey),
      )
      arena.view.setUint32(AT, vector.spi)
      arena.view.setUint32(AT + 4, vector.sequence)
      const sealed = fromHex(vector.iv + vector.sealed)
      arena.octets.set(sealed, AT + 8)
      const covered = arena.octets.slice(AT, AT + 8 + sealed.length)
      const icv =
        vector.icv === undefined
          ? createHmac('sha256', macKey).update(covered).digest().subarray(0, 16)
          : fromHex(vector.icv)
      arena.octets.set(icv, AT + covered.length)
      const length = covered.length + icv.length
      assert.equal(transform.open(AT, length, vector.sequenceHigh ?? 0), true)
      const plain = AT + 8 + transform.ivOctets
      assert.equal(toHex(arena.octets.slice(plain, AT + covered.length)), vector.plain)
      transform.free()
    })
  }

  for (const vector of INTEGRITY_VECTORS) {
    test(`${implementation} verifies the authenticator of ${vector.source}`, () => {
      assert.ok(factory, `${implementation} is missing here`)
      const transform = factory(
        'inbound',
        { encryption: 'aes128-ctr', integrity: vector.integrity, esn: false },
        new Secret(new Uint8Array(20)),
        new Secret(fromHex(vector.key)),
      )
      const packet = fromHex(vector.data + vector.icv)
      arena.octets.set(packet, AT)
      assert.equal(transform.open(AT, packet.length, 0), true)
      arena.octets.set(packet, AT)
      arena.view.setUint8(AT + 20, 0)
      assert.equal(transform.open(AT, packet.length, 0), false)
      transform.free()
    })
  }

  for (const suite of SUITES) {
    test(`${implementation} opens what it sealed and nothing else: ${suiteName(suite)}`, () => {
      assert.ok(factory, `${implementation} is missing here`)
      const keys = keysOf(suite, 1)
      const outbound = factory('outbound', suite, ...keys)
      const inbound = factory('inbound', suite, ...keys)
      const stranger = factory('inbound', suite, ...keysOf(suite, 2))
      const plain = Uint8Array.from({ length: 96 }, (_, i) => i)
      const length = put(arena, outbound, 7, plain)
      outbound.seal(AT, length, 3)
      const sealed = arena.octets.slice(AT, AT + length)
      const restore = () => arena.octets.set(sealed, AT)
      for (let bit = 0; bit < length * 8; bit += 37) {
        restore()
        arena.octets[AT + (bit >>> 3)]! ^= 1 << (bit & 7)
        assert.equal(inbound.open(AT, length, 3), false, `bit ${bit}`)
      }
      restore()
      assert.equal(stranger.open(AT, length, 3), false)
      restore()
      assert.equal(
        inbound.open(AT, length, 4),
        !suite.esn,
        'the high half is authenticated with ESN',
      )
      restore()
      assert.equal(inbound.open(AT, length, 3), true)
      assert.deepEqual(
        arena.octets.slice(AT + 8 + inbound.ivOctets, AT + 8 + inbound.ivOctets + plain.length),
        plain,
      )
      for (const transform of [outbound, inbound, stranger]) transform.free()
    })
  }
}

for (const suite of SUITES) {
  test(`both implementations make and understand the same packets: ${suiteName(suite)}`, () => {
    const openssl = opensslTransformFactory(otherArena)
    assert.ok(openssl, 'OpenSSL is missing here')
    const keys = keysOf(suite, 5)
    const ours = nodeTransformFactory(arena)('outbound', suite, ...keys)
    const theirs = openssl('outbound', suite, ...keys)
    const reader = openssl('inbound', suite, ...keys)
    const random = encryption(suite.encryption).name.includes('cbc')
    let sequence = 0
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), (blocks) => {
        sequence++
        const plain = Uint8Array.from({ length: blocks * ours.alignment }, (_, i) => i * 7)
        const length = put(arena, ours, sequence, plain)
        put(otherArena, theirs, sequence, plain)
        ours.seal(AT, length, 0)
        theirs.seal(AT, length, 0)
        if (!random) assert.equal(contents(arena, length), contents(otherArena, length))
        otherArena.octets.set(arena.octets.subarray(AT, AT + length), AT)
        assert.equal(reader.open(AT, length, 0), true)
        const from = AT + 8 + ours.ivOctets
        assert.deepEqual(otherArena.octets.slice(from, from + plain.length), plain)
      }),
      { numRuns: 20 },
    )
    for (const transform of [ours, theirs, reader]) transform.free()
  })
}

test('a suite without integrity protection is refused', () => {
  const suite: EspSuite = { encryption: 'aes128-cbc', integrity: 'none', esn: false }
  assert.throws(
    () =>
      nodeTransformFactory(arena)(
        'outbound',
        suite,
        new Secret(new Uint8Array(16)),
        new Secret(new Uint8Array(0)),
      ),
    /without integrity/,
  )
})
