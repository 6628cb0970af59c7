import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { issueCrl } from '#pki/issue'
import { opensslEcdsa } from '#platform/openssl-ecdsa'
import type { Identity } from '#policy/identity'
import {
  type CertificateAuthentication,
  certifiedBy,
  readyForCertificates,
} from '../support/certified.ts'
import { arrows, assertUp, events, prepare, snapshot } from '../support/exchange.ts'
import {
  A_DAY,
  dn,
  type Holder,
  sampleAuthority,
  sampleGateway,
  TODAY,
} from '../support/sample-pki.ts'
import { sites, TUNNEL } from '../support/sites.ts'

const NAME: Identity = { kind: 'fqdn', name: 'gw.example.net' }
const CA = sampleAuthority('Plant CA')

const METHODS = { rsa3072: 3, p256: 9, p384: 10 } as const

for (const keyType of ['rsa3072', 'p256', 'p384'] as const) {
  for (const ike of ['v1-main', 'v1-aggressive'] as const) {
    test(`${ike} with ${keyType} signatures brings the tunnel up`, () => {
      const a = sampleGateway(`a ${keyType}`, CA, { keyType })
      const b = sampleGateway(`b ${keyType}`, CA, { keyType })
      const rehearsal = begin({ ike, authentication: by(a) }, { ike, authentication: by(b) })
      assertUp(rehearsal)
      // Signatures take their time; nobody repeats itself meanwhile more than its clock says.
      assert.ok(rehearsal.sent.length < 14, `${rehearsal.sent.length} messages`)
      const [facts] = snapshot(rehearsal, 'a').ikeSas
      assert.equal(facts?.remoteId, 'gw.example.net')
      assert.deepEqual(facts?.peerCertificate, {
        subject: b.certificate.subject.text,
        notAfter: b.certificate.notAfter,
      })
      const [first] = events(rehearsal, 'a', 'message')
      const offer = first?.payloads.find((payload) => payload.type === 'SA')
      const attributes = offer?.proposals[0]?.transforms[0]?.attributes
      assert.ok(
        attributes?.some(
          (one) => one.type === 3 && one.form === 'short' && one.value === METHODS[keyType],
        ),
      )
    })
  }
}

test('keys of 1024 bits bring a tunnel up where both sides accept them, and else the one that does not refuses', () => {
  const keyType = 'rsa1024'
  const accepting = (holder: Holder) => ({ ...by(holder), leastRsaBits: 1024 })
  const a = sampleGateway('a', CA, { keyType })
  const b = sampleGateway('b', CA, { keyType })
  assertUp(begin({ authentication: accepting(a) }, { authentication: accepting(b) }))
  const rehearsal = begin({ authentication: by(a) }, { authentication: accepting(b) })
  const [told] = events(rehearsal, 'a', 'negotiation-failed')
  assert.match(JSON.stringify(told?.failure), /RSA-1024; 2048 bits are the least/)
})

test('a certificate of which nothing can be told, the list of its CA being stale, is warned of and accepted where the tunnel says so', () => {
  const draft = { number: Uint8Array.of(1), revoked: [] }
  const dates = { thisUpdate: TODAY - 2 * A_DAY, nextUpdate: TODAY - A_DAY }
  const stale = issueCrl({ ...draft, ...dates }, { name: CA.certificate.subject.der, key: CA.key })
  const lenient = { crl: 'if-present', ocsp: 'off' } as const
  const authentication = { ...by(gateway('a')), revocation: lenient, crls: [stale] }
  const rehearsal = begin({ authentication }, { authentication: by(gateway('b')) })
  assertUp(rehearsal)
  const [warning] = events(rehearsal, 'a', 'warning')
  assert.match(
    warning?.text ?? '',
    /whether CN=b, O=Example was revoked cannot be told: .* out of date since .*; accepted/,
  )
})

test('Main mode asks for certificates with the keys, and shows them with the signatures', () => {
  const rehearsal = begin(
    { authentication: by(gateway('a')) },
    { authentication: by(gateway('b')) },
  )
  assert.deepEqual(arrows(rehearsal).slice(0, 6), [
    'a → b  main 1  SA VID',
    'a ← b  main 2  SA VID',
    'a → b  main 3  KE NONCE CR NAT-D NAT-D',
    'a ← b  main 4  KE NONCE CR NAT-D NAT-D',
    'a → b  main 5*  ID CERT SIG N',
    'a ← b  main 6*  ID CERT SIG',
  ])
})

