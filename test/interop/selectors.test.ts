import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  childName,
  type Encounter,
  giveAddresses,
  LINK,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'
import { transfer } from '../support/transfer.ts'

// What Quick mode identities can say (RFC 2407 §4.6.2): subnets, single addresses, ranges, one protocol; in both roles.

const PAIRS = {
  ...LINK,
  name: 'pairs',
  networks: [
    ['10.1.0.0/24', '10.2.0.0/24'],
    ['fd00:1::/64', 'fd00:2::/64'],
  ],
} satisfies Link
// strongSwan's userspace ESP wants an address of its own gateway inside its network.
const HOSTS = numberedLink(1, { networks: [['10.1.1.2/32', '10.2.1.1/32']] })
const RANGES = numberedLink(2, { networks: [['10.1.2.1-10.1.2.6', '10.2.2.1-10.2.2.9']] })
const ICMP = numberedLink(3)
const PART = numberedLink(4)
// strongSwan takes the second pair with other algorithms only.
const PARTLY = numberedLink(5, {
  networks: [
    ['10.1.5.0/24', '10.2.5.0/24'],
    ['10.1.5.0/24', '10.3.5.0/24'],
  ],
})
const LINKS = [HOSTS, RANGES, ICMP]

let encounter: Encounter

before(async () => {
  const icmp = strongswanSide(ICMP)
  const partly = strongswanSide(PARTLY)
  encounter = await meet(
    {
      [PAIRS.name]: causewaySide(PAIRS),
      [HOSTS.name]: causewaySide(HOSTS, { networks: ['10.1.1.2 <-> 10.2.1.1'] }),
      [RANGES.name]: causewaySide(RANGES),
      [PART.name]: causewaySide(PART, {
        networks: ['10.1.0.0/16 <-> 10.2.4.0/24'],
        narrow: 'allow',
      }),
      [PARTLY.name]: causewaySide(PARTLY),
      [ICMP.name]: causewaySide(ICMP, { networks: ['10.1.3.0/24 <-> 10.2.3.0/24 icmp'] }),
    },
    [
      strongswanSide(PAIRS),
      strongswanSide(HOSTS),
      strongswanSide(RANGES),
      strongswanSide(PART),
      {
        ...partly,
        children: partly.children.map((child, index) =>
          index === 0 ? child : { ...child, proposals: ['aes128-sha1'] },
        ),
      },
      {
        ...icmp,
        children: icmp.children.map((child) => ({
          ...child,
          localTs: ['10.2.3.0/24[icmp]'],
          remoteTs: ['10.1.3.0/24[icmp]'],
        })),
      },
    ],
    { prepare: (topology) => giveAddresses(topology, LINKS.length + 2) },
  )
})
after(() => encounter?.end())

test('two network pairs, one of IPv6, are two Child SAs under one IKE SA, and TCP works at once', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.up(PAIRS.name)
  await eventually('both Child SAs', async () => {
    const { childSas } = await causeway.tunnel(PAIRS.name)
    return childSas.length === 2
  })
  const { ikeSa } = await agreement(PAIRS, causeway, strongswan)
  assert.deepEqual(
    ikeSa.children.map(({ state, remoteTs, localTs }) => [state, ...remoteTs, ...localTs]),
    PAIRS.networks.map((pair) => ['INSTALLED', ...pair]),
  )
  await assertPing(topology.hostA, '10.2.0.2')
  await assertPing(topology.hostA, 'fd00:2::2')
  for (const [from, to, address] of [
    [topology.hostA, topology.hostB, '10.2.0.2'],
    [topology.hostB, topology.hostA, 'fd00:1::2'],
  ] as const) {
    const { sent, received } = await transfer(from, to, address, 2 * 1024 * 1024)
    assert.equal(received.digest, sent.digest)
  }
})

