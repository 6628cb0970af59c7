import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '#bytes/hex'
import { addToChecksum, foldChecksum } from './checksum.ts'
import {
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_SOURCE,
  ipv4Fragment,
  ipv4HeaderOctets,
  ipv4Identification,
  ipv4Protocol,
  ipv4TotalOctets,
  ipv4TrafficClass,
  isIpv4Packet,
  sealIpv4Header,
} from './ipv4.ts'
import {
  IPV6_DESTINATION,
  IPV6_SOURCE,
  ipv6NextHeader,
  ipv6TotalOctets,
  ipv6TrafficClass,
  isIpv6Packet,
  setIpv6TrafficClass,
} from './ipv6.ts'

const AT = 3

/** 24 octets: header of 20, from 192.0.2.1 to 198.51.100.2, UDP, don't fragment, TTL 64, and 4 of payload. */
const ipv4 = '45 b8 0018 1234 4000 40 11 0000 c0000201 c6336402 deadbeef'
/** 44 octets: from 2001:db8::1 to 2001:db8::2, traffic class 0xb8, flow label 0xabcde, ESP, hop limit 63. */
const ipv6 = `6b8abcde 0004 32 3f 20010db8${'0'.repeat(23)}1 20010db8${'0'.repeat(23)}2 deadbeef`

test('reads the fields of RFC 791 §3.1 where they stand', () => {
  const view = at(ipv4)
  assert.equal(isIpv4Packet(view, AT, 24), true)
  assert.equal(ipv4HeaderOctets(view, AT), 20)
  assert.equal(ipv4TrafficClass(view, AT), 0xb8)
  assert.equal(ipv4TotalOctets(view, AT), 24)
  assert.equal(ipv4Identification(view, AT), 0x1234)
  assert.equal(ipv4Fragment(view, AT), IPV4_DF)
  assert.equal(ipv4Protocol(view, AT), 17)
  assert.equal(view.getUint32(AT + IPV4_SOURCE), 0xc0000201)
  assert.equal(view.getUint32(AT + IPV4_DESTINATION), 0xc6336402)
})

test('seals an IPv4 header so that it sums to zero', () => {
  const view = at(ipv4)
  sealIpv4Header(view, AT)
  assert.notEqual(view.getUint16(AT + 10), 0)
  assert.equal(foldChecksum(addToChecksum(0, view, AT, 20)), 0)
})

test('an IPv4 packet cut short, of another version, or with lengths that contradict is none', () => {
  for (let available = 0; available < 24; available++) {
    assert.equal(isIpv4Packet(at(ipv4), AT, available), false)
  }
  for (const first of ['05', '65', '44', '40', '47']) {
    assert.equal(isIpv4Packet(at(first + ipv4.slice(2)), AT, 24), false, first)
  }
  for (const total of ['0013', '0019', '0000', 'ffff']) {
    assert.equal(isIpv4Packet(at(`45 b8 ${total}${ipv4.slice(10)}`), AT, 24), false, total)
  }
  assert.equal(isIpv4Packet(at(ipv4), AT, 30), true)
})

test('reads the fields of RFC 8200 §3 where they stand', () => {
  const view = at(ipv6)
  assert.equal(isIpv6Packet(view, AT, 44), true)
  assert.equal(ipv6TrafficClass(view, AT), 0xb8)
  assert.equal(ipv6TotalOctets(view, AT), 44)
  assert.equal(ipv6NextHeader(view, AT), 50)
  assert.equal(view.getUint8(AT + IPV6_SOURCE + 15), 1)
  assert.equal(view.getUint8(AT + IPV6_DESTINATION + 15), 2)
})

test('sets the traffic class and leaves version and flow label alone', () => {
  const view = at(ipv6)
  setIpv6TrafficClass(view, AT, 0x03)
  assert.equal(view.getUint32(AT), 0x603abcde)
})

test('an IPv6 packet cut short or of another version is none', () => {
  for (let available = 0; available < 44; available++) {
    assert.equal(isIpv6Packet(at(ipv6), AT, available), false)
  }
  assert.equal(isIpv6Packet(at(`4${ipv6.slice(1)}`), AT, 44), false)
})

function at(hex: string): DataView {
  const octets = fromHex(hex)
  const view = new DataView(new ArrayBuffer(AT + octets.length))
  octets.forEach((octet, i) => {
    view.setUint8(AT + i, octet)
  })
  return view
}
