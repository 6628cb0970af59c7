import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { espSpi, type InboundSa, type OutboundSa } from '#esp/sa'
import type { EspSuite } from '#policy/proposal'
import { sampleOutboundSa } from '../../test/support/sample-sa.ts'
import { espRow, ikev1Row } from './wireshark-tables.ts'

const key = (...octets: number[]) => new Secret(Uint8Array.from(octets))

function sa(
  suite: EspSuite,
  integrityKey: Secret,
  changes: Partial<Pick<OutboundSa, 'local' | 'remote'>> = {},
): OutboundSa {
  const encryptionKey = key(1, 2, 0xff)
  const spi = espSpi(0x1234)
  return sampleOutboundSa({ spi, suite, encryptionKey, integrityKey, ...changes })
}

test('a row of phase 1 is the initiator’s cookie and the key, in hexadecimal digits', () => {
  assert.equal(
    ikev1Row(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 0x80), key(0xde, 0xad)),
    '0102030405060780,dead\n',
  )
})

test('a row of an AEAD has no integrity', () => {
  const suite: EspSuite = { encryption: 'aes256-gcm12', integrity: 'none', esn: false }
  assert.equal(
    espRow(sa(suite, key())),
    '"IPv4","203.0.113.10","198.51.100.7","0x00001234","AES-GCM with 12 octet ICV [RFC4106]","0x0102ff","NULL",""\n',
  )
})

test('what comes in goes from the peer to us, and has both keys', () => {
  const suite: EspSuite = { encryption: 'aes128-cbc', integrity: 'hmac-sha1-96', esn: false }
  const inbound: InboundSa = { ...sa(suite, key(9)), direction: 'inbound', replayWindow: 64 }
  assert.equal(
    espRow(inbound),
    '"IPv4","198.51.100.7","203.0.113.10","0x00001234","AES-CBC [RFC3602]","0x0102ff","HMAC-SHA-1-96 [RFC2404]","0x09"\n',
  )
})

test('IPv6 and extended sequence numbers are named', () => {
  const suite: EspSuite = { encryption: '3des-cbc', integrity: 'hmac-md5-96', esn: true }
  const local = { address: ip('2001:db8::1'), port: 500 }
  const remote = { address: ip('2001:db8::2'), port: 500 }
  assert.equal(
    espRow(sa(suite, key(9), { local, remote })),
    '"IPv6","2001:db8::1","2001:db8::2","0x00001234","TripleDES-CBC [RFC2451]","0x0102ff","HMAC-MD5-96 [RFC2403]","0x09","64-bit","0"\n',
  )
})
