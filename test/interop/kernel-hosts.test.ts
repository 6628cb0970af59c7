import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Capture, countFrames } from '../support/capture.ts'
import {
  type CertificateLink,
  certifiedCausewaySide,
  certifiedStrongswanSide,
  givePapers,
} from '../support/certificate-link.ts'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import {
  assertPing,
  causewaySide,
  LINK,
  type Link,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { pkiFolder, StrongswanCa } from '../support/pki.ts'
import { eventually } from '../support/process.ts'
import type { SwanConnection } from '../support/swan-conf.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { type GuestStrongSwan, UmlGuest } from '../support/uml.ts'

// strongSwan's host2host-transport, host2host-cert and net2net-esn with the ESP of a Linux kernel, which can what strongSwan's own
// userspace ESP cannot: transport mode, traffic of the gateways themselves, extended sequence numbers.

const HOSTS: Link = { ...LINK, networks: [[`${LINK.causeway}/32`, `${LINK.strongswan}/32`]] }

let topology: Topology
let guest: UmlGuest
let strongswan: GuestStrongSwan
let held: CertificateLink
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  const ca = await StrongswanCa.make(join(pki.folder, 'ca'), 'Example Root CA', 'rsa-2048')
  const side = async (id: string, address: string) => ({
    ...(await ca.issue(id, { names: [address] })),
    id: address,
  })
  held = {
    causeway: await side('gw-a', LINK.causeway),
    strongswan: await side('gw-b', LINK.strongswan),
    trust: ca.certificate,
  }
  topology = await buildTopology({ siteB: 'none' })
  guest = await UmlGuest.boot(topology.middle)
  strongswan = await guest.startStrongSwan(topology.middle)
  givePapers(strongswan, held)
})
after(() => {
  guest?.stop()
  topology?.dispose()
  forget()
})

const TRANSPORT = { mode: 'transport' } as const

for (const role of ['initiator', 'responder'] as const) {
  test(`two hosts in transport mode with a key, Causeway as ${role}`, () =>
    session(
      HOSTS,
      role,
      causewaySide(HOSTS, { ...TRANSPORT, networks: [`${LINK.causeway} <-> ${LINK.strongswan}`] }),
      inMode(strongswanSide(HOSTS, { encap: false }), 'transport'),
      () => hostsPing('transport'),
    ))

  test(`two hosts in tunnel mode with certificates, Causeway as ${role}`, () =>
    session(
      HOSTS,
      role,
      certifiedCausewaySide(HOSTS, held),
      certifiedStrongswanSide(HOSTS, held, { encap: false }),
      () => hostsPing('tunnel'),
    ))

  const esp = role === 'initiator' ? 'aes256gcm16' : 'aes256-sha256'
  test(`extended sequence numbers, ${esp}, Causeway as ${role}`, () => {
    const link = { ...LINK, esp: `${esp}-esn` }
    const side = strongswanSide(link, { encap: false })
    return session(link, role, causewaySide(link), side, async () => {
      const [ikeSa] = await strongswan.ikeSas()
      assert.equal(ikeSa?.children[0]?.esn, true)
      const { stdout } = await guest.run('ip xfrm state')
      assert.match(stdout, /anti-replay esn context/)
      await assertPing(topology.hostA, ADDRESSES.gatewayB.lan, { count: 20, interval: 0.01 })
    })
  })
}

test('two hosts in transport mode with certificates', () =>
  session(
    HOSTS,
    'responder',
    certifiedCausewaySide(
      HOSTS,
      held,
      {},
      {
        ...TRANSPORT,
        networks: [`${LINK.causeway} <-> ${LINK.strongswan}`],
      },
    ),
    inMode(certifiedStrongswanSide(HOSTS, held, { encap: false }), 'transport'),
    () => hostsPing('transport'),
  ))

async function hostsPing(mode: 'tunnel' | 'transport'): Promise<void> {
  const [ikeSa] = await strongswan.ikeSas()
  assert.equal(ikeSa?.children[0]?.mode, mode.toUpperCase())
  const capture = await Capture.start(topology.middle, 'site-a')
  await assertPing(topology.gatewayA, LINK.strongswan, { interval: 0.01 })
  await guest.ping(LINK.causeway)
  // In transport mode both sides seal a packet as a whole, and cut it then.
  await assertPing(topology.gatewayA, LINK.strongswan, { interval: 0.01, size: 5000 })
  await guest.ping(LINK.causeway, { size: 20_000 })
  const counts = countFrames(await capture.frames())
  assert.ok(counts.esp >= 12, `${counts.esp} frames of ESP`)
  assert.equal(counts.plaintext, 0)
}

function inMode(connection: SwanConnection, mode: 'transport'): SwanConnection {
  return { ...connection, children: connection.children.map((child) => ({ ...child, mode })) }
}

/** One Causeway with one tunnel; strongSwan keeps running and is given the other side of it. */
async function session(
  link: Link,
  role: 'initiator' | 'responder',
  tunnel: TunnelSettings,
  connection: SwanConnection,
  body: () => Promise<void>,
): Promise<void> {
  await strongswan.load([connection])
  const causeway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: { [link.name]: tunnel },
  })
  try {
    if (role === 'initiator') await causeway.up(link.name)
    else await strongswanInitiates(link, causeway, strongswan)
    await causeway.becomes(link.name, 'up')
    await eventually('strongSwan has the Child SA', async () => {
      const [ikeSa] = await strongswan.ikeSas()
      return ikeSa?.children.some(({ state }) => state === 'INSTALLED')
    })
    await body()
    assert.equal((await causeway.status()).defects, 0)
    await causeway.down(link.name)
    await eventually(
      'strongSwan has been told',
      async () => (await strongswan.ikeSas()).length === 0,
    )
  } finally {
    await causeway.stop()
  }
}
