import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ip } from '#bytes/ip'
import { Capture, countFrames } from '../support/capture.ts'
import {
  assertAllDelivered,
  assertPings,
  LAN_4,
  LAN_6,
  type Link,
  OUTER_4,
  OUTER_6,
  saOf,
  sasOf,
  settings,
  withLink,
} from '../support/data-plane-link.ts'
import { DataPlaneProcess } from '../support/data-plane-process.ts'
import { eventually } from '../support/process.ts'
import { pair } from '../support/sites.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

let net: Topology
before(async () => {
  net = await buildTopology()
})
after(() => net.dispose())

for (const outer of [OUTER_4, OUTER_6]) {
  for (const encapsulation of ['native', 'udp'] as const) {
    test(`carries the gateways' own traffic in transport mode: ${outer.a}, ${encapsulation}`, async () => {
      const pairs = [pair(outer.a, outer.a, outer.b, outer.b)]
      const link: Link = { outer, pairs, encapsulation, mode: 'transport' }
      await withLink(net, link, async (planes) => {
        const capture = await Capture.start(net.middle, 'site-a')
        await assertPings(net.gatewayA, outer.b)
        await assertPings(net.gatewayB, outer.a)
        await planes.transfer(1_000_000, outer.b, net.gatewayA, net.gatewayB)
        const counts = countFrames(await capture.frames())
        assert.equal(counts.plaintext, 0)
        assert.ok(
          counts[encapsulation === 'udp' ? 'esp-in-udp' : 'esp'] > 25,
          JSON.stringify(counts),
        )
        assert.ok((await saOf(planes.a, 'outbound')).packets > 500)
        // The host cuts these for the device; sealed they go as a whole, and are cut outside.
        const before = (await saOf(planes.a, 'outbound')).packets
        await assertPings(net.gatewayA, outer.b, { size: 4000 })
        await assertPings(net.gatewayB, outer.a, { size: 65_000, count: 2 })
        const { packets, cannotCarry } = await saOf(planes.a, 'outbound')
        assert.deepEqual([packets - before, cannotCarry], [5, 0])
        await assertAllDelivered(planes)
      })
    })
  }
}

test('several network pairs of both families share one tunnel, each with SAs of its own', async () => {
  const pairs = [LAN_6, pair('10.1.0.2', '10.1.0.2', '10.2.0.1', '10.2.0.1'), LAN_4]
  await withLink(net, { pairs }, async ({ b }) => {
    await assertPings(net.hostA, ADDRESSES.hostB.ipv6, { count: 1 })
    await assertPings(net.hostA, ADDRESSES.gatewayB.lan, { count: 2 })
    await assertPings(net.hostA, ADDRESSES.hostB.ipv4, { count: 3 })
    const inbound = (await b.counters()).sas.filter(({ direction }) => direction === 'inbound')
    assert.deepEqual(
      inbound.map(({ child, packets }) => [child.pair, packets]),
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    )
  })
})

test('a tunnel that takes everything leaves the local network and the peer reachable', async () => {
  const pairs = [pair('10.1.0.0', '10.1.255.255', '0.0.0.0', '255.255.255.255')]
  await withLink(net, { pairs }, async () => {
    const capture = await Capture.start(net.middle, 'site-a')
    await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
    await assertPings(net.hostA, ADDRESSES.gatewayA.lan)
    await assertPings(net.hostA, ADDRESSES.gatewayB.ipv4)
    const counts = countFrames(await capture.frames())
    assert.equal(counts.plaintext, 0)
    // Packets that leave together are captured as one.
    assert.ok(counts['esp-in-udp'] >= 6 && counts['esp-in-udp'] <= 12, JSON.stringify(counts))
  })
})

test('a new configuration leaves what did not change untouched', async () => {
  await withLink(net, {}, async (planes) => {
    const { a } = planes
    const before = settings({}, 'a')
    const [tunnel] = before.tunnels
    assert.ok(tunnel)
    const other = {
      ...tunnel,
      name: 'lyon',
      interfaceName: 'cw-other',
      pairs: [pair('10.1.0.0', '10.1.255.255', '10.3.0.0', '10.3.255.255')],
    }
    const pinging = net.hostA.ping('10.2.0.2', { count: 150, interval: 0.01 })
    await a.configure({ ...before, tunnels: [tunnel, other] })
    assert.match(await routes(), /10\.3\.0\.0\/16 dev cw-other/)
    await a.configure({ ...before, tunnels: [tunnel, { ...other, mtu: 1300 }] })
    await a.configure({
      ...before,
      tunnels: [{ ...tunnel, pairs: [...tunnel.pairs, LAN_6] }],
    })
    assert.doesNotMatch(await routes(), /10\.3\.0\.0/)
    assert.equal((await pinging).received, 150)
    assert.equal((await a.counters()).tunnels.length, 1)
  })
})

async function routes(): Promise<string> {
  return net.gatewayA.runOk(['ip', 'route', 'show', 'table', '4500'])
}

test('a configuration that the host refuses is refused with the reason', async () => {
  await withLink(net, {}, async ({ a }) => {
    const wrong = { ...settings({}, 'a'), localAddresses: [OUTER_4.a, ip('192.0.2.99')] }
    await assert.rejects(a.configure(wrong) as Promise<unknown>, /192\.0\.2\.99.*EADDRNOTAVAIL/)
    await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
  })
})

