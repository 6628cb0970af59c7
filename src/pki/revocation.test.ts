import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { DER, der, derChildren, derOid, readDer } from '#bytes/der'
import { fromHex } from '#bytes/hex'
import {
  A_DAY,
  GATEWAY_NAME,
  type Holder,
  sampleAuthority,
  sampleGateway,
  sampleKey,
  TODAY,
} from '../../test/support/sample-pki.ts'
import { OID, PURPOSE } from './extensions.ts'
import { type CrlDraft, distributionPointsValue, gatewayExtensions, issueCrl } from './issue.ts'
import { timeText } from './moment.ts'
import { sign } from './node-signatures.ts'
import { ocspRequest } from './ocsp.ts'
import { checkRevocation, type Fetched, type RevocationPolicy } from './revocation.ts'

const URL_OF_CRL = 'http://crl.example.net/ca.crl'
const URL_OF_OCSP = 'http://ocsp.example.net/'
const root = sampleAuthority('Root')
const other = sampleAuthority('Other')
const access = der(DER.sequence, der(DER.sequence, derOid(OID.ocsp), der(0x86, ascii(URL_OF_OCSP))))
const key = sampleKey('gw').publicKey
const extensions = [
  ...gatewayExtensions(key, root.key.publicKey, [GATEWAY_NAME], [PURPOSE.ipsecIke], URL_OF_CRL),
  { oid: OID.authorityInfoAccess, value: access },
]
const gateway = sampleGateway('gw', root, { extensions })
const serial = fromHex(gateway.certificate.serial)
const chain = [gateway.certificate, root.certificate]

const IF_PRESENT: RevocationPolicy = { crl: 'if-present', ocsp: 'off' }
const REQUIRED: RevocationPolicy = { crl: 'required', ocsp: 'off' }
const OCSP: RevocationPolicy = { crl: 'off', ocsp: 'required' }

function crl(changes: Partial<CrlDraft> = {}, by: Holder = root): Uint8Array {
  const draft = {
    number: Uint8Array.of(1),
    thisUpdate: TODAY - A_DAY,
    nextUpdate: TODAY + A_DAY,
    revoked: [],
    ...changes,
  }
  return issueCrl(draft, { name: root.certificate.subject.der, key: by.key })
}
const revoking = { revoked: [{ serial, at: TODAY - A_DAY, reason: 1 }] }

function check(
  policy: RevocationPolicy,
  crls: readonly Uint8Array[],
  fetched: Readonly<Record<string, Fetched>> = {},
) {
  return checkRevocation(chain, policy, { crls, fetched: new Map(Object.entries(fetched)) }, TODAY)
}

test('a current list of its CA clears a certificate, or revokes it with date and reason', () => {
  assert.deepEqual(check(REQUIRED, [crl()]), { kind: 'good', notes: [] })
  const found = check(REQUIRED, [crl(revoking)])
  assert.equal(found.kind, 'revoked')
  if (found.kind !== 'revoked') return
  assert.equal(found.at, TODAY - A_DAY)
  assert.equal(found.reason, 'key compromise')
  assert.match(found.source, /CN=Root/)
})

test('off asks nothing', () => {
  assert.equal(check({ crl: 'off', ocsp: 'off' }, [crl(revoking)]).kind, 'good')
})

test('a list that is missing is fetched, and only from where the certificate says', () => {
  const found = check(IF_PRESENT, [])
  assert.deepEqual(found, {
    kind: 'fetch',
    wanted: [{ kind: 'crl', key: URL_OF_CRL, url: URL_OF_CRL }],
  })
  assert.equal(check(IF_PRESENT, [], { [URL_OF_CRL]: { content: crl() } }).kind, 'good')
  assert.equal(check(IF_PRESENT, [], { [URL_OF_CRL]: { content: crl(revoking) } }).kind, 'revoked')
})