test('ECDSA signs a hash of its own strength, whatever was negotiated (RFC 2409 §5.1, RFC 4754 §4)', () => {
  const authentication = by(sampleGateway('a p384', CA, { keyType: 'p384' }))
  const rehearsal = prepare(named({ authentication }, { authentication, start: 'respond' }))
  const signed: number[] = []
  for (const side of [rehearsal.gateways.a, rehearsal.gateways.b]) {
    const ecdsa = opensslEcdsa()
    assert.ok(ecdsa !== undefined, 'OpenSSL is there')
    side.bareEcdsa = {
      sign(pkcs8, integerOctets, hash) {
        signed.push(hash.length)
        return ecdsa.sign(pkcs8, integerOctets, hash)
      },
      verify: ecdsa.verify,
    }
    side.date = TODAY
  }
  rehearsal.start()
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.suite.hash, 'sha256')
  assert.deepEqual(signed, [48, 48])
})

for (const ike of ['v1-main', 'v1-aggressive'] as const) {
  test(`${ike}: what a signature answers goes where the message came from, port 4500 behind a NAT`, () => {
    const [a, b] = [by(gateway('a')), by(gateway('b'))]
    const rehearsal = begin(
      { ike, authentication: a, encapsulation: 'force' },
      { ike, authentication: b, encapsulation: 'force' },
    )
    assertUp(rehearsal)
    for (const side of ['a', 'b'] as const) {
      const [sa] = snapshot(rehearsal, side).ikeSas
      assert.deepEqual([sa?.local.port, sa?.remote.port], [4500, 4500])
      const last = events(rehearsal, side, 'message')
        .filter(({ exchange }) => exchange !== 'quick')
        .at(-1)
      assert.deepEqual([last?.local.port, last?.remote.port], [4500, 4500])
    }
  })
}

test('Quick mode that comes while message 3 of Aggressive mode is still being verified is not lost', () => {
  const ike = 'v1-aggressive'
  const [a, b] = [by(gateway('a')), by(gateway('b'))]
  const rehearsal = begin({ ike, authentication: a }, { ike, authentication: b })
  assertUp(rehearsal)
  assert.deepEqual(events(rehearsal, 'b', 'dropped'), [])
  const repeated = events(rehearsal, 'a', 'message').filter(({ repeat }) => repeat > 0)
  assert.deepEqual(repeated, [])
})

test('a certificate is refused where it came from', () => {
  const stranger: Identity = { kind: 'fqdn', name: 'other.example.net' }
  const force = { encapsulation: 'force' } as const
  const rehearsal = begin(
    { ...force, authentication: by(gateway('a')), localId: stranger },
    { ...force, authentication: by(gateway('b')), remoteId: stranger },
  )
  const refusal = events(rehearsal, 'b', 'message').find(
    ({ exchange, direction }) => exchange === 'informational' && direction === 'sent',
  )
  assert.equal(refusal?.remote.port, 4500)
})

test('an intermediate is sent along, so that the peer need trust only the root', () => {
  const middle = sampleAuthority('Plant CA of Lyon', CA)
  const a = sampleGateway('a below Lyon', middle)
  const authentication = { ...by(a), own: [a.certificate, middle.certificate] }
  assertUp(begin({ authentication }, { authentication: by(gateway('b')) }))
})

test('a key on one side and a certificate on the other: both sides say so', () => {
  const rehearsal = begin({}, { authentication: by(gateway('b')) })
  const atB = events(rehearsal, 'b', 'negotiation-failed')[0]?.failure
  assert.equal(atB?.code, 'CW-204')
  assert.match(atB?.summary ?? '', /both sides must prove themselves the same way/)
  assert.match(atB?.summary ?? '', /pre-shared key/)
  assert.equal(snapshot(rehearsal, 'a').childSas.length, 0)
})

test('a certificate of a CA we do not trust is refused, with its issuer', () => {
  const other = sampleAuthority('Plant CA 2')
  const a = sampleGateway('a of another CA', other)
  const rehearsal = begin(
    { authentication: { ...by(a), trust: [CA.certificate] } },
    { authentication: by(gateway('b')) },
  )
  const failure = events(rehearsal, 'b', 'negotiation-failed')[0]?.failure
  assert.equal(failure?.code, 'CW-306')
  assert.match(failure?.summary ?? '', /Plant CA 2/)
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 0)
})

test('a certificate that has expired is refused', () => {
  const a = sampleGateway('a of last year', CA, { notAfter: TODAY - A_DAY / 2 })
  const rehearsal = begin({ authentication: by(a) }, { authentication: by(gateway('b')) })
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-307')
})

test('a good certificate under an identity that is not in it is refused', () => {
  const stranger: Identity = { kind: 'fqdn', name: 'other.example.net' }
  const rehearsal = begin(
    { authentication: by(gateway('a')), localId: stranger },
    { authentication: by(gateway('b')), remoteId: stranger },
  )
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-308')
})

