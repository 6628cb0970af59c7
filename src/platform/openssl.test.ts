import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { Secret } from '#bytes/secret'
import { ENCRYPTIONS, encryption, INTEGRITIES, integrity } from '#crypto/registry'
import type { EspTransform, EspTransformFactory } from '#esp/transform'
import type { EspSuite } from '#policy/proposal'
import { allocateArena } from './arena.ts'
import { opensslTransformFactory } from './openssl.ts'

const arena = allocateArena(65536)
const factory = opensslTransformFactory(arena) as EspTransformFactory

describe('ESP transforms of OpenSSL', () => {
  for (const suite of everySuite()) {
    const name = `${suite.encryption} ${suite.integrity}${suite.esn ? ' esn' : ''}`

    it(`${name}: what it seals, node:crypto opens, and the other way round`, () => {
      const keys = keysFor(suite)
      const outbound = factory('outbound', suite, keys.encryption, keys.integrity)
      const inbound = factory('inbound', suite, keys.encryption, keys.integrity)
      try {
        const high = suite.esn ? 7 : 0
        for (const [index, blocks] of [1, 2, 5, 90].entries()) {
          const plain = randomBytes(blocks * outbound.alignment)
          const length = writePacket(outbound, 512, index + 1, plain)
          outbound.seal(512, length, high)
          const packet = Buffer.from(arena.octets.subarray(512, 512 + length))
          assert.deepEqual(openWithNode(suite, keys, packet, high), plain)

          arena.octets.set(sealWithNode(suite, keys, index + 1, plain, high), 4096)
          assert.equal(inbound.open(4096, length, high), true)
          const at = 4096 + 8 + inbound.ivOctets
          assert.deepEqual(Buffer.from(arena.octets.subarray(at, at + plain.length)), plain)
        }
      } finally {
        outbound.free()
        inbound.free()
      }
    })

    it(`${name}: refuses a packet with any part changed`, () => {
      const keys = keysFor(suite)
      const inbound = factory('inbound', suite, keys.encryption, keys.integrity)
      try {
        const plain = randomBytes(inbound.alignment * 4)
        const packet = sealWithNode(suite, keys, 9, plain, 0)
        const places = [0, 4, 8, 8 + inbound.ivOctets, packet.length - inbound.icvOctets]
        for (const place of [...places, packet.length - 1]) {
          arena.octets.set(packet, 0)
          arena.octets[place] = (arena.octets[place] ?? 0) ^ 1
          assert.equal(inbound.open(0, packet.length, 0), false, `octet ${place}`)
        }
        arena.octets.set(packet, 0)
        assert.equal(inbound.open(0, packet.length, 1), !suite.esn, 'high half of ESN')
        arena.octets.set(packet, 0)
        assert.equal(inbound.open(0, packet.length, 0), true, 'a good one after bad ones')
      } finally {
        inbound.free()
      }
    })
  }

  it('seals numbers that follow each other and numbers that leap, each under its own IV', () => {
    const suite: EspSuite = { encryption: 'aes128-gcm16', integrity: 'none', esn: true }
    const keys = keysFor(suite)
    const outbound = factory('outbound', suite, keys.encryption, keys.integrity)
    try {
      const numbers = [
        [0, 1],
        [0, 2],
        [0, 9],
        [0, 10],
        [0, 0xffff_ffff],
        [1, 0],
        [1, 1],
        [3, 1],
      ] as const
      for (const [high, low] of numbers) {
        const plain = randomBytes(100)
        const length = writePacket(outbound, 512, low, plain)
        outbound.seal(512, length, high)
        const packet = Buffer.from(arena.octets.subarray(512, 512 + length))
        assert.deepEqual([packet.readUInt32BE(8), packet.readUInt32BE(12)], [high, low])
        assert.deepEqual(openWithNode(suite, keys, packet, high), plain)
      }
    } finally {
      outbound.free()
    }
  })

  it('opens the sample packet of RFC 7634 appendix A', () => {
    const keymat = Uint8Array.from({ length: 36 }, (_, i) => 0x80 + i)
    const suite: EspSuite = { encryption: 'chacha20poly1305', integrity: 'none', esn: false }
    const inbound = factory('inbound', suite, new Secret(keymat), new Secret(new Uint8Array()))
    const packet = Buffer.from(
      '01020304' +
        '00000005' +
        '1011121314151617' +
        '24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6' +
        '14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3' +
        'cbec163fac469b502773f6fb94e664da9165b82829f641e0' +
        '76aaa8266b7fb0f7b11b369907e1ad43',
      'hex',
    )
    arena.octets.set(packet, 0)
    assert.equal(inbound.open(0, packet.length, 0), true)
    const inner = Buffer.from(arena.octets.subarray(16, 16 + 84)).toString('hex')
    assert.ok(inner.startsWith('45000054a6f200004001e778c6336405c0000205'))
    assert.ok(inner.endsWith('31323334353637'))
    inbound.free()
  })

  it('draws a new unpredictable IV for every CBC packet', () => {
    const suite: EspSuite = { encryption: 'aes128-cbc', integrity: 'hmac-sha1-96', esn: false }
    const keys = keysFor(suite)
    const outbound = factory('outbound', suite, keys.encryption, keys.integrity)
    const ivs = new Set<string>()
    for (let sequence = 1; sequence <= 600; sequence++) {
      outbound.seal(0, writePacket(outbound, 0, sequence, Buffer.alloc(16)), 0)
      ivs.add(Buffer.from(arena.octets.subarray(8, 24)).toString('hex'))
    }
    outbound.free()
    assert.equal(ivs.size, 600)
  })

  it('never seals twice under one sequence number', () => {
    for (const suite of everySuite()) {
      const keys = keysFor(suite)
      const outbound = factory('outbound', suite, keys.encryption, keys.integrity)
      const length = writePacket(outbound, 0, 5, Buffer.alloc(outbound.alignment))
      outbound.seal(0, length, 0)
      arena.view.setUint32(4, 5)
      assert.throws(() => outbound.seal(0, length, 0), RangeError)
      outbound.free()
    }
  })

  it('touches nothing outside the packet', () => {
    for (const suite of everySuite()) {
      const keys = keysFor(suite)
      const outbound = factory('outbound', suite, keys.encryption, keys.integrity)
      const inbound = factory('inbound', suite, keys.encryption, keys.integrity)
      arena.octets.fill(0xaa, 0, 1024)
      const length = writePacket(outbound, 256, 1, randomBytes(outbound.alignment * 3))
      outbound.seal(256, length, 0)
      assert.equal(inbound.open(256, length, 0), true)
      assert.ok(arena.octets.subarray(0, 256).every((octet) => octet === 0xaa))
      assert.ok(arena.octets.subarray(256 + length, 1024).every((octet) => octet === 0xaa))
      outbound.free()
      inbound.free()
    }
  })

  it('refuses packets too short, beyond the arena or not of whole blocks', () => {
    for (const suite of everySuite()) {
      const keys = keysFor(suite)
      const inbound = factory('inbound', suite, keys.encryption, keys.integrity)
      const overhead = 8 + inbound.ivOctets + inbound.icvOctets
      assert.equal(inbound.open(0, overhead - 1, 0), false)
      assert.equal(inbound.open(0, 0, 0), false)
      assert.equal(inbound.open(-4, overhead + 16, 0), false)
      assert.equal(inbound.open(arena.octets.length - overhead, overhead + 16, 0), false)
      if (encryption(suite.encryption).blockOctets > 1) {
        assert.equal(inbound.open(0, overhead + 4, 0), false)
      }
      inbound.free()
    }
  })

  it('refuses to work once it is freed, and frees once', () => {
    for (const suite of everySuite()) {
      const keys = keysFor(suite)
      const transform = factory('outbound', suite, keys.encryption, keys.integrity)
      transform.free()
      transform.free()
      assert.equal(transform.open(0, 512, 0), false)
      assert.throws(() => transform.seal(0, 512, 0), RangeError)
    }
  })

  it('refuses keys of a wrong length without printing them', () => {
    const suite: EspSuite = { encryption: 'aes128-gcm16', integrity: 'none', esn: false }
    assert.throws(
      () => factory('inbound', suite, new Secret(new Uint8Array(16)), new Secret(new Uint8Array())),
      { message: 'the encryption key must have 20 octets, got 16' },
    )
  })
})