test('when no list can be had, if-present accepts with a note and required refuses', () => {
  const unreachable = { [URL_OF_CRL]: { problem: 'no answer in time' } }
  const tolerated = check(IF_PRESENT, [], unreachable)
  assert.equal(tolerated.kind, 'good')
  if (tolerated.kind === 'good')
    assert.match(
      tolerated.notes.join(),
      /no answer in time; accepted, .* revocation: crl-if-present/,
    )
  const refused = check(REQUIRED, [], unreachable)
  assert.equal(refused.kind, 'unknown')
  if (refused.kind === 'unknown') assert.match(refused.why, /no answer in time/)
})

test('of a certificate for which no list or responder is named, if-present notes nothing', () => {
  const bare = [sampleGateway('bare', root).certificate, root.certificate]
  const material = { crls: [], fetched: new Map() }
  const policy = { crl: 'if-present', ocsp: 'if-present' } as const
  assert.deepEqual(checkRevocation(bare, policy, material, TODAY), { kind: 'good', notes: [] })
})

const point = (...fields: readonly Uint8Array[]) => ({
  extensions: [{ oid: '2.5.29.28', critical: true, value: der(DER.sequence, ...fields) }],
})
const on = Uint8Array.of(0xff)
const pointOf = (url: string) =>
  derChildren(
    derChildren(readDer(distributionPointsValue([url])))[0] ?? { content: new Uint8Array(0) },
  )[0]?.octets ?? on
for (const [what, octets] of [
  ['signed by another CA', crl({}, other)],
  ['out of date', crl({ thisUpdate: TODAY - 3 * A_DAY, nextUpdate: TODAY - A_DAY })],
  ['from the future', crl({ thisUpdate: TODAY + A_DAY, nextUpdate: TODAY + 2 * A_DAY })],
  ['for CAs only', crl(point(der(0x82, on)))],
  ['for some reasons only', crl(point(der(0x83, Uint8Array.of(1, 2))))],
  ['indirect', crl(point(der(0x84, on)))],
  ['for another distribution point', crl(point(pointOf('http://crl.example.net/other.crl')))],
  [
    'a delta',
    crl({ extensions: [{ oid: '2.5.29.27', critical: true, value: der(DER.integer, on) }] }),
  ],
  [
    'with a critical extension that is not known',
    crl({ extensions: [{ oid: '1.2.3', critical: true, value: der(DER.null) }] }),
  ],
  ['unreadable', ascii('-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n')],
  ['altered', crl().map((octet, i, all) => (i === all.length - 1 ? octet ^ 1 : octet))],
] as const) {
  test(`a list that is ${what} clears nobody`, () => {
    const found = check(REQUIRED, [octets], { [URL_OF_CRL]: { problem: 'off' } })
    assert.equal(found.kind, 'unknown')
  })
}

test('a list for the distribution point of the certificate clears it', () => {
  assert.equal(check(REQUIRED, [crl(point(der(0x81, on)))]).kind, 'good')
  assert.equal(check(REQUIRED, [crl(point(pointOf(URL_OF_CRL)))]).kind, 'good')
})

test('a list out of date still revokes', () => {
  const old = crl({ ...revoking, thisUpdate: TODAY - 3 * A_DAY, nextUpdate: TODAY - A_DAY })
  assert.equal(check(IF_PRESENT, [old]).kind, 'revoked')
})

test('a list signed by who may not sign lists counts for nothing', () => {
  const { certificate } = root
  const mute = { ...certificate, keyUsage: ['keyCertSign'] as const }
  const material = { crls: [crl()], fetched: new Map([[URL_OF_CRL, { problem: 'off' }]]) }
  assert.equal(
    checkRevocation([gateway.certificate, mute], REQUIRED, material, TODAY).kind,
    'unknown',
  )
})

type OcspDraft = {
  status?: Uint8Array
  thisUpdate?: number
  nextUpdate?: number
  by?: Holder
  certificates?: readonly Holder[]
  about?: Holder
}

