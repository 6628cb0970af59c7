import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Agreement,
  agreement,
  assertPing,
  causewaySide,
  childName,
  type Encounter,
  LINK,
  meet,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'

let encounter: Encounter
let standing: Agreement

before(async () => {
  encounter = await meet({ [LINK.name]: causewaySide(LINK) }, [strongswanSide(LINK)])
  await encounter.causeway.up(LINK.name)
  standing = await agreement(LINK, encounter.causeway, encounter.strongswan)
})
after(() => encounter?.end())

test('Causeway rekeys phase 2 under traffic and no packet is lost', () =>
  replacesChildSa(() => encounter.causeway.rekey(LINK.name, 2)))

test('strongSwan rekeys phase 2 under traffic and no packet is lost', () =>
  replacesChildSa(() => encounter.strongswan.rekey({ child: childName(LINK) })))

test('Causeway rekeys phase 1 under traffic and no packet is lost', () =>
  replacesIkeSa(() => encounter.causeway.rekey(LINK.name, 1)))

test('strongSwan rekeys phase 1 under traffic and no packet is lost', () =>
  replacesIkeSa(() => encounter.strongswan.rekey({ ike: LINK.name })))

test('both sides rekey phase 2 at the same moment and no packet is lost', () =>
  replacesChildSa(async () => {
    await Promise.all([
      encounter.causeway.rekey(LINK.name, 2),
      encounter.strongswan.rekey({ child: childName(LINK) }),
    ])
  }))

async function replacesChildSa(rekey: () => Promise<void>): Promise<void> {
  const before = standing.childSa
  standing = await duringTraffic(rekey, ({ childSa }) => childSa.inboundSpi !== before.inboundSpi)
}

async function replacesIkeSa(rekey: () => Promise<void>): Promise<void> {
  const before = standing.ikeSa
  standing = await duringTraffic(
    rekey,
    ({ ikeSa, tunnel }) =>
      ikeSa.initiatorSpi !== before.initiatorSpi &&
      tunnel.ikeSas.some(({ initiatorSpi }) => initiatorSpi === ikeSa.initiatorSpi),
  )
}

/** An echo every 5 ms from before the rekey until well after it; all of them come back. */
async function duringTraffic(
  rekey: () => Promise<void>,
  isDone: (now: Agreement) => boolean,
): Promise<Agreement> {
  const { topology, causeway, strongswan } = encounter
  const pinging = assertPing(topology.hostA, '10.2.0.2', { count: 500, interval: 0.005, wait: 2 })
  try {
    await new Promise((resolve) => setTimeout(resolve, 300))
    await rekey()
    return await eventually('both sides use the new SA', async () => {
      const now = await agreement(LINK, causeway, strongswan)
      return isDone(now) ? now : undefined
    })
  } finally {
    await pinging
    assert.equal((await causeway.status()).defects, 0)
  }
}