type Keys = { readonly encryption: Secret; readonly integrity: Secret }

function everySuite(): EspSuite[] {
  return ENCRYPTIONS.flatMap(({ name, aead }) =>
    (aead ? (['none'] as const) : INTEGRITIES.map((each) => each.name)).flatMap((integrity) =>
      [false, true].map((esn) => ({ encryption: name, integrity, esn })),
    ),
  )
}

function keysFor(suite: EspSuite): Keys {
  const { keyOctets, saltOctets } = encryption(suite.encryption)
  const macOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
  return {
    encryption: new Secret(randomBytes(keyOctets + saltOctets)),
    integrity: new Secret(randomBytes(macOctets)),
  }
}

/** SPI, sequence, room for the IV, `plain`, room for the ICV. @returns the length of it all */
function writePacket(
  transform: EspTransform,
  offset: number,
  sequence: number,
  plain: Uint8Array,
): number {
  arena.view.setUint32(offset, 0x0102_0304)
  arena.view.setUint32(offset + 4, sequence)
  arena.octets.set(plain, offset + 8 + transform.ivOctets)
  return 8 + transform.ivOctets + plain.length + transform.icvOctets
}

// The same packets by node:crypto, written from the RFCs alone.

function sealWithNode(
  suite: EspSuite,
  keys: Keys,
  sequence: number,
  plain: Uint8Array,
  high: number,
): Buffer {
  const { cipher, key, nonceOf, ivOctets, aead } = nodeCipher(suite, keys)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(0x0102_0304)
  head.writeUInt32BE(sequence, 4)
  const iv = randomBytes(ivOctets)
  if (aead) {
    const sealer = createCipheriv(cipher, key, nonceOf(iv), { authTagLength: 16 })
    sealer.setAAD(associatedData(suite, head, high), { plaintextLength: plain.length })
    const body = Buffer.concat([sealer.update(plain), sealer.final()])
    const icv = sealer.getAuthTag().subarray(0, encryption(suite.encryption).icvOctets)
    return Buffer.concat([head, iv, body, icv])
  }
  const sealer = createCipheriv(cipher, key, nonceOf(iv)).setAutoPadding(false)
  const packet = Buffer.concat([head, iv, sealer.update(plain), sealer.final()])
  return Buffer.concat([packet, nodeIcv(suite, keys, packet, high)])
}

