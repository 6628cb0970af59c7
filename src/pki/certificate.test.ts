import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DER, der, derOid, derUnsigned } from '#bytes/der'
import { sampleAuthority, sampleGateway, sampleKey, TODAY } from '../../test/support/sample-pki.ts'
import { MalformedPki, parseCertificate, parseCertificates } from './certificate.ts'
import { parseCrl } from './crl.ts'
import { type GeneralName, OID } from './extensions.ts'
import { altNamesValue, createRequest, issueCrl } from './issue.ts'
import { toPem } from './pem.ts'
import { type PublicKey, parsePublicKey } from './public-key.ts'
import { parseSigningRequest } from './signing-request.ts'
import { validatePath } from './validate-path.ts'

const root = sampleAuthority('Root')
const gateway = sampleGateway('gw', root)
const { der: octets } = gateway.certificate
const crl = issueCrl(
  {
    number: Uint8Array.of(1),
    thisUpdate: TODAY,
    nextUpdate: TODAY + 1000,
    revoked: [{ serial: Uint8Array.of(9), at: TODAY, reason: 1 }],
  },
  { name: root.certificate.subject.der, key: root.key },
)
const request = createRequest(
  gateway.certificate.subject.der,
  [{ kind: 'dns', name: 'gw' }],
  gateway.key,
)

/** Whatever happens, it is the one typed error or a value. */
function harmless(parse: (octets: Uint8Array) => unknown, input: Uint8Array): boolean {
  try {
    parse(input)
    return true
  } catch (error) {
    assert.ok(error instanceof MalformedPki, String(error))
    return false
  }
}

for (const [what, parse, valid] of [
  ['certificate', parseCertificate, octets],
  ['CRL', parseCrl, crl],
  ['request', parseSigningRequest, request],
] as const) {
  test(`a ${what} cut short anywhere is refused, and one with octets behind it`, () => {
    for (let length = 0; length < valid.length; length++)
      assert.equal(harmless(parse, valid.subarray(0, length)), false)
    assert.equal(harmless(parse, Uint8Array.from([...valid, 0])), false)
  })

  test(`a ${what} with any octet changed is read or refused, never more`, () => {
    fc.assert(
      fc.property(
        fc.nat(valid.length - 1),
        fc.nat(255),
        fc.nat(valid.length - 1),
        (at, octet, other) => {
          harmless(
            parse,
            Uint8Array.from(valid, (one, i) => (i === at || i === other ? octet : one)),
          )
        },
      ),
      { numRuns: 400 },
    )
  })
}

test('noise and deep nesting are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      assert.equal(harmless(parseCertificate, noise), false)
    }),
  )
  let nested: Uint8Array = der(DER.null)
  for (let i = 0; i < 5000; i++) nested = der(DER.sequence, nested)
  assert.equal(harmless(parseCertificate, nested), false)
})

function withNames(count: number): Uint8Array {
  const names = Array.from(
    { length: count },
    (_, i): GeneralName => ({ kind: 'dns', name: `h${i}` }),
  )
  const extensions = [{ oid: OID.subjectAltName, value: altNamesValue(names) }]
  return sampleGateway('gw', root, { extensions }).certificate.der
}

test('takes a thousand names and refuses ten thousand', () => {
  assert.equal(parseCertificate(withNames(1000)).subjectAltNames.length, 1000)
  assert.throws(() => withNames(10_000), MalformedPki)
})

for (const name of ['gw.example.net\0.evil.example', 'a b', '', 'gw\u001b[2J'])
  test(`refuses the alternative name ${JSON.stringify(name)}, which hides something`, () => {
    const extensions = [{ oid: OID.subjectAltName, value: altNamesValue([{ kind: 'dns', name }]) }]
    assert.throws(() => sampleGateway('gw', root, { extensions }), MalformedPki)
  })

test('refuses an extension that is there twice', () => {
  const value = altNamesValue([{ kind: 'dns', name: 'a' }])
  const extensions = [OID.subjectAltName, OID.subjectAltName].map((oid) => ({ oid, value }))
  assert.throws(() => sampleGateway('gw', root, { extensions }), MalformedPki)
})

function rsaSpki(modulus: Uint8Array, exponent: Uint8Array): Uint8Array {
  const key = der(DER.sequence, derUnsigned(modulus), derUnsigned(exponent))
  const type = der(DER.sequence, derOid('1.2.840.113549.1.1.1'), der(DER.null))
  return der(DER.sequence, type, der(DER.bitString, Uint8Array.of(0), key))
}

const odd = new Uint8Array(256).fill(0xff)
const even = Uint8Array.from(odd, (octet, i) => (i === 255 ? 0xfe : octet))
/** CVE-2026-14957, CVE-2017-9022: odd keys reached the arithmetic. */
for (const [what, modulus, exponent] of [
  ['exponent 0', odd, Uint8Array.of(0)],
  ['exponent 1', odd, Uint8Array.of(1)],
  ['an even exponent', odd, Uint8Array.of(4)],
  ['a huge exponent', odd, odd],
  ['modulus 0', Uint8Array.of(0), Uint8Array.of(1, 0, 1)],
  ['a modulus of 8 bits', Uint8Array.of(0xfb), Uint8Array.of(1, 0, 1)],
  ['a modulus of 64 bits', odd.subarray(0, 8), Uint8Array.of(1, 0, 1)],
  ['an even modulus', even, Uint8Array.of(1, 0, 1)],
  ['a modulus of 32768 bits', new Uint8Array(4096).fill(0xff), Uint8Array.of(1, 0, 1)],
] as const) {
  test(`a certificate whose RSA key has ${what} is refused, not computed with`, () => {
    const publicKey: PublicKey = parsePublicKey(rsaSpki(modulus, exponent))
    const { certificate } = sampleGateway('gw', root, { publicKey })
    const found = validatePath({
      leaf: certificate,
      intermediates: [],
      anchors: [root.certificate],
      at: TODAY,
    })
    assert.equal(found.kind, 'weak-key')
  })
}

test('a point off its curve verifies nothing', () => {
  const { spki } = sampleKey('gw').publicKey
  const off = Uint8Array.from(spki, (octet, i) => (i === spki.length - 1 ? octet ^ 1 : octet))
  const impostor = { ...root.certificate, publicKey: { ...root.certificate.publicKey, spki: off } }
  const request = { leaf: gateway.certificate, intermediates: [], anchors: [impostor], at: TODAY }
  assert.equal(validatePath(request).kind, 'bad-signature')
})

test('reads all certificates of a PEM file, whatever stands between them', () => {
  const pem = toPem('CERTIFICATE', octets)
  const file =
    `subject=gw\n${pem}\nnotes\n${toPem('CERTIFICATE', root.certificate.der)}`.replaceAll(
      '\n',
      '\r\n',
    )
  assert.equal(parseCertificates(new TextEncoder().encode(file)).length, 2)
  assert.equal(parseCertificates(octets).length, 1)
  assert.throws(() => parseCertificates(new TextEncoder().encode('nothing')), MalformedPki)
})
