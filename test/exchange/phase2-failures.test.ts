// Each way that phase 2 can fail, as the side knows it that read the other's offer, and as the side hears it that made it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { EncapsulationModeNumber, SaAttribute } from '#iana/ipsec-doi'
import { ProtocolId } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import type { EspSuite } from '#policy/proposal'
import { selectorFromPrefix } from '#policy/traffic-selector'
import { selectorToPayload } from '#wire/v1/id-payload'
import type { Payload, SaPayload } from '#wire/v1/payloads'
import { establishedScene } from '../support/attack.ts'
import { events, rehearse } from '../support/exchange.ts'
import type { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, ADDRESS_A, ADDRESS_B, pair, sites } from '../support/sites.ts'

const lifetime = { seconds: 3_600 }
const GCM: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
const CBC: EspSuite = { encryption: 'aes256-cbc', integrity: 'hmac-sha256-128', esn: false }
const ANY = pair('0.0.0.0', '255.255.255.255', '0.0.0.0', '255.255.255.255')

describe('the networks differ', () => {
  test('CW-401: by the prefix of one side, which is named with both lengths, and the mirrored pair drawn for the peer', () => {
    const networks = [pair('10.2.0.0', '10.2.0.255', '10.1.0.0', '10.1.255.255')]
    const failure = refusedByB(
      { networks: [pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')] },
      { networks },
    )
    assert.equal(failure.code, 'CW-401')
    assert.match(failure.summary, /our network is \/16 there and \/24 here/)
    assert.match(failure.forPeer ?? '', /local 10\.1\.0\.0\/16, remote 10\.2\.0\.0\/24/)
    assert.equal(failure.key, 'networks.0')
  })

  test('CW-401: of several pairs the nearest is shown', () => {
    const networks = [
      pair('10.7.0.0', '10.7.255.255', '10.8.0.0', '10.8.255.255'),
      pair('10.2.0.0', '10.2.255.255', '10.1.4.0', '10.1.7.255'),
    ]
    const failure = refusedByB({}, { networks })
    assert.match(failure.summary, /ours is 10\.2\.0\.0\/16 ↔ 10\.1\.4\.0\/22, the nearest of 2/)
    assert.match(
      failure.summary,
      /its network is larger there: 10\.1\.0\.0\/16, 10\.1\.4\.0\/22 here/,
    )
  })

  test('CW-401: the two sides are the wrong way round', () => {
    const networks = [pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')]
    const failure = refusedByB({}, { networks })
    assert.equal(failure.code, 'CW-401')
    assert.match(failure.summary, /has the two sides the wrong way round/)
  })

  test('CW-401: only the port differs', () => {
    const [wide] = [pair('10.2.0.0', '10.2.255.255', '10.1.0.0', '10.1.255.255')]
    const local = { ...wide.local, protocol: 6, startPort: 443, endPort: 443 }
    const failure = refusedByB(
      {},
      { networks: [{ local, remote: { ...wide.remote, protocol: 6 } }] },
    )
    assert.match(
      failure.summary,
      /protocol or port differ: 10\.2\.0\.0\/16 there, .* tcp\/443 here/,
    )
  })

  test('CW-401: the peer names no networks, so the gateways themselves are meant', () => {
    const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
    askFor(
      peer,
      [selectorFromPrefix(ADDRESS_A), selectorFromPrefix(ADDRESS_B)].map(selectorToPayload),
    )
    const [failed] = events(rehearsal, 'b', 'negotiation-failed')
    assert.equal(failed?.failure.code, 'CW-401')
    assert.match(failed?.failure.summary ?? '', /names no networks/)
  })

  test('CW-402: the peer is route-based and we are not, and the reverse', () => {
    const theirs = refusedByB(
      {},
      { networks: [pair('10.2.0.0', '10.2.255.255', '10.1.0.0', '10.1.255.255')] },
      { networks: [ANY] },
    )
    assert.equal(theirs.code, 'CW-402')
    assert.match(theirs.summary, /is route-based: it asks for any ↔ any/)
    assert.match(theirs.remedy, /networks: any here/)
    const ours = refusedByB({}, { networks: [ANY] })
    assert.equal(ours.code, 'CW-402')
    assert.match(ours.summary, /is policy-based/)
    assert.match(ours.remedy, /"10\.2\.0\.0\/16 <-> 10\.1\.0\.0\/16"/)
  })

  test('CW-403: the peer joins several networks to one', () => {
    const networks = [
      pair('10.2.0.0', '10.2.127.255', '10.1.0.0', '10.1.255.255'),
      pair('10.2.128.0', '10.2.255.255', '10.1.0.0', '10.1.255.255'),
    ]
    const failure = refusedByB({}, { networks })
    assert.equal(failure.code, 'CW-403')
    assert.match(failure.summary, /one pair that holds 2 of ours/)
    assert.match(
      failure.forPeer ?? '',
      /remote 10\.2\.0\.0\/17; and local .* remote 10\.2\.128\.0\/17/,
    )
  })

  test('the side that asked hears that there are no such networks, and draws the pair for the peer', () => {
    const networks = [pair('192.168.9.0', '192.168.9.255', '10.1.0.0', '10.1.255.255')]
    const failure = heardByA({}, { networks })
    assert.deepEqual([failure.code, failure.theirs], ['CW-401', 'not told by the peer'])
    assert.match(failure.forPeer ?? '', /local 10\.2\.0\.0\/16, remote 10\.1\.0\.0\/16/)
  })
})

describe('the algorithms differ', () => {
  const b = (
    phase2: Partial<TunnelConfig['phase2']>,
    ofA: Partial<TunnelConfig['phase2']> = {},
  ) => {
    const base = { suites: [GCM], pfs: 'none', lifetime } as const
    return refusedByB({}, { phase2: { ...base, ...phase2 } }, { phase2: { ...base, ...ofA } })
  }

  test('CW-404: in one attribute, which is the sentence', () => {
    const cipher = b({ suites: [{ ...GCM, encryption: 'aes128-gcm16' }] })
    assert.equal(cipher.code, 'CW-404')
    assert.match(
      cipher.summary,
      /with aes256gcm16, we accept aes128gcm16: only the key length differs/,
    )
    const sha1: EspSuite = { ...CBC, integrity: 'hmac-sha1-96' }
    const integrity = b({ suites: [sha1] }, { suites: [CBC] })
    assert.match(integrity.summary, /with sha256, we accept sha1: only the integrity differs/)
    const esn = b({ suites: [{ ...GCM, esn: true }] })
    assert.match(esn.summary, /only the extended sequence numbers differ/)
  })

  test('CW-404: in several attributes, which are named with their values', () => {
    const failure = b({ suites: [CBC], pfs: 'modp2048' })
    assert.equal(failure.code, 'CW-404')
    assert.match(failure.summary, /encryption, integrity and PFS differ/)
    assert.match(failure.evidence, /PFS: no PFS there, PFS group14 here/)
  })

  test('CW-405: in PFS alone, on one side only or in another group', () => {
    const none = b({ pfs: 'modp2048' })
    assert.equal(none.code, 'CW-405')
    assert.match(none.summary, /with no PFS, we require PFS group14/)
    const other = b({ pfs: 'modp2048' }, { pfs: 'ecp256' })
    assert.match(other.summary, /with PFS group19, we require PFS group14/)
    assert.equal(other.key, 'phase2.pfs')
  })

  test('the side that offered hears a refusal, and PFS as its first other cause, where it asks no further', () => {
    const failure = heardByA(
      { secondLook: false },
      { phase2: { suites: [GCM], pfs: 'none', lifetime } },
    )
    assert.equal(failure.code, 'CW-404')
    assert.match(
      failure.otherCauses?.[0] ?? '',
      /uses no PFS, or another group than group14 \(CW-405\)/,
    )
    assert.match(failure.forPeer ?? '', /ESP in tunnel mode with aes256gcm16 and PFS group14/)
  })
})

describe('what is built differs', () => {
  test('CW-406: transport mode, AH, and UDP encapsulation where we found no NAT', () => {
    for (const [change, told] of [
      [encapsulated('Transport'), /wants transport mode, we have tunnel mode/],
      [encapsulated('UDP-Encapsulated-Tunnel'), /wants ESP in UDP, we native ESP/],
      [(offer: SaPayload) => ofProtocol(offer, 'AH'), /offers AH, we do ESP alone/],
      [beside('IPCOMP'), /offers ESP with IPCOMP, we do ESP alone/],
    ] as const) {
      const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
      askFor(peer, peer.quick1().ids, change)
      const [failed] = events(rehearsal, 'b', 'negotiation-failed')
      assert.equal(failed?.failure.code, 'CW-406', `${told}`)
      assert.match(failed?.failure.summary ?? '', told)
    }
  })
})

test('CW-407: a commit bit is tolerated, and told as a habit', () => {
  const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
  peer.flags = 0x02
  const { sa, nonce, ids } = peer.quick1()
  const messageId = peer.freshMessageId()
  const [answer] = peer.sendProtected('QUICK-MODE', [sa, nonce, ...ids], 'right', messageId)
  assert.ok(answer !== undefined && nonce.type === 'NONCE')
  const nonceR = peer.read(answer).find((payload) => payload.type === 'NONCE')
  assert.ok(nonceR?.type === 'NONCE')
  peer.sendQuick3(messageId, nonce.data, nonceR.data)
  const [habit] = events(rehearsal, 'b', 'peer-habit')
  assert.equal(habit?.code, 'CW-407')
  assert.match(habit?.text ?? '', /sets the commit bit/)
})

const NO_PFS = { suites: [GCM], pfs: 'none', lifetime } as const

/** A begins; what B, configured with `ofB`, says of it. */
function refusedByB(
  both: Partial<TunnelConfig>,
  ofB: Partial<TunnelConfig>,
  ofA: Partial<TunnelConfig> = {},
): Failure {
  return failed('b', both, ofA, ofB)
}

function heardByA(both: Partial<TunnelConfig>, ofB: Partial<TunnelConfig>): Failure {
  return failed('a', both, {}, ofB)
}

function failed(
  side: 'a' | 'b',
  both: Partial<TunnelConfig>,
  ofA: Partial<TunnelConfig>,
  ofB: Partial<TunnelConfig>,
): Failure {
  const rehearsal = rehearse(sites(both, ofA, { ...A_BEGINS, ...ofB }))
  rehearsal.runFor(3_000)
  const [first] = events(rehearsal, side, 'negotiation-failed')
  assert.ok(first !== undefined, `side ${side} tells of a failure`)
  assert.equal(first.phase, 2)
  return first.failure
}

function askFor(
  peer: ScriptedPeer,
  ids: readonly Payload[],
  change: (offer: SaPayload) => SaPayload = (offer) => offer,
): void {
  const { sa, nonce } = peer.quick1()
  peer.sendProtected('QUICK-MODE', [change(sa), nonce, ...ids])
}

function encapsulated(mode: Parameters<typeof EncapsulationModeNumber.number>[0]) {
  const type = SaAttribute.number('Encapsulation Mode')
  const value = EncapsulationModeNumber.number(mode)
  return (offer: SaPayload): SaPayload => ({
    ...offer,
    proposals: offer.proposals.map((proposal) => ({
      ...proposal,
      transforms: proposal.transforms.map((transform) => ({
        ...transform,
        attributes: transform.attributes.map((one) =>
          one.type === type ? { form: 'short', type, value } : one,
        ),
      })),
    })),
  })
}

function ofProtocol(offer: SaPayload, protocol: 'AH'): SaPayload {
  const protocolId = ProtocolId.number(protocol)
  return { ...offer, proposals: offer.proposals.map((one) => ({ ...one, protocolId })) }
}

/** Wanted together with ESP, under the same number. */
function beside(protocol: 'IPCOMP') {
  return (offer: SaPayload): SaPayload => {
    const [esp] = offer.proposals
    if (esp === undefined) return offer
    const other = { ...esp, protocolId: ProtocolId.number(protocol), spi: Uint8Array.of(0, 2) }
    return { ...offer, proposals: [esp, other] }
  }
}