test('strongSwan opens a second Child SA under the IKE SA that Causeway made', async () => {
  const { causeway, strongswan } = encounter
  const before = await agreement(PAIRS, causeway, strongswan)
  await strongswan.terminate({ child: childName(PAIRS, 1) })
  await eventually('one Child SA', async () => {
    const { childSas } = await causeway.tunnel(PAIRS.name)
    return childSas.length === 1
  })
  const outcome = await strongswan.initiate(childName(PAIRS, 1), { ike: PAIRS.name })
  assert.equal(outcome.code, 0, outcome.stdout)
  const { tunnel, ikeSa } = await agreement(PAIRS, causeway, strongswan)
  assert.equal(ikeSa.initiatorSpi, before.ikeSa.initiatorSpi)
  assert.deepEqual(tunnel.childSas.map(({ pair }) => pair).sort(), [0, 1])
  await assertPing(encounter.topology.hostB, 'fd00:1::2')
})

for (const link of LINKS) {
  const what = { [HOSTS.name]: 'single addresses', [RANGES.name]: 'address ranges' }[link.name]
  for (const role of ['initiator', 'responder'] as const) {
    test(`${what ?? 'one IP protocol'} as identities, Causeway as ${role}`, async () => {
      const { topology, causeway, strongswan } = encounter
      const n = Number(link.name.slice('link'.length))
      if (role === 'initiator') await causeway.up(link.name)
      else await strongswanInitiates(link, causeway, strongswan)
      await agreement(link, causeway, strongswan)
      const far = link === HOSTS ? `10.2.${n}.1` : `10.2.${n}.2`
      await assertPing(topology.hostA, far, { source: `10.1.${n}.2` })
      const there = link === HOSTS ? topology.gatewayB : topology.hostB
      await assertPing(there, `10.1.${n}.2`, { source: far })
      await causeway.down(link.name)
      await eventually('strongSwan has been told', async () =>
        (await strongswan.ikeSas()).every(({ name }) => name !== link.name),
      )
    })
  }
}

test('narrow: allow: strongSwan gets the part it asks for, and the rekey of either side keeps it', async () => {
  const { topology, causeway, strongswan } = encounter
  await strongswanInitiates(PART, causeway, strongswan)
  let standing = await agreement(PART, causeway, strongswan)
  for (const rekey of [
    () => causeway.rekey(PART.name, 2),
    () => strongswan.rekey({ child: childName(PART) }),
  ]) {
    const { inboundSpi } = standing.childSa
    await rekey()
    standing = await eventually('a new Child SA', async () => {
      const now = await agreement(PART, causeway, strongswan)
      return now.childSa.inboundSpi === inboundSpi ? undefined : now
    })
    const active = standing.tunnel.childSas.find(({ state }) => state === 'active')
    assert.deepEqual([active?.local, active?.remote], ['10.1.4.0/24', '10.2.4.0/24'])
  }
  await assertPing(topology.hostB, '10.1.4.2', { source: '10.2.4.2' })
})

for (const role of ['initiator', 'responder'] as const) {
  test(`of two pairs the one that strongSwan has with other algorithms fails and the other works, Causeway as ${role}`, async () => {
    const { topology, causeway, strongswan } = encounter
    if (role === 'initiator') await causeway.up(PARTLY.name)
    else {
      await strongswanInitiates(PARTLY, causeway, strongswan)
      const second = await strongswan.initiate(childName(PARTLY, 1), { ike: PARTLY.name })
      assert.notEqual(second.code, 0)
    }
    const { networks } = await eventually('the second pair has failed', async () => {
      const tunnel = await causeway.tunnel(PARTLY.name)
      return tunnel.networks.every(({ state }) => state !== 'connecting') ? tunnel : undefined
    })
    assert.deepEqual(
      networks.map(({ state, failure }) => [state, failure?.code]),
      [
        ['up', undefined],
        ['failed', 'CW-404'],
      ],
    )
    await assertPing(topology.hostA, '10.2.5.2', { source: '10.1.5.2' })
    await causeway.down(PARTLY.name)
    await eventually('strongSwan has been told', async () =>
      (await strongswan.ikeSas()).every(({ name }) => name !== PARTLY.name),
    )
  })
}