function openWithNode(suite: EspSuite, keys: Keys, packet: Buffer, high: number): Buffer {
  const { cipher, key, nonceOf, ivOctets, aead } = nodeCipher(suite, keys)
  const icvOctets = aead
    ? encryption(suite.encryption).icvOctets
    : integrity(suite.integrity as 'hmac-sha1-96').icvOctets
  const iv = packet.subarray(8, 8 + ivOctets)
  const body = packet.subarray(8 + ivOctets, packet.length - icvOctets)
  const icv = packet.subarray(packet.length - icvOctets)
  if (aead) {
    const opener = createDecipheriv(cipher, key, nonceOf(iv), { authTagLength: icvOctets })
    opener.setAAD(associatedData(suite, packet.subarray(0, 8), high), {
      plaintextLength: body.length,
    })
    opener.setAuthTag(icv)
    return Buffer.concat([opener.update(body), opener.final()])
  }
  assert.deepEqual(nodeIcv(suite, keys, packet.subarray(0, packet.length - icvOctets), high), icv)
  const opener = createDecipheriv(cipher, key, nonceOf(iv)).setAutoPadding(false)
  return Buffer.concat([opener.update(body), opener.final()])
}

function nodeCipher(suite: EspSuite, keys: Keys) {
  const { aead, keyOctets, ivOctets } = encryption(suite.encryption)
  const key = keys.encryption.reveal().subarray(0, keyOctets)
  const salt = keys.encryption.reveal().subarray(keyOctets)
  const first = Buffer.from([0, 0, 0, 1])
  const parts = /^aes(\d+)-(\w\w\w)/.exec(suite.encryption)
  if (suite.encryption === '3des-cbc') {
    return { cipher: 'des-ede3-cbc' as 'aes-128-gcm', key, ivOctets, aead, nonceOf }
  }
  if (parts === null) {
    const cipher = 'chacha20-poly1305' as 'aes-128-gcm'
    return { cipher, key, ivOctets, aead, nonceOf }
  }
  return { cipher: `aes-${parts[1]}-${parts[2]}` as 'aes-128-gcm', key, ivOctets, aead, nonceOf }

  function nonceOf(iv: Uint8Array): Buffer {
    const counter = parts?.[2] === 'ctr' ? first : Buffer.alloc(0)
    return Buffer.concat([salt, iv, counter])
  }
}

/** RFC 4106 §5. */
function associatedData(suite: EspSuite, head: Uint8Array, high: number): Buffer {
  if (!suite.esn) return Buffer.from(head)
  return Buffer.concat([head.subarray(0, 4), uint32(high), head.subarray(4, 8)])
}

/** RFC 4303 §2.2.1. */
function nodeIcv(suite: EspSuite, keys: Keys, packet: Uint8Array, high: number): Buffer {
  const { hash, icvOctets } = integrity(suite.integrity as 'hmac-sha1-96')
  const hmac = createHmac(hash, keys.integrity.reveal()).update(packet)
  if (suite.esn) hmac.update(uint32(high))
  return hmac.digest().subarray(0, icvOctets)
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return octets
}
