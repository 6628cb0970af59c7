import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Capture, countFrames } from '../support/capture.ts'
import { GatewayProcess, type GatewaySettings, type TunnelSettings } from '../support/gateway.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { transfer } from '../support/transfer.ts'
import { type Gateways, type Site, withGateways } from '../support/two-gateways.ts'

/** Host to host: the two gateways protect their own traffic, each configured as an operator would. */

const PSK = 'Yq7wLk2mT9xB4vN6cR8pZ1sD3fG5hJ0a'
const [A4, B4] = [ADDRESSES.gatewayA.ipv4, ADDRESSES.gatewayB.ipv4]
const [A6, B6] = [ADDRESSES.gatewayA.ipv6, ADDRESSES.gatewayB.ipv6]

let net: Topology
before(async () => {
  net = await buildTopology()
})
after(() => net.dispose())

const VARIANTS = [
  { name: 'IPv4, ESP as protocol 50', a: A4, b: B4, encapsulation: 'auto', kind: 'esp' },
  { name: 'IPv4, ESP inside UDP', a: A4, b: B4, encapsulation: 'force', kind: 'esp-in-udp' },
  { name: 'IPv6, ESP as protocol 50', a: A6, b: B6, encapsulation: 'auto', kind: 'esp' },
] as const

for (const { name, a, b, encapsulation, kind } of VARIANTS) {
  test(`all traffic between two hosts is protected both ways, and IKE makes no loop: ${name}`, async () => {
    await withLink(a, b, { encapsulation }, async (gateways) => {
      const capture = await Capture.start(net.middle, 'site-a')
      await assertPings(net.gatewayA, b)
      await assertPings(net.gatewayB, a)
      const { sent, received } = await transfer(net.gatewayA, net.gatewayB, b, 1_000_000)
      assert.equal(received.digest, sent.digest)
      // Rekeyed through the very hosts whose traffic it protects.
      await gateways.a.rekey('link', 1)
      await gateways.a.rekey('link', 2)
      await gateways.a.waitFor('child-sa-established', 'link', { from: gateways.a.events.length })
      await assertPings(net.gatewayA, b)
      const counts = countFrames(await capture.frames())
      assert.equal(counts.plaintext, 0)
      // Many packets inside UDP leave, and are captured, as one.
      assert.ok(counts[kind] > 30, JSON.stringify(counts))
      const [child] = (await gateways.a.tunnel('link')).childSas
      assert.equal(child?.mode, 'transport')
    })
  })
}

test('before it is up, nothing between the two hosts leaves in clear', async () => {
  const capture = await Capture.start(net.middle, 'site-a')
  const networks = [`${A4} <-> ${B4}`]
  const gateway = await GatewayProcess.start(net.gatewayA, settingsOf(A4, B4, { networks }))
  try {
    assert.equal((await net.gatewayA.ping(B4, { count: 2, wait: 1 })).received, 0)
    assert.equal(countFrames(await capture.frames()).plaintext, 0)
  } finally {
    await gateway.stop()
  }
  await assertPings(net.gatewayA, B4)
})

test('only the protocol that is listed is protected; the rest goes its usual way', async () => {
  const networks = { a: [`${A4} <-> ${B4} icmp`], b: [`${B4} <-> ${A4} icmp`] }
  await withLink(A4, B4, { networks }, async (gateways) => {
    const capture = await Capture.start(net.middle, 'site-a')
    await assertPings(net.gatewayA, B4)
    const { sent, received } = await transfer(net.gatewayA, net.gatewayB, B4, 1_000)
    assert.equal(received.digest, sent.digest)
    const counts = countFrames(await capture.frames())
    // Besides, the gateways ask each other how large packets may be.
    assert.ok(counts.esp >= 6 && counts.esp < 30, `${counts.esp}`)
    assert.ok(counts.plaintext > 0)
    const { packets } = (await gateways.a.tunnel('link')).traffic.out
    assert.ok(packets >= 3 && packets < 15, `${packets}`)
  })
})

test('only the port that is listed is protected, from either end', async () => {
  const networks = { a: [`${A4} <-> ${B4} tcp/5001`], b: [`${B4} tcp/5001 <-> ${A4}`] }
  await withLink(A4, B4, { networks }, async (gateways) => {
    const capture = await Capture.start(net.middle, 'site-a')
    const { sent, received } = await transfer(net.gatewayA, net.gatewayB, B4, 200_000)
    assert.equal(received.digest, sent.digest)
    const counts = countFrames(await capture.frames())
    assert.equal(counts.plaintext, 0)
    assert.ok(counts.esp > 100, JSON.stringify(counts))
    const { traffic } = await gateways.a.tunnel('link')
    assert.ok(traffic.in.packets > 0 && traffic.out.packets > 0)
  })
  // Nothing of it stays behind.
  const { stdout } = await net.gatewayA.run(['ip', 'rule'])
  assert.equal(stdout.trim().split('\n').length, 3, stdout)
})

test('UDP of any port is protected, but not that of IKE', async () => {
  const networks = { a: [`${A4} <-> ${B4} udp`], b: [`${B4} <-> ${A4} udp`] }
  await withLink(A4, B4, { networks, encapsulation: 'force' }, async (gateways) => {
    await gateways.a.rekey('link', 2)
    await gateways.a.waitFor('child-sa-established', 'link', { from: gateways.a.events.length })
    const capture = await Capture.start(net.middle, 'site-a')
    const send =
      "require('dgram').createSocket('udp4').send('x',7777,process.argv[1],()=>process.exit())"
    await net.gatewayA.runOk([process.execPath, '-e', send, B4])
    const counts = countFrames(await capture.frames())
    // The datagram out; the host answers that nobody listens, in ICMP, which is not protected.
    assert.equal(counts['esp-in-udp'], 1)
    assert.equal((await gateways.b.tunnel('link')).traffic.in.packets, 1)
  })
})

type Networks = Readonly<Record<Site, readonly string[]>>

/** Both ends of the link, up. */
function withLink(
  a: string,
  b: string,
  {
    networks,
    ...more
  }: { readonly networks?: Networks; readonly encapsulation?: 'auto' | 'force' },
  work: (gateways: Gateways) => Promise<void>,
): Promise<void> {
  const own = (site: Site) => (networks === undefined ? {} : { networks: networks[site] })
  const settings = {
    a: settingsOf(a, b, { ...more, ...own('a') }),
    b: settingsOf(b, a, { ...more, ...own('b') }),
  }
  return withGateways(net, settings, async (gateways) => {
    await gateways.a.up('link')
    await gateways.b.becomes('link', 'up')
    await work(gateways)
  })
}

/** In transport mode the networks may be left out. */
function settingsOf(
  address: string,
  peer: string,
  more: Partial<TunnelSettings> = {},
): GatewaySettings {
  const link = { peer, psk: PSK, mode: 'transport', start: 'respond', 'probe-v2': 'off', ...more }
  return { name: 'transport', address, tunnels: { link: link as TunnelSettings } }
}

async function assertPings(from: Topology['gatewayA'], to: string): Promise<void> {
  const { sent, received } = await from.ping(to, { count: 3 })
  assert.deepEqual([sent, received], [3, 3], to)
}
