import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Capture, countFrames, type FrameCounts } from '../support/capture.ts'
import { GatewayProcess } from '../support/gateway.ts'
import {
  agreement,
  assertAlgorithms,
  assertPing,
  causewaySide,
  childName,
  LINK,
  LINK6,
  type Link,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { type GuestStrongSwan, UmlGuest } from '../support/uml.ts'

// strongSwan inside user-mode Linux: the ESP of these tests is a Linux kernel's, without UDP around it.

let topology: Topology
let guest: UmlGuest
let strongswan: GuestStrongSwan

before(async () => {
  topology = await buildTopology({ siteB: 'none' })
  guest = await UmlGuest.boot(topology.middle)
  strongswan = await guest.startStrongSwan(topology.middle)
})
after(() => {
  guest?.stop()
  topology?.dispose()
})

const ESP = ['aes128gcm16', 'aes256gcm16', 'aes256-sha256']

for (const base of [LINK, LINK6]) {
  const family = base === LINK ? 'IPv4' : 'IPv6'
  for (const esp of ESP) {
    for (const role of ['initiator', 'responder'] as const) {
      const link = { ...base, esp, pfs: role === 'initiator' ? 'none' : 'ecp256' }
      test(`ESP as IP protocol 50 over ${family} with a Linux kernel, ${esp}, Causeway as ${role}`, () =>
        session(link, {}, async (causeway) => {
          await open(link, causeway, role)
          const agreed = await agreement(link, causeway, strongswan)
          assertAlgorithms(link, agreed, role)
          assert.equal(agreed.tunnel.childSas[0]?.encapsulation, 'native')
          assert.equal(agreed.childSa.udpEncapsulated, false)
          const counts = await pings(link)
          assert.ok(counts.esp >= 6)
          assert.deepEqual([counts['esp-in-udp'], counts.plaintext], [0, 0])
        }))
    }
  }
}

for (const role of ['initiator', 'responder'] as const) {
  test(`\`encapsulation: force\` makes the kernel speak UDP too, Causeway as ${role}`, () =>
    session(LINK, { encapsulation: 'force' }, async (causeway) => {
      await open(LINK, causeway, role)
      const agreed = await agreement(LINK, causeway, strongswan)
      assert.equal(agreed.tunnel.childSas[0]?.encapsulation, 'udp')
      assert.equal(agreed.childSa.udpEncapsulated, true)
      const counts = await pings(LINK)
      assert.ok(counts['esp-in-udp'] >= 6)
      assert.deepEqual([counts.esp, counts.plaintext], [0, 0])
    }))
}

test('both sides rekey both phases while the kernel’s ESP carries traffic, and no packet is lost', () =>
  session(LINK, {}, async (causeway) => {
    await causeway.up(LINK.name)
    let { ikeSa, childSa } = await agreement(LINK, causeway, strongswan)
    const pinging = assertPing(topology.hostA, ADDRESSES.gatewayB.lan, {
      count: 1_000,
      interval: 0.005,
    })
    for (const rekey of [
      () => causeway.rekey(LINK.name, 2),
      () => strongswan.rekey({ child: childName(LINK) }),
    ]) {
      await rekey()
      childSa = await eventually('a new Child SA', async () => {
        const now = await agreement(LINK, causeway, strongswan)
        return now.childSa.inboundSpi === childSa.inboundSpi ? undefined : now.childSa
      })
    }
    for (const rekey of [
      () => causeway.rekey(LINK.name, 1),
      () => strongswan.rekey({ ike: LINK.name }),
    ]) {
      await rekey()
      ikeSa = await eventually('a new IKE SA', async () => {
        const now = await agreement(LINK, causeway, strongswan)
        return now.ikeSa.initiatorSpi === ikeSa.initiatorSpi ? undefined : now.ikeSa
      })
    }
    await pinging
  }))

/** One Causeway with one tunnel; strongSwan keeps running and is given the other side of it. */
async function session(
  link: Link,
  more: Parameters<typeof causewaySide>[1],
  body: (causeway: GatewayProcess) => Promise<void>,
): Promise<void> {
  await strongswan.load([strongswanSide(link, { encap: false })])
  const causeway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: { [link.name]: causewaySide(link, more) },
  })
  try {
    await body(causeway)
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

async function open(
  link: Link,
  causeway: GatewayProcess,
  role: 'initiator' | 'responder',
): Promise<void> {
  if (role === 'initiator') await causeway.up(link.name)
  else await strongswanInitiates(link, causeway, strongswan)
}

/** Echoes of three sizes from host A to the guest, and back; large ones are several fragments before they are ESP. */
async function pings(link: Link): Promise<FrameCounts> {
  const { lan, lan6 } = ADDRESSES.gatewayB
  const [near, far] =
    link.causeway === LINK.causeway ? [ADDRESSES.hostA.ipv4, lan] : [ADDRESSES.hostA.ipv6, lan6]
  const capture = await Capture.start(topology.middle, 'site-a')
  // No router may fragment IPv6: the first large one only teaches the host how much the tunnel takes (RFC 8201).
  if (near === ADDRESSES.hostA.ipv6)
    await topology.hostA.ping(far, { count: 1, size: 3_000, wait: 1 })
  for (const size of [56, 1_300, 3_000]) {
    await assertPing(topology.hostA, far, { count: 2, size })
  }
  await guest.ping(near, { count: 2, source: far })
  return countFrames(await capture.frames())
}
