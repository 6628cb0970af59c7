import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  type Encounter,
  LINK,
  meet,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'
import { StrongSwan } from '../support/strongswan.ts'

let encounter: Encounter
let strongswan: StrongSwan

before(async () => {
  encounter = await meet(
    {
      [LINK.name]: causewaySide(LINK, {
        start: 'always',
        proof: 'off',
        'dead-peer': { 'probe-every': '2s', 'give-up-after': '6s' },
      }),
    },
    [strongswanSide(LINK, { dpdDelay: 1 })],
  )
  strongswan = encounter.strongswan
  await encounter.causeway.becomes(LINK.name, 'up')
  await agreement(LINK, encounter.causeway, strongswan)
})
after(async () => {
  await strongswan?.stop()
  await encounter?.end()
})

test('an idle strongSwan asks for a sign of life and gets it', async () => {
  await eventually('strongSwan is answered', () => /N\(DPD_ACK\)/.test(strongswan.log()))
  assert.equal((await encounter.causeway.tunnel(LINK.name)).state, 'up')
})

test('a strongSwan that dies without a word is noticed, and the tunnel is back when it is', async () => {
  const { topology, causeway } = encounter
  const { ikeSa } = await agreement(LINK, causeway, strongswan)
  const from = causeway.events.length
  await strongswan.crash()
  const closed = await causeway.waitFor('ike-sa-closed', LINK.name, { from, patience: 30_000 })
  assert.equal(closed.why, 'dead-peer')
  const { failure } = await causeway.waitFor('incident', LINK.name, { from })
  assert.equal(failure.code, 'CW-602')
  assert.match(failure.summary, /has not been heard since \d\d:\d\d:\d\d UTC, for \d+s/)
  strongswan = await StrongSwan.start(topology.gatewayB)
  await strongswan.load([strongswanSide(LINK)])
  await causeway.becomes(LINK.name, 'up', { patience: 60_000 })
  const again = await agreement(LINK, causeway, strongswan)
  assert.notEqual(again.ikeSa.initiatorSpi, ikeSa.initiatorSpi)
  await assertPing(topology.hostA, '10.2.0.2')
})

test('an idle strongSwan is asked for a sign of life and gives it', async () => {
  const { causeway } = encounter
  const from = causeway.events.length
  const alive = await causeway.waitFor('peer-alive', LINK.name, { from, patience: 20_000 })
  assert.ok(alive.roundTrip >= 0)
  assert.equal((await causeway.tunnel(LINK.name)).state, 'up')
})

test('a strongSwan that starts anew and comes first is served at once, and what it lost is gone once it does not answer for it', async () => {
  const { topology, causeway } = encounter
  const { ikeSa } = await agreement(LINK, causeway, strongswan)
  const from = causeway.events.length
  await strongswan.crash()
  strongswan = await StrongSwan.start(topology.gatewayB)
  await strongswan.load([strongswanSide(LINK)])
  const outcome = await strongswan.initiate(`${LINK.name}-net`, { ike: LINK.name })
  assert.equal(outcome.code, 0, outcome.stdout)
  const again = await agreement(LINK, causeway, strongswan)
  assert.notEqual(again.ikeSa.initiatorSpi, ikeSa.initiatorSpi)
  await assertPing(topology.hostA, '10.2.0.2')
  await eventually('the new IKE SA is the only one', async () => {
    const { ikeSas } = await causeway.tunnel(LINK.name)
    return ikeSas.length === 1 && ikeSas[0]?.initiatorSpi === again.ikeSa.initiatorSpi
  })
  const { failure } = await causeway.waitFor('incident', LINK.name, { from })
  assert.equal(failure.code, 'CW-601')
})
