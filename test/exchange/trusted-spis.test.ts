import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Effect } from '#ike/effects'
import { decodeHeader } from '#wire/ike-header'
import { prepare, recorded, rehearseUp, snapshot } from '../support/exchange.ts'
import { A_BEGINS, type Sites, sites, TUNNEL } from '../support/sites.ts'

// Which SPIs of its own an engine wants to be heard before others, when it is flooded with IKE.

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
