import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatEndpoint,
  ip,
  ipFamily,
  ipFromBigInt,
  ipFromOctets,
  ipOctets,
  ipToBigInt,
  parseIp,
} from './ip.ts'

test('an address has one spelling (RFC 5952)', () => {
  assert.equal(ip('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  assert.equal(ip('192.0.2.1'), '192.0.2.1')
})

test('refuses what is no full address', () => {
  for (const text of [
    '',
    '1',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '0x7f.0.0.1',
    'fe80::1%eth0',
    '::g',
    '192.0.2.0/24',
  ]) {
    assert.equal(parseIp(text), undefined, text)
  }
})

test('octets and numbers lead back to the same address', () => {
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  fc.assert(
    fc.property(octets, (value) => {
      const address = ipFromOctets(value)
      assert.ok(address !== undefined)
      assert.deepEqual(ipOctets(address), value)
      assert.equal(ipFromBigInt(ipToBigInt(address), ipFamily(address)), address)
      assert.equal(parseIp(address), address)
    }),
  )
})

test('octets of another length are no address', () => {
  for (const length of [0, 3, 5, 15, 17])
    assert.equal(ipFromOctets(new Uint8Array(length)), undefined)
})

test('an endpoint puts IPv6 in brackets', () => {
  assert.equal(formatEndpoint({ address: ip('192.0.2.1'), port: 500 }), '192.0.2.1:500')
  assert.equal(formatEndpoint({ address: ip('2001:db8::1'), port: 4500 }), '[2001:db8::1]:4500')
})