test('a second gateway on the same host is refused and leaves the first one’s routes alone', async () => {
  await withLink(net, {}, async () => {
    const before = await routes()
    for (const workers of [undefined, 4] as const) {
      const second = new DataPlaneProcess(net.gatewayA, workers)
      await assert.rejects(second.configure(settings({}, 'a')) as Promise<unknown>, /EADDRINUSE/)
      await second.close()
      const third = new DataPlaneProcess(net.gatewayA, workers)
      await assert.rejects(third.configure(settings({}, 'a')) as Promise<unknown>, /EADDRINUSE/)
      await assert.rejects(third.call({ kind: 'exit' }), /ended with 0/)
      assert.equal(await routes(), before)
    }
    await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
  })
})

test('where remote networks overlap, the source decides which tunnel takes a packet', async () => {
  const narrow = [pair('10.1.0.2', '10.1.0.2', '10.2.0.0', '10.2.255.255')]
  await withLink(net, { pairs: narrow }, async ({ a }) => {
    const [tunnel] = settings({ pairs: narrow }, 'a').tunnels
    assert.ok(tunnel)
    const pairs = [pair('10.9.0.9', '10.9.0.9', '10.2.0.0', '10.2.255.255')]
    const first = { ...tunnel, name: 'lyon', interfaceName: 'cw-first', pairs }
    await a.configure({ localAddresses: [OUTER_4.a], tunnels: [first, tunnel] })
    await a.configure({ localAddresses: [OUTER_4.a], tunnels: [first, tunnel] })
    assert.match(await routes(), /10\.2\.0\.0\/16 dev cw-/)
    await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
    await net.hostA.ip('addr add 10.9.0.9/32 dev lan')
    await net.hostA.ping('10.2.0.2', { source: '10.9.0.9', count: 1, wait: 1 })
    await net.hostA.ip('addr del 10.9.0.9/32 dev lan')
    const [acquire] = a.events
    assert.equal(acquire?.kind === 'acquire' && acquire.child.tunnel, 'lyon')
  })
})

test('a device that somebody removes is told of, and the other tunnels go on', async () => {
  await withLink(net, {}, async (planes) => {
    const { a } = planes
    const [tunnel] = settings({}, 'a').tunnels
    assert.ok(tunnel)
    const pairs = [pair('10.1.0.0', '10.1.255.255', '10.3.0.0', '10.3.255.255')]
    const other = { ...tunnel, name: 'lyon', interfaceName: 'cw-other', pairs }
    await a.configure({ localAddresses: [OUTER_4.a], tunnels: [tunnel, other] })
    await net.gatewayA.ip('link del cw-other')
    const failed = await eventually('the loss is told', () => a.events[0])
    assert.match(failed.kind === 'failed' ? failed.message : '', /lyon.*cw-other/)
    await planes.install({ generation: 1 })
    await assertPings(net.hostA, ADDRESSES.hostB.ipv4)
    assert.equal(a.events.length, 1)
  })
})

test('says when an SA is near its end and carries nothing after it', async () => {
  await withLink(net, {}, async ({ a, b }) => {
    const { outbound } = sasOf({}, 0).a
    await a.install({ ...sasOf({ generation: 1 }, 0).a.outbound, volume: { soft: 100, hard: 300 } })
    await b.install(sasOf({ generation: 1 }, 0).b.inbound)
    assert.ok(outbound)
    // 84 octets each: the fifth finds the volume used up.
    assert.equal((await net.hostA.ping('10.2.0.2', { count: 6, wait: 1 })).received, 4)
    assert.deepEqual(a.events, [
      { kind: 'sa-expired', direction: 'outbound', spi: 0x1000_0011, hard: false },
      { kind: 'sa-expired', direction: 'outbound', spi: 0x1000_0011, hard: false },
      { kind: 'sa-expired', direction: 'outbound', spi: 0x1000_0011, hard: true },
    ])
    assert.equal((await a.counters()).notSent, 2)
  })
})

test('tells of peers that cannot be reached and of SPIs nobody installed', async () => {
  await withLink(net, {}, async ({ a, b }) => {
    await net.middle.ip('route add prohibit 192.0.2.0/24')
    const local = { address: OUTER_4.a, port: 500 }
    const remote = { address: ip('192.0.2.1'), port: 500 }
    await a.call({ kind: 'ike', octets: '11'.repeat(28), local, remote })
    assert.deepEqual(await eventually('the refusal is told', () => a.events[0]), {
      kind: 'unreachable',
      remote,
      reporter: '203.0.113.1',
      icmpType: 3,
      icmpCode: 13,
    })
    await net.middle.ip('route del prohibit 192.0.2.0/24')
    await b.remove(sasOf({}, 0).b.inbound)
    await net.hostA.ping('10.2.0.2', { count: 5, wait: 1 })
    assert.equal((await b.counters()).unknownSpi, 5)
    // Told only when no SA can be on its way any more.
    for (let i = 0; i < 10 && b.events.length === 0; i++) {
      await net.hostA.ping('10.2.0.2', { count: 1, wait: 1 })
    }
    assert.deepEqual(b.events, [{ kind: 'unknown-spi', spi: 0x1000_0001, remote: OUTER_4.a }])
  })
})

test('a packet that comes just before its SA waits for it', async () => {
  await withLink(net, {}, async ({ b }) => {
    const { inbound } = sasOf({}, 0).b
    await b.remove(inbound)
    const answered = net.hostA.ping('10.2.0.2', { count: 1, wait: 3 })
    await eventually('the packet came', async () => {
      return (await b.counters()).unknownSpi > 0 ? true : undefined
    })
    await b.install(inbound)
    assert.equal((await answered).received, 1)
  })
})
