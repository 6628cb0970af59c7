import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import { allocateArena } from './arena.ts'
import { chachaPoly, InternalChachaPoly, usable } from './chacha-internals.ts'
import { CHACHA_STATE, PublicChachaPoly } from './chacha-poly.ts'
import { ChachaTransform } from './chacha-transform.ts'
import { allocateMemory, type NativeMemory } from './native.ts'
import { loadOpenssl, type OpensslFunctions } from './openssl-functions.ts'

const openssl = loadOpenssl() as OpensslFunctions
const arena = allocateArena(131_072)
const { octets, view } = arena
const AT = 256
const KEY = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
const SALT = Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3)

const WAYS: readonly (readonly [string, typeof chachaPoly])[] = [
  ['the fastest functions', chachaPoly],
  ['the documented functions', (...given) => new PublicChachaPoly(...given)],
]

describe('the key stream and Poly1305 of RFC 8439', () => {
  it('takes the functions under EVP where this OpenSSL shows them', (t) => {
    if (usable(openssl) === undefined) return t.skip('they are hidden')
    const state = allocateMemory(CHACHA_STATE.octets)
    assert.ok(chachaPoly(openssl, KEY, state) instanceof InternalChachaPoly)
  })

  for (const [name, poly] of WAYS) {
    it(`${name} give what §2.8.2 says`, () => {
      const state = allocateMemory(CHACHA_STATE.octets)
      state.octets.set(Buffer.from('070000004041424344454647', 'hex'), CHACHA_STATE.nonce)
      const work = poly(openssl, KEY, state)
      const text = Buffer.from(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      )
      const data = allocateMemory(16 + 128 + 16)
      data.octets.set(Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex'))
      data.octets.set(text, 16)
      data.view.setUint32(144, 12, true)
      data.view.setUint32(152, text.length, true)
      assert.ok(work.begin())
      assert.ok(work.stream(data.address + 16, text.length))
      assert.ok(work.authenticate(data.address, data.octets.length))
      work.free()
      const hex = (from: number, to: number): string =>
        Buffer.from(state.octets.subarray(from, to)).toString('hex')
      assert.equal(
        hex(CHACHA_STATE.oneTimeKey, CHACHA_STATE.oneTimeKey + 32),
        '7bac2b252db447af09b67a55a4e955840ae1d6731075d9eb2a9375783ed553ff',
      )
      assert.equal(
        Buffer.from(data.octets.subarray(16, 32)).toString('hex'),
        'd31a8d34648e60db7b86afbc53ef7ec2',
      )
      assert.equal(hex(CHACHA_STATE.icv, CHACHA_STATE.octets), '1ae10b594f09e26a7e902ecbd0600691')
    })
  }
})

for (const [name, poly] of WAYS) {
  describe(`ChaCha20-Poly1305 by ${name}`, () => {
    for (const esn of [false, true]) {
      it(`seals and opens every length as node:crypto does${esn ? ', with ESN' : ''}`, () => {
        const out = new ChachaTransform(openssl, arena, { esn, key: KEY, salt: SALT, poly })
        const into = new ChachaTransform(openssl, arena, { esn, key: KEY, salt: SALT, poly })
        for (const [index, length] of lengths().entries()) {
          octets.fill(0xaa, AT - 128, AT + 32 + length + 128)
          const plain = Uint8Array.from({ length }, (_, i) => i + length)
          const sequence = index + 1
          view.setUint32(AT, 0x0102_0304)
          view.setUint32(AT + 4, sequence)
          octets.set(plain, AT + 16)
          out.seal(AT, 32 + length, esn ? 5 : 0)
          const expected = byNode(sequence, plain, esn ? 5 : undefined)
          assert.ok(expected.equals(octets.subarray(AT, AT + 32 + length)), `sealed ${length}`)
          assert.equal(into.open(AT, 32 + length, esn ? 5 : 0), true)
          assert.ok(Buffer.from(plain).equals(octets.subarray(AT + 16, AT + 16 + length)))
          const around = [AT - 128, AT + 32 + length].map((at) => octets.subarray(at, at + 128))
          assert.ok(
            around.every((neighbour) => neighbour.every((octet) => octet === 0xaa)),
            `neighbours of ${length}`,
          )
        }
        out.free()
        into.free()
      })
    }

    it('refuses a packet with any octet changed, leaves it sealed and its neighbours alone', () => {
      const into = new ChachaTransform(openssl, arena, { esn: true, key: KEY, salt: SALT, poly })
      const packet = byNode(
        7,
        Uint8Array.from({ length: 36 }, (_, i) => i),
        2,
      )
      for (let place = 0; place < packet.length; place++) {
        octets.fill(0xaa, AT - 64, AT + 256)
        const changed = Buffer.from(packet)
        changed.writeUInt8(changed.readUInt8(place) ^ 0x40, place)
        octets.set(changed, AT)
        assert.equal(into.open(AT, packet.length, 2), false, `octet ${place}`)
        assert.ok(changed.equals(octets.subarray(AT, AT + packet.length)))
        assert.ok(octets.subarray(AT + packet.length, AT + 256).every((octet) => octet === 0xaa))
      }
      octets.set(packet, AT)
      assert.equal(into.open(AT, packet.length, 3), false, 'another high half')
      assert.equal(into.open(AT, packet.length - 4, 2), false, 'cut')
      assert.equal(into.open(AT, packet.length - 1, 2), false, 'not aligned')
      assert.equal(into.open(octets.length - packet.length, packet.length, 2), false, 'at the end')
      assert.equal(into.open(AT, packet.length, 2), true)
      into.free()
    })

    it('forgets what it knew when it is freed', () => {
      const states: NativeMemory[] = []
      const out = new ChachaTransform(openssl, arena, {
        esn: false,
        key: KEY,
        salt: SALT,
        poly: (...given) => {
          states.push(given[2])
          return poly(...given)
        },
      })
      view.setUint32(AT + 4, 1)
      out.seal(AT, 96, 0)
      const wiped = (): boolean =>
        states.every((state) => state.octets.every((octet) => octet === 0))
      assert.equal(wiped(), false)
      out.free()
      assert.equal(wiped(), true)
      assert.equal(out.open(AT, 96, 0), false)
      view.setUint32(AT + 4, 2)
      assert.throws(() => out.seal(AT, 96, 0), RangeError)
    })
  })
}

function lengths(): number[] {
  const short = Array.from({ length: 76 }, (_, i) => i * 4)
  const around = [1400, 9000, 65_000].flatMap((middle) =>
    Array.from({ length: 9 }, (_, i) => middle + (i - 4) * 4),
  )
  return [...short, ...around]
}

/** RFC 7634 §2, written from the RFC alone. */
function byNode(sequence: number, plain: Uint8Array, high: number | undefined): Buffer {
  const word = (value: number): Buffer => {
    const four = Buffer.alloc(4)
    four.writeUInt32BE(value)
    return four
  }
  const spi = word(0x0102_0304)
  const iv = Buffer.concat([word(high ?? 0), word(sequence)])
  const sealer = createCipheriv(
    'chacha20-poly1305' as 'aes-128-gcm',
    KEY,
    Buffer.concat([SALT, iv]),
    {
      authTagLength: 16,
    },
  )
  const associated = high === undefined ? [spi, word(sequence)] : [spi, iv]
  sealer.setAAD(Buffer.concat(associated), { plaintextLength: plain.length })
  const body = Buffer.concat([sealer.update(plain), sealer.final()])
  return Buffer.concat([spi, word(sequence), iv, body, sealer.getAuthTag()])
}
