import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DER, der, derOid } from '#bytes/der'
import { ip, ipOctets } from '#bytes/ip'
import {
  A_DAY,
  dn,
  GATEWAY_NAME,
  type Holder,
  sampleAuthority,
  sampleGateway,
  sampleKey,
  TODAY,
} from '../../test/support/sample-pki.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type GeneralName, OID, PURPOSE } from './extensions.ts'
import {
  altNamesValue,
  authorityExtensions,
  type ExtensionDraft,
  gatewayExtensions,
  keyUsageValue,
} from './issue.ts'
import { validatePath } from './validate-path.ts'

const root = sampleAuthority('Root')
const middle = sampleAuthority('Middle', root)
const gateway = sampleGateway('gw', middle)

function validate(
  leaf: Holder,
  intermediates: readonly Holder[] = [middle],
  { anchors = [root], at = TODAY }: { anchors?: readonly Holder[]; at?: number } = {},
) {
  const of = (holders: readonly Holder[]): readonly Certificate[] =>
    holders.map(({ certificate }) => certificate)
  return validatePath({
    leaf: leaf.certificate,
    intermediates: of(intermediates),
    anchors: of(anchors),
    at,
  })
}

function problemOf(...args: Parameters<typeof validate>) {
  const found = validate(...args)
  assert.notEqual(found.kind, 'valid-path')
  return found as Exclude<typeof found, { kind: 'valid-path' }>
}

const changed = (oid: string, value: Uint8Array, critical = false): readonly ExtensionDraft[] => [
  ...gatewayExtensions(sampleKey('gw').publicKey, middle.key.publicKey, [GATEWAY_NAME], []).filter(
    (extension) => extension.oid !== oid && extension.oid !== OID.extendedKeyUsage,
  ),
  { oid, critical, value },
]

test('builds the path from leaf to anchor, whatever else came and in what order', () => {
  const stranger = sampleAuthority('Stranger')
  const found = validate(gateway, [stranger, root, gateway, middle, middle])
  assert.equal(found.kind, 'valid-path')
  if (found.kind !== 'valid-path') return
  assert.deepEqual(
    found.chain.map(({ subject }) => subject.text),
    ['CN=gw, O=Example', 'CN=Middle, O=Example', 'CN=Root, O=Example'],
  )
})

test('a certificate that is trusted itself needs no CA', () => {
  assert.equal(validate(gateway, [], { anchors: [gateway] }).kind, 'valid-path')
})

test('a missing intermediate is untrusted, and the issuer that is missing named', () => {
  const found = problemOf(gateway, [])
  assert.equal(found.kind, 'untrusted')
  assert.equal(found.missingIssuer, 'CN=Middle, O=Example')
  assert.deepEqual(found.trusted, ['CN=Root, O=Example'])
  assert.equal(found.received, 1)
})

test('another CA of the same name has another key', () => {
  const impostor = sampleAuthority('Impostor', undefined, { subject: dn('CN=Root, O=Example') })
  const forged = sampleGateway('gw', impostor)
  assert.notEqual(validate(forged, []).kind, 'valid-path')
  const withoutKeyIds = sampleGateway('gw', impostor, { extensions: [] })
  assert.equal(problemOf(withoutKeyIds, []).kind, 'bad-signature')
})

test('who only has a certificate of a gateway cannot issue others', () => {
  const forged = sampleGateway('victim', gateway)
  assert.equal(problemOf(forged, [gateway, middle]).kind, 'not-a-ca')
})

for (const [what, at, kind] of [
  ['before its time', TODAY - 2 * A_DAY, 'not-yet-valid'],
  ['at the end of its time', TODAY + 365 * A_DAY, 'valid-path'],
  ['after its time', TODAY + 365 * A_DAY + 1000, 'expired'],
] as const) {
  test(`judges a certificate ${what}`, () => {
    assert.equal(validate(gateway, [middle], { at }).kind, kind)
  })
}

test('an expired CA ends the path, and it is the CA that is named', () => {
  const old = sampleAuthority('Old', root, { notAfter: TODAY - 1000 })
  const found = problemOf(sampleGateway('gw', old), [old])
  assert.equal(found.kind, 'expired')
  assert.equal(found.certificate.subject, 'CN=Old, O=Example')
})

