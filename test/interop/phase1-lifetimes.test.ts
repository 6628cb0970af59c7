import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  type Encounter,
  giveAddresses,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'

const MAIN = numberedLink(1)
const AGGRESSIVE = numberedLink(2, { ike: 'v1-aggressive' })
const OFFERED = numberedLink(3)
const SHORT = { propose: MAIN.phase1, lifetime: '1h', volume: '9MB' }

let encounter: Encounter

before(async () => {
  const links = [MAIN, AGGRESSIVE, OFFERED]
  encounter = await meet(
    Object.fromEntries(links.map((link) => [link.name, causewaySide(link, { phase1: SHORT })])),
    links.map((link) => strongswanSide(link)),
    { prepare: (topology) => giveAddresses(topology, links.length) },
  )
})
after(() => encounter?.end())

for (const [link, where] of [
  [MAIN, 'the last message of Main mode'],
  [AGGRESSIVE, 'an Informational exchange behind Aggressive mode'],
] as const) {
  test(`strongSwan goes on when Causeway names a shorter lifetime of phase 1 in ${where}`, async () => {
    const { topology, causeway, strongswan } = encounter
    await strongswanInitiates(link, causeway, strongswan)
    const { tunnel } = await agreement(link, causeway, strongswan)
    const [sa] = tunnel.ikeSas
    const lives = Date.parse(sa?.expiresAt ?? '') - Date.parse(sa?.establishedAt ?? '')
    assert.equal(lives, 3_600_000)
    const n = link === MAIN ? 1 : 2
    await assertPing(topology.hostA, `10.2.${n}.2`, { source: `10.1.${n}.2` })
  })
}

test('strongSwan chooses a transform of phase 1 that names a volume beside the time', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.up(OFFERED.name)
  await agreement(OFFERED, causeway, strongswan)
  await assertPing(topology.hostA, '10.2.3.2', { source: '10.1.3.2' })
})
