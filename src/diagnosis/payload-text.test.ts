import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import type { Payload } from '#wire/v1/payloads'
import { dn, sampleAuthority, sampleGateway } from '../../test/support/sample-pki.ts'
import { payloadLines } from './payload-text.ts'

const text = (value: string) => new TextEncoder().encode(value)
const attribute = (name: Parameters<typeof ConfigAttribute.number>[0], value: Uint8Array) =>
  ({ form: 'long', type: ConfigAttribute.number(name), value }) as const

test('shows who logs in, and never with what', () => {
  const payload: Payload = {
    type: 'ATTR',
    message: AttributeMessage.number('REPLY'),
    identifier: 7,
    attributes: [
      attribute('XAUTH_USER_NAME', text('branch')),
      attribute('XAUTH_USER_PASSWORD', text('open sesame')),
      attribute('XAUTH_PASSCODE', text('123456')),
      attribute('INTERNAL_IP4_ADDRESS', Uint8Array.of(10, 9, 8, 7)),
    ],
  }
  assert.deepEqual(payloadLines(payload), [
    'ATTR  REPLY, identifier 7',
    '  XAUTH_USER_NAME branch',
    '  XAUTH_USER_PASSWORD (not shown)',
    '  XAUTH_PASSCODE (not shown)',
    '  INTERNAL_IP4_ADDRESS 10.9.8.7',
  ])
})

test('names subject, issuer and dates of a certificate', () => {
  const root = sampleAuthority('root')
  const { certificate } = sampleGateway('gw', root, { subject: dn('CN=gw, O=Example') })
  const lines = payloadLines({ type: 'CERT', encoding: 4, data: certificate.der })
  assert.match(
    lines.join('\n'),
    /subject {2}CN=gw, O=Example\n {2}issuer {3}CN=root, O=Example\n {2}valid {4}20/,
  )
  const broken = payloadLines({ type: 'CERT', encoding: 4, data: certificate.der.subarray(9) })
  assert.equal(broken.at(-1), '  not readable as a certificate')
})

test('lets no control character of a peer through', () => {
  const hostile = text('\u001b[31mred\u0007')
  const payloads: readonly Payload[] = [
    { type: 'VID', data: hostile },
    { type: 'ID', idType: 2, protocolId: 0, port: 0, data: hostile },
    { type: 'ATTR', message: 1, identifier: 0, attributes: [attribute('XAUTH_MESSAGE', hostile)] },
    { type: 'unknown', number: 99, data: hostile },
  ]
  for (const payload of payloads) {
    assert.equal(
      [...payloadLines(payload).join('')].every((char) => char >= ' '),
      true,
    )
  }
})

test('names private vendor IDs by their text, and known ones by their product', () => {
  assert.match(
    payloadLines({ type: 'VID', data: text('my vendor') })[0] ?? '',
    /unknown vendor ID, 9 octets .* "my vendor"/,
  )
  const strongswan = Uint8Array.from(Buffer.from('882fe56d6fd20dbc2251613b2ebe5beb', 'hex'))
  assert.match(payloadLines({ type: 'VID', data: strongswan })[0] ?? '', /strongSwan \(product\)/)
})