test('a CA allows no more CAs below itself than it says', () => {
  const last = sampleAuthority('Last', root, {
    extensions: authorityExtensions(sampleKey('Last').publicKey, root.key.publicKey, 0),
  })
  assert.equal(validate(sampleGateway('gw', last), [last]).kind, 'valid-path')
  const below = sampleAuthority('Below', last)
  assert.equal(problemOf(sampleGateway('gw', below), [last, below]).kind, 'path-too-long')
})

test('a CA whose key may not sign certificates is none', () => {
  const key = sampleKey('Mute').publicKey
  const extensions = authorityExtensions(key, root.key.publicKey).map((one) =>
    one.oid === OID.keyUsage ? { ...one, value: keyUsageValue(['cRLSign']) } : one,
  )
  const mute = sampleAuthority('Mute', root, { extensions })
  assert.equal(problemOf(sampleGateway('gw', mute), [mute]).kind, 'wrong-key-usage')
})

for (const [usages, kind] of [
  [['digitalSignature'], 'valid-path'],
  [['nonRepudiation'], 'valid-path'],
  [['digitalSignature', 'keyAgreement', 'decipherOnly'], 'valid-path'],
  [['keyEncipherment'], 'wrong-key-usage'],
  [[], 'wrong-key-usage'],
] as const) {
  test(`key usage ${usages.join(' ') || 'of nothing'}: ${kind} (RFC 4945 §5.1.3.2)`, () => {
    const extensions = changed(OID.keyUsage, keyUsageValue(usages), true)
    assert.equal(validate(sampleGateway('gw', middle, { extensions })).kind, kind)
  })
}

for (const [purpose, kind] of [
  [PURPOSE.ipsecIke, 'valid-path'],
  [PURPOSE.any, 'valid-path'],
  [PURPOSE.serverAuth, 'valid-path'],
  [PURPOSE.clientAuth, 'valid-path'],
  ['1.3.6.1.5.5.7.3.3', 'wrong-extended-key-usage'],
] as const) {
  test(`extended key usage ${purpose}: ${kind} (RFC 4945 §5.1.3.12)`, () => {
    const extensions = changed(OID.extendedKeyUsage, der(DER.sequence, derOid(purpose)))
    assert.equal(validate(sampleGateway('gw', middle, { extensions })).kind, kind)
  })
}

test('a critical extension that is not known refuses, another does not', () => {
  const unknown = (critical: boolean) =>
    sampleGateway('gw', middle, { extensions: changed('1.2.3.4', der(DER.null), critical) })
  assert.equal(problemOf(unknown(true)).kind, 'unknown-critical-extension')
  assert.equal(validate(unknown(false)).kind, 'valid-path')
})

test('a weak signature algorithm refuses', () => {
  const { certificate } = gateway
  const weak = {
    ...certificate,
    signatureAlgorithm: { kind: 'broken', name: 'RSA with SHA-1' },
  } as const
  assert.equal(problemOf({ ...gateway, certificate: weak }).kind, 'weak-signature')
})

test('short and odd RSA keys refuse', () => {
  const { certificate } = gateway
  for (const key of [
    { kind: 'rsa', bits: 1024, spki: new Uint8Array(0) },
    { kind: 'rsa', bits: 2048, flaw: 'an even modulus', spki: new Uint8Array(0) },
    { kind: 'other', algorithm: '1.2.3', spki: new Uint8Array(0) },
  ] as const) {
    const found = problemOf({ ...gateway, certificate: { ...certificate, publicKey: key } })
    assert.equal(found.kind, 'weak-key')
  }
})

test('short RSA keys pass where the least is set that low, for the CA and the leaf, and no lower', () => {
  const oldRoot = sampleAuthority('Old root', undefined, { keyType: 'rsa1024' })
  const old = sampleGateway('old', oldRoot, { keyType: 'rsa1024' })
  const request = {
    leaf: old.certificate,
    intermediates: [],
    anchors: [oldRoot.certificate],
    at: TODAY,
  }
  assert.equal(validatePath(request).kind, 'weak-key')
  assert.equal(validatePath({ ...request, leastRsaBits: 1536 }).kind, 'weak-key')
  assert.equal(validatePath({ ...request, leastRsaBits: 1024 }).kind, 'valid-path')
})

