import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameKind } from './frame.ts'

const MAC = '020000000002020000000001'

test('UDP 500 is ISAKMP', () => {
  assert.equal(frameKind(ipv4(17, udp(500, 500, 'aabbccddeeff0011'))), 'isakmp')
  assert.equal(frameKind(ipv6(17, udp(500, 500, 'aabbccddeeff0011'))), 'isakmp')
})

test('on UDP 4500 the non-ESP marker tells ISAKMP from ESP, and one octet 0xff is a keepalive', () => {
  assert.equal(frameKind(ipv4(17, udp(4500, 4500, '00000000aabbccdd'))), 'isakmp')
  assert.equal(frameKind(ipv4(17, udp(23456, 4500, 'c0ffee0100000001'))), 'esp-in-udp')
  assert.equal(frameKind(ipv4(17, udp(4500, 4500, 'ff'))), 'keepalive')
})

test('protocol 50 is ESP in both families', () => {
  assert.equal(frameKind(ipv4(50, 'c0ffee0100000001')), 'esp')
  assert.equal(frameKind(ipv6(50, 'c0ffee0100000001')), 'esp')
})

test('ARP and neighbour discovery are neighbourly', () => {
  assert.equal(frameKind(hex(`${MAC}0806${'00'.repeat(28)}`)), 'neighbour')
  assert.equal(frameKind(ipv6(58, `87${'00'.repeat(23)}`)), 'neighbour')
  assert.equal(frameKind(ipv6(0, `3a00050200000100${'8f'}${'00'.repeat(20)}`)), 'neighbour')
})

test('everything else is plaintext: a ping, TCP, other ports, later fragments, stubs', () => {
  assert.equal(frameKind(ipv4(1, '0800000000000000')), 'plaintext')
  assert.equal(frameKind(ipv6(58, '8000000000000000')), 'plaintext')
  assert.equal(frameKind(ipv4(6, '01f401f400000000')), 'plaintext')
  assert.equal(frameKind(ipv4(17, udp(53, 1024, '00000000'))), 'plaintext')
  assert.equal(frameKind(ipv4(17, udp(500, 500, '00'), 0x00b9)), 'plaintext')
  for (let length = 0; length < 34; length++) {
    assert.equal(frameKind(ipv4(50, '').subarray(0, length)), 'plaintext')
  }
})

function ipv4(protocol: number, payload: string, fragment = 0): Uint8Array {
  const fields = `45000000000000${''}`.slice(0, 12) + fragment.toString(16).padStart(4, '0')
  return hex(`${MAC}0800${fields}40${octet(protocol)}0000cb00710ac6336414${payload}`)
}

function ipv6(next: number, payload: string): Uint8Array {
  return hex(`${MAC}86dd600000000000${octet(next)}40${'00'.repeat(32)}${payload}`)
}

function udp(source: number, destination: number, payload: string): string {
  const length = 8 + payload.length / 2
  return (
    [source, destination, length, 0].map((n) => n.toString(16).padStart(4, '0')).join('') + payload
  )
}

function octet(value: number): string {
  return value.toString(16).padStart(2, '0')
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}
