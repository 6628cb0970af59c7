import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  assertPing,
  causewaySide,
  type Encounter,
  giveAddresses,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'

// strongSwan has a second policy, for a network that was never negotiated, which uses the SA of the first.

const LINK = numberedLink(1)
const SAME_SA = 7
const GUEST = '10.2.9.2'

let encounter: Encounter

before(async () => {
  const side = strongswanSide(LINK)
  const [agreed] = side.children
  assert.ok(agreed)
  encounter = await meet(
    { [LINK.name]: causewaySide(LINK) },
    [
      {
        ...side,
        children: [
          { ...agreed, reqid: SAME_SA },
          {
            ...agreed,
            name: 'guests',
            localTs: ['10.2.9.0/24'],
            startAction: 'trap',
            reqid: SAME_SA,
          },
        ],
      },
    ],
    {
      prepare: async (topology) => {
        await giveAddresses(topology, 1)
        await topology.gatewayB.ip('addr add 10.2.9.1/32 dev lan')
        await topology.hostB.ip(`addr add ${GUEST}/32 dev lan`)
      },
    },
  )
})
after(() => encounter?.end())

test('strongSwan sends from a network that was not agreed on: dropped, and CW-504 with a packet of it', async () => {
  const { topology, causeway, strongswan } = encounter
  await strongswanInitiates(LINK, causeway, strongswan)
  await assertPing(topology.hostB, '10.1.1.2', { source: '10.2.1.2' })
  const { sent, received } = await topology.hostB.ping('10.1.1.2', { source: GUEST, wait: 1 })
  assert.deepEqual([sent, received], [3, 0])
  assert.equal((await causeway.tunnel(LINK.name)).dropped.outsideSelectors, 3)
  const found = await eventually(
    'what is wrong is told',
    async () => (await causeway.tunnel(LINK.name)).degraded,
    { patience: 20_000, interval: 200 },
  )
  assert.equal(found.code, 'CW-504')
  assert.equal(
    found.summary,
    '3 packets came out of tunnel link1 in the last minute that it must not carry, such as 10.2.9.2 → 10.1.1.2 icmp; allowed is 10.2.1.0/24 → 10.1.1.0/24',
  )
  assert.equal(found.certainty, 'certain')
  // The others are as welcome as before.
  await assertPing(topology.hostB, '10.1.1.2', { source: '10.2.1.2' })
})