/** CVE-2026-35331: constraints that were not enforced. */
const uri = (name: string): GeneralName => ({ kind: 'uri', name })
const email = (name: string): GeneralName => ({ kind: 'email', name })
const host = (name: string): GeneralName => ({ kind: 'dns', name })
const address = (text: string): GeneralName => ({ kind: 'address', address: ip(text) })
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const net = (base: string, mask: string) =>
  der(0x87, Uint8Array.from([...ipOctets(ip(base)), ...ipOctets(ip(mask))]))
for (const [what, permitted, excluded, name, isValid] of [
  ['a host inside', der(0x82, ascii('example.net')), undefined, host('gw.example.net'), true],
  ['a host outside', der(0x82, ascii('example.net')), undefined, host('gw.example.org'), false],
  [
    'a host that only ends alike',
    der(0x82, ascii('example.net')),
    undefined,
    host('badexample.net'),
    false,
  ],
  ['capitals', der(0x82, ascii('EXAMPLE.net')), undefined, host('gw.example.NET'), true],
  ['an excluded host', undefined, der(0x82, ascii('example.net')), host('gw.example.net'), false],
  ['an address inside', net('10.0.0.0', '255.0.0.0'), undefined, address('10.1.2.3'), true],
  ['an address outside', net('10.0.0.0', '255.0.0.0'), undefined, address('11.1.2.3'), false],
  [
    'an address of the other family',
    net('10.0.0.0', '255.0.0.0'),
    undefined,
    address('::1'),
    false,
  ],
  ['a mailbox inside', der(0x81, ascii('example.net')), undefined, email('a@example.net'), true],
  ['a mailbox below', der(0x81, ascii('example.net')), undefined, email('a@x.example.net'), false],
  ['a URI outside', der(0x86, ascii('example.net')), undefined, uri('http://example.org/'), false],
  ['a subject inside', der(0xa4, dn('O=Example')), undefined, host('x'), true],
  ['a subject outside', der(0xa4, dn('O=Other')), undefined, host('x'), false],
  ['a name of another kind', der(0x82, ascii('example.net')), undefined, email('a@b'), true],
] as const) {
  test(`name constraints: ${what} is ${isValid ? 'accepted' : 'refused'}`, () => {
    const subtrees = (tag: number, base: Uint8Array | undefined) =>
      base === undefined ? [] : [der(tag, der(DER.sequence, base))]
    const value = der(DER.sequence, ...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded))
    const key = sampleKey('Bound').publicKey
    const extensions = [
      ...authorityExtensions(key, root.key.publicKey),
      { oid: OID.nameConstraints, critical: true, value },
    ]
    const bound = sampleAuthority('Bound', root, { extensions })
    const leaf = sampleGateway('gw', bound, {
      extensions: changed(OID.subjectAltName, altNamesValue([name])).filter(
        ({ oid }) => oid !== OID.authorityKeyId,
      ),
    })
    const found = validate(leaf, [bound])
    assert.equal(found.kind, isValid ? 'valid-path' : 'name-constraint')
  })
}

test('a loop of CAs ends, and so do fifty intermediates of one name', () => {
  const one = sampleAuthority('One')
  const two = sampleAuthority('Two', one)
  const loop = sampleAuthority('One', two)
  assert.equal(problemOf(sampleGateway('gw', two), [two, loop, one]).kind, 'untrusted')
  const many = Array.from({ length: 50 }, (_, i) =>
    sampleAuthority(`Many${i % 5}`, root, {
      subject: dn('CN=Middle, O=Example'),
      serial: Uint8Array.of(1, i),
      extensions: [],
    }),
  )
  const leaf = sampleGateway('gw', middle, { extensions: [] })
  assert.notEqual(validate(leaf, many).kind, 'valid-path')
})

test('a certificate altered in any octet is no longer believed', () => {
  const { der: octets } = gateway.certificate
  for (let at = 0; at < octets.length; at += 3) {
    const altered = Uint8Array.from(octets, (octet, i) => (i === at ? octet ^ 0x01 : octet))
    let certificate: Certificate
    try {
      certificate = parseCertificate(altered)
    } catch {
      continue
    }
    assert.notEqual(validate({ ...gateway, certificate }).kind, 'valid-path', `octet ${at}`)
  }
})
