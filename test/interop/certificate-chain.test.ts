import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  type CertificateLink,
  certifiedCausewaySide,
  certifiedStrongswanSide,
  givePapers,
} from '../support/certificate-link.ts'
import {
  agreement,
  assertAlgorithms,
  assertPing,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
} from '../support/interop.ts'
import { chainFile, pkiFolder, StrongswanCa } from '../support/pki.ts'
import { eventually } from '../support/process.ts'

// Each end trusts the root alone and is shown two certificates between it and the peer's, over a path of 1280 octets that lets no
// fragment of IP through: whatever is larger must be cut by IKE.

const MAIN = numberedLink(1)
const AGGRESSIVE = numberedLink(2, { ike: 'v1-aggressive' })
const LINKS = [MAIN, AGGRESSIVE]
/** strongSwan neither cuts nor joins messages of IKE. */
const WHOLE = numberedLink(3)
const PATH = 1_280

let encounter: Encounter
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  const root = await StrongswanCa.make(join(pki.folder, 'ca'), 'Example Root CA', 'rsa-2048')
  const [above, left, right] = await Promise.all(
    ['Example Policy CA', 'Example CA of Causeway', 'Example CA of strongSwan'].map((name) =>
      root.below(name),
    ),
  )
  assert.ok(above !== undefined && left !== undefined && right !== undefined)
  const leftBelow = await above.below('Example Issuing CA of Causeway')
  const rightBelow = await right.below('Example Issuing CA of strongSwan')
  const held = new Map<Link, CertificateLink>()
  for (const link of [...LINKS, WHOLE]) {
    const [ours, theirs] = [nameOf('gw-a', link), nameOf('gw-b', link)]
    const papers = await leftBelow.issue(ours, { names: [ours] })
    const file = join(dirname(papers.own), `${ours}-chain.pem`)
    const own = await chainFile(file, papers.own, leftBelow.certificate, above.certificate)
    held.set(link, {
      causeway: { ...papers, own, id: ours },
      strongswan: { ...(await rightBelow.issue(theirs, { names: [theirs] })), id: theirs },
      trust: root.certificate,
    })
  }
  const all = [...held]
  encounter = await meet(
    Object.fromEntries(all.map(([link, one]) => [link.name, certifiedCausewaySide(link, one)])),
    all.map(([link, one]) => ({
      ...certifiedStrongswanSide(link, one),
      ...(link === WHOLE ? { fragmentation: 'no' as const } : {}),
    })),
    {
      prepare: async (topology) => {
        await giveAddresses(topology, all.length)
        const { middle } = topology
        await middle.ip(`link set site-a mtu ${PATH}`, `link set site-b mtu ${PATH}`)
        await middle.runOk(['nft', '-f', '-'], { input: NO_FRAGMENTS })
      },
      beforeLoad: (strongswan) => {
        for (const [, one] of all) givePapers(strongswan, one)
        for (const [index, ca] of [right, rightBelow].entries())
          strongswan.give('x509ca', `between-${index}.pem`, ca.certificate)
      },
    },
  )
})
after(async () => {
  await encounter?.end()
  forget()
})

for (const link of LINKS) {
  for (const role of ['initiator', 'responder'] as const) {
    const mode = link === MAIN ? 'Main' : 'Aggressive'
    test(`chains of three over a path of ${PATH} octets, ${mode} mode, Causeway as ${role}`, async () => {
      const { topology, causeway, strongswan } = encounter
      const [from, mark] = [causeway.messages(link.name).length, strongswan.mark()]
      if (role === 'initiator') await causeway.up(link.name)
      else await strongswanInitiates(link, causeway, strongswan)
      assertAlgorithms(link, await agreement(link, causeway, strongswan), role)
      const large = causeway
        .messages(link.name)
        .slice(from)
        .filter(({ octets }) => octets > PATH)
      assert.deepEqual(
        new Set(large.map(({ direction }) => direction)),
        new Set(['sent', 'received']),
      )
      // Its threads may take our Quick mode before the fragments of message 3, and refuse it until both are sent again.
      const mayOvertake = mode === 'Aggressive' && role === 'initiator'
      assert.deepEqual(
        large.filter(({ repeat }) => repeat > (mayOvertake ? 1 : 0)),
        [],
      )
      const log = strongswan.logSince(mark)
      assert.match(log, /received fragment #2/)
      assert.match(log, /splitting IKE message/)
      const [, n = ''] = /(\d+)$/.exec(link.name) ?? []
      await assertPing(topology.hostA, `10.2.${n}.2`, { source: `10.1.${n}.2` })
      await causeway.down(link.name)
      await eventually('strongSwan has been told', async () =>
        (await strongswan.ikeSas()).every(({ name }) => name !== link.name),
      )
    })
  }
}

test('no fragment of IP was tried', async () => {
  const counted = await encounter.topology.middle.runOk(['nft', 'list', 'counters'])
  assert.match(counted, /packets 0 bytes 0/)
  assert.equal((await encounter.causeway.status()).defects, 0)
})

test('CW-105: a peer that does not join fragments of IKE never gets message 5, and Causeway says why', async () => {
  const { causeway } = encounter
  const from = causeway.events.length
  await assert.rejects(causeway.up(WHOLE.name, 40_000))
  const { failure } = await causeway.waitFor('negotiation-failed', WHOLE.name, { from })
  await causeway.down(WHOLE.name)
  assert.equal(failure.code, 'CW-105')
  assert.match(failure.summary, /message 5 has \d{4} octets \(3 certificates\)/)
})

/** Before the kernel could join them. */
const NO_FRAGMENTS = `
  table ip filter {
    counter fragments { }
    chain early {
      type filter hook prerouting priority -450
      ip frag-off & 0x3fff != 0 counter name fragments drop
    }
  }
`

function nameOf(gateway: string, link: Link): string {
  return `${gateway}.${link.name}.example.net`
}
