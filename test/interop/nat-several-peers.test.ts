import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  type CertificateLink,
  certifiedCausewaySide,
  certifiedStrongswanSide,
  givePapers,
} from '../support/certificate-link.ts'
import { GatewayProcess } from '../support/gateway.ts'
import {
  agreement,
  assertPing,
  type Link,
  numberedLink,
  strongswanInitiates,
} from '../support/interop.ts'
import { pkiFolder, StrongswanCa } from '../support/pki.ts'
import { StrongSwan } from '../support/strongswan.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

// strongSwan's nat-rw: two peers behind one NAT, so with one address for the world, call the same gateway.

const INSIDE = ['192.168.7.11', '192.168.7.12'] as const
const OUTSIDE = ADDRESSES.gatewayB.ipv4

let topology: Topology
let ca: StrongswanCa
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  ca = await StrongswanCa.make(join(pki.folder, 'ca'), 'Example Root CA', 'ecdsa-256')
  topology = await buildTopology({ nat: true })
  const { hostA, gatewayA, gatewayB, hostB } = topology
  await gatewayA.ip(...INSIDE.map((address) => `addr add ${address}/24 dev wan`))
  await hostA.ip(...[1, 2].map((n) => `addr add 10.1.${n}.2/32 dev lan`))
  await gatewayA.ip(...[1, 2].map((n) => `addr add 10.1.${n}.1/32 dev lan`))
  await gatewayB.ip(...[1, 2].map((n) => `addr add 10.2.${n}.1/32 dev lan`))
  await hostB.ip(...[1, 2].map((n) => `addr add 10.2.${n}.2/32 dev lan`))
})
after(() => {
  topology?.dispose()
  forget()
})

test('two tunnels of Causeway behind one NAT to one strongSwan', async () => {
  const links = INSIDE.map((causeway, index) =>
    numberedLink(index + 1, { causeway, strongswan: OUTSIDE }),
  )
  const held = await Promise.all(links.map((link) => papersOf(link, 'out')))
  const strongswan = await StrongSwan.start(topology.gatewayB)
  for (const one of held) givePapers(strongswan, one)
  await strongswan.load(
    links.map((link, index) => certifiedStrongswanSide(link, at(held, index), { remote: '%any' })),
  )
  const causeway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: Object.fromEntries(
      links.map((link, index) => [link.name, certifiedCausewaySide(link, at(held, index))]),
    ),
  })
  try {
    for (const link of links) await causeway.up(link.name)
    await assertBoth(links, causeway, strongswan, ['10.1', '10.2'])
  } finally {
    await Promise.all([causeway.stop(), strongswan.stop()])
  }
})

test('two peers of strongSwan behind one NAT to one Causeway', async () => {
  const links = INSIDE.map((strongswan, index) =>
    numberedLink(index + 1, {
      causeway: OUTSIDE,
      strongswan,
      networks: [[`10.2.${index + 1}.0/24`, `10.1.${index + 1}.0/24`]],
    }),
  )
  const held = await Promise.all(links.map((link) => papersOf(link, 'in')))
  const strongswan = await StrongSwan.start(topology.gatewayA)
  for (const one of held) givePapers(strongswan, one)
  await strongswan.load(links.map((link, index) => certifiedStrongswanSide(link, at(held, index))))
  const causeway = await GatewayProcess.start(topology.gatewayB, {
    name: 'gw-b',
    tunnels: Object.fromEntries(
      links.map((link, index) => [
        link.name,
        certifiedCausewaySide(link, at(held, index), {}, { peer: 'any' }),
      ]),
    ),
  })
  try {
    for (const link of links) await strongswanInitiates(link, causeway, strongswan)
    await assertBoth(links, causeway, strongswan, ['10.2', '10.1'])
  } finally {
    await Promise.all([causeway.stop(), strongswan.stop()])
  }
})

/** `sites`: Causeway's networks begin with the first, strongSwan's with the second. */
async function assertBoth(
  links: readonly Link[],
  causeway: GatewayProcess,
  strongswan: StrongSwan,
  [ours, theirs]: readonly [string, string],
): Promise<void> {
  const { hostA, hostB } = topology
  const [near, far] = ours === '10.1' ? [hostA, hostB] : [hostB, hostA]
  for (const link of links) await agreement(link, causeway, strongswan)
  for (const round of [1, 2]) {
    for (const n of [1, 2]) {
      const [mine, other] = [`${ours}.${n}.2`, `${theirs}.${n}.2`]
      await assertPing(near, other, { source: mine, interval: 0.01 })
      await assertPing(far, mine, { source: other, interval: 0.01 })
    }
    // What one of them does leaves the other alone.
    if (round === 1) {
      const from = causeway.events.length
      await causeway.rekey('link1', 2)
      await causeway.waitFor('child-sa-established', 'link1', { from })
    }
  }
  assert.equal((await causeway.status()).defects, 0)
}

async function papersOf(link: Link, run: string): Promise<CertificateLink> {
  const side = async (gateway: string) => {
    const id = `${gateway}.${run}.${link.name}.example.net`
    return { ...(await ca.issue(id, { names: [id] })), id }
  }
  return {
    causeway: await side('causeway'),
    strongswan: await side('strongswan'),
    trust: ca.certificate,
  }
}

function at(held: readonly CertificateLink[], index: number): CertificateLink {
  const one = held[index]
  if (one === undefined) throw new RangeError(`no papers ${index}`)
  return one
}
