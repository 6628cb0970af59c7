import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  childName,
  type Encounter,
  LINK,
  LINK6,
  meet,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'

const ALWAYS = { ...LINK6, name: 'always' }
let encounter: Encounter

before(async () => {
  encounter = await meet(
    {
      [LINK.name]: causewaySide(LINK),
      [ALWAYS.name]: causewaySide(ALWAYS, { start: 'always', proof: 'off' }),
    },
    [strongswanSide(LINK), strongswanSide(ALWAYS)],
  )
})
after(() => encounter?.end())

test('`down` tells strongSwan with deletes for both SAs, and nothing passes any more', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.up(LINK.name)
  await agreement(LINK, causeway, strongswan)
  const mark = strongswan.mark()
  await causeway.down(LINK.name)
  await noSasOf(LINK.name)
  assert.match(strongswan.logSince(mark), /received DELETE for ESP CHILD_SA/)
  assert.match(strongswan.logSince(mark), /received DELETE for IKE_SA link/)
  await causeway.becomes(LINK.name, 'stopped')
  const { received } = await topology.hostA.ping('10.2.0.2', { count: 2, wait: 1 })
  assert.equal(received, 0)
})

test('strongSwan deletes both SAs and Causeway lets them go', async () => {
  const { causeway, strongswan } = encounter
  await strongswanInitiates(LINK, causeway, strongswan)
  await agreement(LINK, causeway, strongswan)
  const from = causeway.events.length
  await strongswan.terminate({ ike: LINK.name })
  const closed = await causeway.waitFor('ike-sa-closed', LINK.name, { from })
  assert.equal(closed.why, 'peer-deleted')
  const { failure } = await causeway.waitFor('incident', LINK.name, { from })
  assert.equal(failure.code, 'CW-607')
  await causeway.becomes(LINK.name, 'down')
  const { ikeSas, childSas } = await causeway.tunnel(LINK.name)
  assert.deepEqual([ikeSas, childSas], [[], []])
})

test('strongSwan deletes one Child SA; the IKE SA stays and carries the next one', async () => {
  const { topology, causeway, strongswan } = encounter
  await strongswanInitiates(LINK, causeway, strongswan)
  const { ikeSa } = await agreement(LINK, causeway, strongswan)
  const from = causeway.events.length
  await strongswan.terminate({ child: childName(LINK) })
  const closed = await causeway.waitFor('child-sa-closed', LINK.name, { from })
  assert.equal(closed.why, 'peer-deleted')
  assert.equal((await causeway.tunnel(LINK.name)).ikeSas.length, 1)
  await causeway.up(LINK.name)
  const again = await agreement(LINK, causeway, strongswan)
  assert.equal(again.ikeSa.initiatorSpi, ikeSa.initiatorSpi)
  await assertPing(topology.hostA, '10.2.0.2')
})

test('with `start: always` Causeway rebuilds what strongSwan deletes', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.becomes(ALWAYS.name, 'up')
  const { ikeSa } = await agreement(ALWAYS, causeway, strongswan)
  const from = causeway.events.length
  await strongswan.terminate({ ike: ALWAYS.name })
  await causeway.waitFor('ike-sa-closed', ALWAYS.name, { from })
  const again = await eventually(
    'another IKE SA',
    async () => {
      const now = await agreement(ALWAYS, causeway, strongswan)
      return now.ikeSa.initiatorSpi === ikeSa.initiatorSpi ? undefined : now
    },
    { patience: 30_000 },
  )
  assert.equal(again.tunnel.state, 'up')
  await assertPing(topology.hostA, 'fd00:2::2')
})

async function noSasOf(name: string): Promise<void> {
  await eventually('strongSwan has let the SAs go', async () =>
    (await encounter.strongswan.ikeSas()).every((sa) => sa.name !== name),
  )
}