function ocsp({
  status = der(0x80),
  thisUpdate = TODAY - 1000,
  nextUpdate = TODAY + A_DAY,
  by = root,
  certificates = [],
  about = gateway,
}: OcspDraft): Uint8Array {
  const request = readDer(ocspRequest(about.certificate, root.certificate))
  const [tbs] = derChildren(request)
  const [list] = derChildren(tbs ?? request)
  const [one] = derChildren(list ?? request)
  const [certId] = derChildren(one ?? request)
  const single = der(
    DER.sequence,
    certId?.octets ?? on,
    status,
    time(thisUpdate),
    der(0xa0, time(nextUpdate)),
  )
  const responder = der(0xa1, by.certificate.subject.der)
  const data = der(DER.sequence, responder, time(thisUpdate), der(DER.sequence, single))
  const algorithm = der(DER.sequence, derOid('1.2.840.10045.4.3.2'))
  const signature = sign(by.key, { kind: 'ecdsa', hash: 'sha256', form: 'der' }, data)
  const certs = certificates.map(({ certificate }) => certificate.der)
  const basic = der(
    DER.sequence,
    data,
    algorithm,
    der(DER.bitString, concat(Uint8Array.of(0), signature)),
    ...(certs.length === 0 ? [] : [der(0xa0, der(DER.sequence, ...certs))]),
  )
  const bytes = der(DER.sequence, derOid('1.3.6.1.5.5.7.48.1.1'), der(DER.octetString, basic))
  return der(DER.sequence, der(DER.enumerated, Uint8Array.of(0)), der(0xa0, bytes))
}

function time(moment: number): Uint8Array {
  const { text } = timeText(moment)
  return der(DER.generalizedTime, ascii(`20${text}`))
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function checkOcsp(response: Fetched, policy = OCSP) {
  const first = check(policy, [])
  assert.equal(first.kind, 'fetch')
  const wanted = first.kind === 'fetch' ? first.wanted[0] : undefined
  assert.equal(wanted?.url, URL_OF_OCSP)
  return check(policy, [], { [wanted?.key ?? '']: response })
}

const delegate = (issuer: Holder, purpose: string): Holder =>
  sampleGateway('responder', issuer, {
    extensions: gatewayExtensions(
      sampleKey('responder').publicKey,
      issuer.key.publicKey,
      [],
      [purpose],
    ),
  })
const right = delegate(root, PURPOSE.ocspSigning)

for (const [what, response, kind] of [
  ['a good answer of the CA', ocsp({}), 'good'],
  [
    'a good answer of a responder it authorized',
    ocsp({ by: right, certificates: [right] }),
    'good',
  ],
  ['a revocation', ocsp({ status: der(0xa1, time(TODAY - A_DAY)) }), 'revoked'],
  ['an answer that does not know', ocsp({ status: der(0x82) }), 'unknown'],
  ['an answer of another CA', ocsp({ by: other }), 'unknown'],
  [
    'a responder of another CA',
    ocsp({
      by: delegate(other, PURPOSE.ocspSigning),
      certificates: [delegate(other, PURPOSE.ocspSigning)],
    }),
    'unknown',
  ],
  ['a gateway that plays responder', ocsp({ by: gateway, certificates: [gateway] }), 'unknown'],
  [
    'an answer out of date',
    ocsp({ thisUpdate: TODAY - 2 * A_DAY, nextUpdate: TODAY - A_DAY }),
    'unknown',
  ],
  ['an answer from the future', ocsp({ thisUpdate: TODAY + A_DAY }), 'unknown'],
  ['an answer about another', ocsp({ about: right }), 'unknown'],
  ['a refusal', der(DER.sequence, der(DER.enumerated, Uint8Array.of(3))), 'unknown'],
  ['noise', Uint8Array.of(1, 2, 3), 'unknown'],
] as const) {
  test(`OCSP, ${what}: ${kind}`, () => {
    assert.equal(checkOcsp({ content: response }).kind, kind)
  })
}

test('OCSP, a responder that cannot be reached: what the policy says', () => {
  const problem = { problem: 'not reachable (ECONNREFUSED)' }
  assert.equal(checkOcsp(problem).kind, 'unknown')
  assert.equal(checkOcsp(problem, { crl: 'off', ocsp: 'if-present' }).kind, 'good')
})

test('an OCSP response cut short anywhere clears nobody', () => {
  const whole = ocsp({})
  for (let length = 0; length < whole.length; length += 5)
    assert.equal(checkOcsp({ content: whole.subarray(0, length) }).kind, 'unknown')
})
