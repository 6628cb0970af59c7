import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DER, der, derOid } from '#bytes/der'
import { fromHex, toHex } from '#bytes/hex'
import {
  dnValues,
  EMAIL_ADDRESS,
  equalDn,
  formatDn,
  hasWildcard,
  isBelowDn,
  matchesDn,
  parseDn,
  sameParts,
} from './distinguished-name.ts'
import { isTextProblem } from './text-problem.ts'

const dn = (text: string): Uint8Array => {
  const found = parseDn(text)
  assert.ok(!isTextProblem(found), text)
  return found
}

/** One attribute with a string type of its own. */
const raw = (oid: string, tag: number, value: Uint8Array): Uint8Array =>
  der(DER.sequence, der(DER.set, der(DER.sequence, derOid(oid), der(tag, value))))
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test('the RDN written first is encoded last', () => {
  assert.equal(
    toHex(dn('CN=gw, O=Ex, C=DE')),
    '3027310b3009060355040613024445310b3009060355040a0c024578310b300906035504030c026777',
  )
})

for (const text of [
  'CN=gw-berlin, O=Example',
  'CN=Smith\\, John, O=A \\+ B',
  'CN=\\ leading and trailing\\ , C=DE',
  'CN=a+UID=b, DC=example, DC=net',
  'serialNumber=7, CN=Zürich',
  'emailAddress=vpn@example.net, CN=gw',
  '2.5.4.97=NTRDE-1, CN=gw',
  'CN=\\#1',
]) {
  test(`prints ${text} as it is read`, () => {
    assert.equal(formatDn(dn(text)), text)
  })
}

test('reads quotes, hexadecimal escapes and semicolons as old notations have them', () => {
  assert.equal(formatDn(dn('CN="Smith, John";O=x')), 'CN=Smith\\, John, O=x')
  assert.equal(formatDn(dn('CN=Z\\C3\\BCrich')), 'CN=Zürich')
})

for (const wrong of ['', 'CN', 'CN=', '=x', 'XY=1', 'CN=a,,O=b', '3.1.2=x']) {
  test(`refuses "${wrong}" in words`, () => {
    assert.ok(isTextProblem(parseDn(wrong)))
  })
}

test('compares without regard to case, spaces and string type (RFC 5280 §7.1)', () => {
  assert.ok(equalDn(dn('CN=GW  Berlin'), dn('CN= gw berlin ')))
  assert.ok(equalDn(raw('2.5.4.3', DER.printableString, ascii('Gw')), dn('CN=gw')))
  assert.ok(equalDn(raw('2.5.4.3', DER.bmpString, Uint8Array.of(0, 0x67, 0, 0x77)), dn('CN=gw')))
  assert.ok(equalDn(dn('CN=a+UID=b'), dn('UID=b+CN=a')))
})

test('a prefix, another order and another attribute are another name', () => {
  assert.ok(!equalDn(dn('CN=gw, O=Example'), dn('O=Example')))
  assert.ok(!equalDn(dn('CN=gw, O=Example'), dn('O=Example, CN=gw')))
  assert.ok(!equalDn(dn('CN=gw'), dn('OU=gw')))
  assert.ok(!equalDn(dn('CN=a, CN=b'), dn('CN=a+CN=b')))
  assert.ok(sameParts(dn('CN=gw, O=Example'), dn('O=Example, CN=gw')))
})

test('a value that is no string equals only the same octets', () => {
  const integer = raw('2.5.4.3', DER.integer, Uint8Array.of(1))
  assert.ok(equalDn(integer, integer))
  assert.ok(!equalDn(integer, dn('CN=#020101')))
})

test('a star takes any value of its attribute, in the pattern only', () => {
  assert.ok(matchesDn(dn('CN=*, O=Example'), dn('CN=gw-7, O=Example')))
  assert.ok(!matchesDn(dn('CN=*, O=Example'), dn('CN=gw-7, O=Other')))
  assert.ok(!matchesDn(dn('CN=*, O=Example'), dn('OU=x, CN=gw-7, O=Example')))
  assert.ok(!matchesDn(dn('CN=gw*, O=Example'), dn('CN=gw-7, O=Example')))
  assert.ok(!matchesDn(dn('CN=gw-7, O=Example'), dn('CN=*, O=Example')))
  assert.ok(!equalDn(dn('CN=*'), dn('CN=gw')))
  assert.ok(matchesDn(dn('CN=*+CN=b'), dn('CN=b+CN=a')))
  assert.ok(hasWildcard(dn('CN=*, O=Example')))
  assert.ok(!hasWildcard(dn('CN=gw*, O=Example')))
})

test('knows what is below a name', () => {
  assert.ok(isBelowDn(dn('O=Example, C=DE'), dn('CN=gw, O=example, C=de')))
  assert.ok(isBelowDn(dn('C=DE'), dn('C=DE')))
  assert.ok(!isBelowDn(dn('CN=gw, C=DE'), dn('C=DE')))
})

test('finds e-mail addresses', () => {
  assert.deepEqual(dnValues(dn('E=a@b, CN=x'), EMAIL_ADDRESS), ['a@b'])
})

test('never shows a control character, an escape or a change of direction', () => {
  const shown = formatDn(raw('2.5.4.3', DER.utf8String, ascii('a\u001b[2J\u202eb\nc')))
  assert.equal(shown, 'CN=a\\1b[2J\\e2\\80\\aeb\\0ac')
})

test('nothing cut short is a name, nor what is too long', () => {
  const whole = dn('CN=gw-berlin, O=Example')
  for (let length = 0; length < whole.length; length++) {
    const cut = whole.subarray(0, length)
    assert.equal(formatDn(cut), undefined)
    assert.ok(!equalDn(cut, cut))
  }
  assert.equal(formatDn(dn(Array.from({ length: 65 }, () => 'CN=a').join())), undefined)
})

test('no octets make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (octets) => {
      formatDn(octets)
      equalDn(octets, octets)
      matchesDn(octets, octets)
    }),
  )
  const valid = dn('CN=gw-berlin+UID=7, O=Example')
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, octet) => {
      const changed = Uint8Array.from(valid, (one, i) => (i === at ? octet : one))
      formatDn(changed)
      equalDn(changed, valid)
    }),
  )
})

test('text of 100 000 characters is read or refused at once', () => {
  for (const text of ['CN=a,'.repeat(20_000), `CN=${'\\'.repeat(99_999)}`, 'a'.repeat(100_000)]) {
    parseDn(text)
  }
  assert.equal(formatDn(fromHex('3000')), '')
})
