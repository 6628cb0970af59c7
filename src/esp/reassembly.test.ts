import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { ipPacket } from '../../test/support/ip-packet.ts'
import { PacketFields, readPacketFields } from './packet-fields.ts'
import { Reassembly } from './reassembly.ts'

const octets = new Uint8Array(140_000)
const arena = { octets, view: new DataView(octets.buffer) }
const TO = 70_000

type Ends = { readonly source: IpAddress; readonly destination: IpAddress }
const FAMILIES: readonly Ends[] = [
  { source: ip('192.0.2.1'), destination: ip('192.0.2.2') },
  { source: ip('2001:db8::1'), destination: ip('2001:db8::2') },
]

/** @returns the whole packet, or what `add` says */
function add(reassembly: Reassembly, fragment: Uint8Array): Uint8Array | number {
  octets.set(fragment)
  const fields = new PacketFields()
  assert.equal(readPacketFields(arena.view, 0, fragment.length, fields), true)
  const length = reassembly.add(arena, 0, fields, TO)
  return length > 0 ? octets.slice(TO, TO + length) : length
}

function bodyOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8))
}

/** An ICMP message in pieces of `step` octets. */
function fragments(ends: Ends, body: Uint8Array, step: number, identification = 7): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < body.length; at += step) {
    const moreFragments = at + step < body.length
    const payload = body.subarray(at, at + step)
    const rest = { protocol: IpProtocol.icmp, fragmentOffset: at / 8, moreFragments }
    pieces.push(ipPacket({ ...ends, ...rest, identification, payload, trafficClass: 0xb8 }))
  }
  return pieces
}

for (const ends of FAMILIES) {
  test(`fragments in order make the packet they were: ${ends.source}`, () => {
    const reassembly = new Reassembly()
    for (const length of [1481, 4008, 65_495]) {
      const body = bodyOf(length)
      const whole = { ...ends, protocol: IpProtocol.icmp, payload: body, trafficClass: 0xb8 }
      const results = fragments(ends, body, 1480).map((one) => add(reassembly, one))
      assert.ok(results.slice(0, -1).every((one) => one === 0))
      assert.deepEqual(results.at(-1), ipPacket({ ...whole, identification: 7 }))
    }
  })

  test(`packets of which fragments come mixed do not mix: ${ends.source}`, () => {
    const reassembly = new Reassembly()
    const [a, b] = [bodyOf(3000), bodyOf(3000).reverse()]
    const [ofA, ofB] = [fragments(ends, a, 1480, 1), fragments(ends, b, 1480, 2)]
    const results = ofA
      .flatMap((one, i) => [one, ofB[i] as Uint8Array])
      .map((one) => add(reassembly, one))
    assert.deepEqual(results.slice(0, 4), [0, 0, 0, 0])
    const [first, second] = results.slice(4) as [Uint8Array, Uint8Array]
    assert.deepEqual(first.subarray(-3000), a)
    assert.deepEqual(second.subarray(-3000), b)
  })

  test(`a gap, an overlap, and a rest without a beginning are no packet: ${ends.source}`, () => {
    const [first, second, third] = fragments(ends, bodyOf(4000), 1480) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    const reassembly = new Reassembly()
    assert.deepEqual(
      [second, first, third, second].map((one) => add(reassembly, one)),
      [-1, 0, -1, -1],
    )
    assert.deepEqual(
      [first, second, second, third].map((one) => add(reassembly, one)),
      [0, 0, -1, -1],
    )
    // The sender begins again.
    assert.equal(add(reassembly, first), 0)
    assert.equal(add(reassembly, first), 0)
    assert.equal(add(reassembly, second), 0)
    assert.ok(add(reassembly, third) instanceof Uint8Array)
  })

  test(`no packet becomes longer than one can be: ${ends.source}`, () => {
    const reassembly = new Reassembly()
    const body = bodyOf(65_520)
    const results = fragments(ends, body, 1480).map((one) => add(reassembly, one))
    assert.equal(results.at(-1), -1)
    assert.ok(results.every((one) => typeof one === 'number'))
  })

  test(`beginnings without an end push out only the oldest: ${ends.source}`, () => {
    const reassembly = new Reassembly()
    const all = [...Array(9).keys()].map((id) => fragments(ends, bodyOf(2000), 1480, id + 1))
    for (const [first] of all) assert.equal(add(reassembly, first as Uint8Array), 0)
    const ended = all.map(([, last]) => add(reassembly, last as Uint8Array))
    assert.deepEqual(
      ended.map((one) => one instanceof Uint8Array),
      [false, true, true, true, true, true, true, true, true],
    )
  })
}

test('the whole IPv4 header has a right checksum', () => {
  const reassembly = new Reassembly()
  const [ends] = FAMILIES as [Ends]
  const whole = fragments(ends, bodyOf(2000), 1480)
    .map((one) => add(reassembly, one))
    .at(-1)
  assert.ok(whole instanceof Uint8Array)
  assert.equal(foldChecksum(addToChecksum(0, new DataView(whole.buffer), 0, 20)), 0)
})