test('a signature made with another key than that of the certificate is refused', () => {
  const [a, other] = [gateway('a'), gateway('another')]
  const authentication = { ...by(a), key: other.key }
  const rehearsal = begin({ authentication }, { authentication: by(gateway('b')) })
  assert.equal(events(rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-306')
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 0)
})

function gateway(name: string): Holder {
  return sampleGateway(name, CA)
}

function by(holder: Holder): CertificateAuthentication {
  return certifiedBy(holder, [CA])
}

function begin(a: Partial<TunnelConfig>, b: Partial<TunnelConfig>) {
  return run(prepare(named(a, { start: 'respond', ...b })))
}

function run(rehearsal: ReturnType<typeof prepare>) {
  readyForCertificates(rehearsal)
  rehearsal.start()
  rehearsal.runFor(5_000)
  return rehearsal
}

function named(a: Partial<TunnelConfig>, b: Partial<TunnelConfig>) {
  return sites({ localId: NAME, remoteId: NAME }, a, b)
}

const ANYWHERE = { peer: 'any', localId: NAME, start: 'respond' } as const

for (const ike of ['v1-main', 'v1-aggressive'] as const) {
  test(`${ike}: several peers from anywhere are told apart by the identity they show`, () => {
    const authentication = by(gateway('b'))
    const remoteId: Identity = { kind: 'fqdn', name: 'other.example.net' }
    const others = [{ authentication, name: 'other', remoteId }]
    assertUp(called({ ike, authentication: by(gateway('a')) }, { ike, authentication }, others))
  })

  test(`${ike}: one that proves itself otherwise, or wants other algorithms, is no hindrance`, () => {
    const authentication = by(gateway('b'))
    const { phase1 } = sites().b.tunnels[0] ?? {}
    assert.ok(phase1 !== undefined)
    const suites = [{ encryption: '3des-cbc', hash: 'sha1', keyExchange: 'modp1024' }] as const
    const others = [
      { name: 'rsa', authentication: by(sampleGateway('b rsa', CA, { keyType: 'rsa3072' })) },
      { name: 'old', authentication, phase1: { ...phase1, suites } },
    ]
    assertUp(called({ ike, authentication: by(gateway('a')) }, { ike, authentication }, others))
  })
}

test('Aggressive mode takes any name of one organisation where the configuration says so', () => {
  const ike = 'v1-aggressive'
  const any: Identity = { kind: 'dn', der: dn('CN=*, O=Example') }
  const a = gateway('a')
  const localId: Identity = { kind: 'dn', der: a.certificate.subject.der }
  const authentication = by(gateway('b'))
  assertUp(
    called({ ike, authentication: by(a), localId }, { ike, authentication, remoteId: any }, []),
  )
})

test('what is refused is said of the tunnel it was meant for', () => {
  const ike = 'v1-aggressive'
  const authentication = by(gateway('b'))
  const remoteId: Identity = { kind: 'fqdn', name: 'other.example.net' }
  const { phase1 } = sites().b.tunnels[0] ?? {}
  assert.ok(phase1 !== undefined)
  const suites = [{ encryption: '3des-cbc', hash: 'sha1', keyExchange: 'modp1024' }] as const
  const rehearsal = called(
    { ike, authentication: by(gateway('a')) },
    { ike, authentication, phase1: { ...phase1, suites } },
    [{ ike, authentication, name: 'other', remoteId }],
  )
  const [failed] = events(rehearsal, 'b', 'negotiation-failed')
  assert.deepEqual([failed?.tunnel, failed?.failure.code], [TUNNEL, 'CW-201'])
})

/** b takes peers from anywhere, by its tunnel and the others, which stand before it. */
function called(
  changesOfA: Partial<TunnelConfig>,
  changesOfB: Partial<TunnelConfig>,
  others: readonly Partial<TunnelConfig>[],
) {
  const { a, b } = named(changesOfA, { ...ANYWHERE, ...changesOfB })
  const [right] = b.tunnels
  assert.ok(right !== undefined)
  const before = others.map((other) => ({ ...right, ...other }))
  return run(prepare({ a, b: { ...b, tunnels: [...before, right] } }))
}

test('Aggressive mode: one whose certificate is refused in its last message is told so, not of phase 2', () => {
  const ike = 'v1-aggressive'
  const stranger = sampleGateway('a of nobody', sampleAuthority('Another CA'))
  const authentication = { ...by(stranger), trust: [CA.certificate] }
  const rehearsal = begin({ ike, authentication }, { ike, authentication: by(gateway('b')) })
  for (const side of ['a', 'b'] as const)
    assert.equal(events(rehearsal, side, 'negotiation-failed')[0]?.failure.code, 'CW-306')
  assert.equal(snapshot(rehearsal, 'a').childSas.length, 0)
})
