import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Effect } from '#ike/effects'
import { decodeHeader } from '#wire/ike-header'
import {
  type CertificateAuthentication,
  certifiedBy,
  readyForCertificates,
} from '../support/certified.ts'
import { prepare, recorded, rehearseUp, snapshot } from '../support/exchange.ts'
import { type Holder, sampleAuthority, sampleGateway } from '../support/sample-pki.ts'
import { A_BEGINS, type Sites, sites, TUNNEL } from '../support/sites.ts'

// Which SPIs of its own an engine wants to be heard before others, when it is flooded with IKE.

const CA = sampleAuthority('Plant CA')
const ANYWHERE = { ...A_BEGINS, peer: 'any' } as const

test('its own SPI counts on each side from the first message on, where each calls the other at its address', () => {
  const trusted = trustedAfterTwo(sites({}, {}, A_BEGINS))
  assert.deepEqual(
    trusted.map(({ length }) => length),
    [1, 1],
  )
})

test('the SPI that somebody from anywhere was given does not count while he has proved nothing', () => {
  const trusted = trustedAfterTwo(sites({ ike: 'v1-aggressive' }, {}, ANYWHERE))
  assert.deepEqual(
    trusted.map(({ length }) => length),
    [1, 0],
  )
})

test('once he has, it does, until the SA is closed', () => {
  const { engines, options } = recorded()
  const rehearsal = rehearseUp(sites({ ike: 'v1-aggressive' }, {}, ANYWHERE), options)
  const [sa] = snapshot(rehearsal, 'b').ikeSas
  assert.deepEqual(engines.map(trustedSpis), [[sa?.initiatorSpi], [sa?.responderSpi]])
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  assert.deepEqual(engines.map(trustedSpis), [[], []])
})

test('so it does where his certificate took its time to be checked, with no message since', () => {
  const { engines, options } = recorded()
  const [a, b] = [by(sampleGateway('a', CA)), by(sampleGateway('b', CA))]
  const remoteId = { kind: 'fqdn', name: 'gw.example.net' } as const
  const named = { localId: remoteId, remoteId }
  const rehearsal = prepare(
    sites({ ...named, authentication: a }, { ...named, authentication: b }, ANYWHERE),
    options,
  )
  rehearsal.intercept = ({ side, octets }) =>
    side === 'a' && decodeHeader(octets).messageId !== 0 ? undefined : octets
  readyForCertificates(rehearsal)
  rehearsal.start()
  rehearsal.runFor(3_000)
  const [sa] = snapshot(rehearsal, 'b').ikeSas
  assert.deepEqual(trustedSpis(engines[1] ?? []), [sa?.responderSpi])
})

function by(holder: Holder): CertificateAuthentication {
  return certifiedBy(holder, [CA])
}

/** What counts after the first two messages of phase 1, when no other comes through. */
function trustedAfterTwo(of: Sites): readonly (readonly string[])[] {
  const { engines, options } = recorded()
  const rehearsal = prepare(of, options)
  rehearsal.intercept = ({ side, octets }) => {
    const isFirst = decodeHeader(octets).responderSpi.every((octet) => octet === 0)
    return side === 'b' || isFirst ? octets : undefined
  }
  rehearsal.start()
  rehearsal.runFor(1_000)
  return engines.map(trustedSpis)
}

function trustedSpis(effects: readonly Effect[]): readonly string[] {
  const spis = new Set<string>()
  for (const effect of effects) {
    if (effect.kind !== 'ike-spis') continue
    for (const spi of effect.come) spis.add(spi)
    for (const spi of effect.gone) spis.delete(spi)
  }
  return [...spis]
}
