import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as ikev1 from './ikev1.ts'
import * as ipsecDoi from './ipsec-doi.ts'
import * as isakmp from './isakmp.ts'
import { type Registry, registry } from './registry.ts'
import { features, products } from './vendor-ids.ts'

const registries = [isakmp, ikev1, ipsecDoi]
  .flatMap((module): unknown[] => Object.values(module))
  .filter((value): value is Registry<Record<string, number>> => typeof value === 'object')

test('names lead to numbers and numbers to names', () => {
  const fruit = registry('Fruit', { apple: 1, pear: 2 })
  assert.equal(fruit.number('pear'), 2)
  assert.equal(fruit.nameOf(1), 'apple')
  assert.deepEqual([fruit.has(2), fruit.has(3)], [true, false])
})

test('a number without a name is printed with its title, and never throws', () => {
  for (const number of [99, -1, 0.5, Number.NaN, 2 ** 40]) {
    assert.equal(isakmp.PayloadType.nameOf(number), `PayloadType(${number})`)
  }
})

test('in every registry a name stands for one number and that number for the name', () => {
  assert.ok(registries.length > 15)
  for (const { title, names, number, nameOf } of registries) {
    for (const name of names) assert.equal(nameOf(number(name)), name, `${title} ${name}`)
  }
})

test('numbers that decide are those of the RFCs', () => {
  // RFC 2408 §3.1, §3.14.1; RFC 2409 appendix A; RFC 2407 §4.4.4, §4.5, §4.6.2.1; RFC 3947 §5; RFC 3706 §5.3; RFC 4304 §2.
  const { PayloadType, ExchangeType, NotifyType } = isakmp
  assert.deepEqual(
    ['SA', 'KE', 'ID', 'HASH', 'NONCE', 'N', 'D', 'VID', 'NAT-D', 'NAT-OA'].map((name) =>
      PayloadType.number(name as 'SA'),
    ),
    [1, 4, 5, 8, 10, 11, 12, 13, 20, 21],
  )
  assert.equal(ExchangeType.number('IDENTITY-PROTECTION'), 2)
  assert.equal(ExchangeType.number('QUICK-MODE'), 32)
  assert.equal(NotifyType.nameOf(14), 'NO-PROPOSAL-CHOSEN')
  assert.equal(NotifyType.nameOf(18), 'INVALID-ID-INFORMATION')
  assert.equal(NotifyType.nameOf(24), 'AUTHENTICATION-FAILED')
  assert.equal(NotifyType.nameOf(36136), 'R-U-THERE')
  assert.equal(ikev1.EncryptionAlgorithm.number('AES-CBC'), 7)
  assert.equal(ikev1.HashAlgorithm.number('SHA2-512'), 6)
  assert.equal(ikev1.Phase1Attribute.number('Key Length'), 14)
  assert.equal(ipsecDoi.SaAttribute.number('Key Length'), 6)
  assert.equal(ipsecDoi.SaAttribute.number('Extended Sequence Number'), 11)
  assert.equal(ipsecDoi.EspTransform.number('ESP_AES-GCM_16'), 20)
  assert.equal(ipsecDoi.AuthenticationAlgorithm.number('HMAC-SHA2-256'), 5)
  assert.equal(ipsecDoi.EncapsulationModeNumber.number('UDP-Encapsulated-Tunnel'), 3)
  assert.equal(ipsecDoi.IdType.number('ID_IPV6_ADDR_RANGE'), 8)
})

test('errors are the notify types below CONNECTED', () => {
  assert.deepEqual([1, 30, 8192, 16383].map(isakmp.isErrorNotify), [true, true, true, true])
  assert.deepEqual([16384, 24578, 36136, 65535].map(isakmp.isErrorNotify), [
    false,
    false,
    false,
    false,
  ])
})

const vendorIds = [...Object.values(features), ...products]

for (const { label, hex, basis } of vendorIds) {
  if (basis.kind !== 'md5') continue
  test(`the vendor ID of ${label} is the MD5 of its text`, () => {
    const hash = createHash('md5').update(basis.text).digest('hex')
    assert.ok(hex.length >= 16)
    assert.equal(hash.slice(0, hex.length), hex)
  })
}

test('no vendor ID hides another one behind it', () => {
  const hidden = vendorIds.filter((later, i) =>
    vendorIds
      .slice(0, i)
      .some((earlier) => earlier.match === 'prefix' && later.hex.startsWith(earlier.hex)),
  )
  assert.deepEqual(hidden, [])
  for (const { hex } of vendorIds) assert.match(hex, /^(?:[0-9a-f]{2})+$/)
})
