import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from '#bytes/hex'
import { type FeatureName, features } from '#iana/vendor-ids'
import { announces, vendorIdOctets, vendorIdOf } from './vendor-id.ts'

const featureNames = Object.keys(features) as FeatureName[]

test('what is sent for a feature announces that feature and no other', () => {
  for (const name of featureNames) {
    const data = vendorIdOctets(name)
    assert.deepEqual(
      featureNames.filter((other) => announces(data, other)),
      [name],
    )
  }
})

test('DPD is sent with its version (RFC 3706 §5.1)', () => {
  assert.equal(toHex(vendorIdOctets('dpd')), 'afcad71368a1f1c96b8696fc77570100')
})

test('recognises products behind version numbers', () => {
  for (const [hex, label] of [
    ['1e2b516905991c7d7c96fcbfb587e46100000009', 'Microsoft Windows'],
    ['8299031757a36082c6a621de00050282', 'FortiGate'],
    ['1f07f70eaa6514d3b0fa96542a500407', 'Cisco VPN 3000'],
    [Buffer.from('OE-Libreswan-5.3.1').toString('hex'), 'Libreswan'],
    ['4f4548724b6e5e68557c604f', 'Openswan'],
  ] as const) {
    assert.equal(vendorIdOf(fromHex(hex))?.label, label)
  }
})

test('a whole hash with octets behind it is another vendor ID', () => {
  const data = fromHex('4a131c81070358455c5728f20e95452f')
  assert.equal(vendorIdOf(data)?.label, 'NAT traversal (RFC 3947)')
  assert.equal(vendorIdOf(fromHex(`${toHex(data)}00`)), undefined)
})

test('unknown ones, empty ones and very long ones are just not known', () => {
  for (const data of [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(65_000)]) {
    assert.equal(vendorIdOf(data), undefined)
  }
})
