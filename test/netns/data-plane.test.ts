import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ip, ipFamily } from '#bytes/ip'
import { Capture, countFrames } from '../support/capture.ts'
import {
  assertAllDelivered,
  assertPings,
  LAN_6,
  type Link,
  mirrored,
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

const CARRIERS: readonly (readonly [string, Link, string, string])[] = [
  ['IPv4 in IPv4, UDP', {}, ADDRESSES.hostB.ipv4, 'esp-in-udp'],
  ['IPv4 in IPv4, protocol 50', { encapsulation: 'native' }, ADDRESSES.hostB.ipv4, 'esp'],
  ['IPv6 in IPv4, UDP', { pairs: [LAN_6] }, ADDRESSES.hostB.ipv6, 'esp-in-udp'],
  [
    'IPv6 in IPv6, protocol 50',
    { pairs: [LAN_6], outer: OUTER_6, encapsulation: 'native' },
    ADDRESSES.hostB.ipv6,
    'esp',
  ],
  [
    'IPv6 in IPv6, UDP, AES-CBC',
    {
      pairs: [LAN_6],
      outer: OUTER_6,
      suite: { encryption: 'aes256-cbc', integrity: 'hmac-sha512-256', esn: true },
    },
    ADDRESSES.hostB.ipv6,
    'esp-in-udp',
  ],
  [
    'IPv4 in IPv6, protocol 50, ChaCha20',
    {
      outer: OUTER_6,
      encapsulation: 'native',
      suite: { encryption: 'chacha20poly1305', integrity: 'none', esn: true },
    },
    ADDRESSES.hostB.ipv4,
    'esp',
  ],
]

for (const [name, link, destination, kind] of CARRIERS) {
  test(`carries pings of every size and TCP: ${name}`, async () => {
    await withLink(net, link, async (planes) => {
      const capture = await Capture.start(net.middle, 'site-a')
      await assertPings(net.hostA, destination)
      await assertPings(net.hostB, ipFamily(ip(destination)) === 4 ? '10.1.0.2' : 'fd00:1::2')
      // IPv6 hosts cut packets themselves, and learn from the first ones how small.
      await net.hostA.ping(destination, { size: 4000, count: 2, wait: 1 })
      await assertPings(net.hostA, destination, { size: 4000 })
      await assertPings(net.gatewayA, destination)
      await planes.transfer(2_000_000, destination)
      const counts = countFrames(await capture.frames())
      assert.equal(counts.plaintext, 0)
      assert.ok(counts[kind as 'esp'] > 60, JSON.stringify(counts))
      assert.ok((await saOf(planes.a, 'outbound')).packets > 1000)
      await assertAllDelivered(planes)
    })
  })
}

test('drops what no network pair takes, and what comes out of the tunnel from elsewhere', async () => {
  const narrow = pair('10.1.0.2', '10.1.0.2', '10.2.0.2', '10.2.0.2')
  await withLink(net, {}, async (planes) => {
    const { a, b } = planes
    const capture = await Capture.start(net.middle, 'site-a')
    await net.hostA.ip('addr add 10.9.0.9/32 dev lan')
    assert.equal((await net.hostA.ping('10.2.0.2', { source: '10.9.0.9', wait: 1 })).received, 0)
    assert.equal((await a.counters()).tunnels[0]?.noPolicy, 3)
    // B now expects less than A sends.
    await b.remove(sasOf({}, 0).b.inbound)
    await b.install({
      ...sasOf({}, 0).b.inbound,
      selectors: mirrored(narrow),
    })
    await net.hostA.ip('addr add 10.1.0.99/16 dev lan')
    assert.equal((await net.hostA.ping('10.2.0.2', { source: '10.1.0.99', wait: 1 })).received, 0)
    assert.equal((await saOf(b, 'inbound')).outsideSelectors, 3)
    assert.equal((await saOf(b, 'inbound')).packets, 0)
    await net.hostA.ip('addr del 10.9.0.9/32 dev lan', 'addr del 10.1.0.99/16 dev lan')
    assert.equal(countFrames(await capture.frames()).plaintext, 0)
  })
})

test('without an SA nothing leaves in clear, one SA is asked for, and the first packets wait for it', async () => {
  await withLink(
    net,
    {},
    async (planes) => {
      const { a } = planes
      const capture = await Capture.start(net.middle, 'site-a')
      const pinging = net.hostA.ping('10.2.0.2', { count: 3, wait: 5 })
      const acquired = await eventually('an SA is asked for', () => a.events[0])
      assert.deepEqual(acquired, {
        kind: 'acquire',
        child: { tunnel: 'berlin-paris', pair: 0 },
        packet: {
          source: '10.1.0.2',
          destination: '10.2.0.2',
          protocol: 1,
          sourcePort: 0,
          destinationPort: 0,
        },
      })
      await planes.install({})
      assert.equal((await pinging).received, 3)
      assert.equal(a.events.length, 1)
      for (const sa of Object.values(sasOf({}, 0).a)) await a.remove(sa)
      const { received } = await net.hostA.ping('10.2.0.2', { count: 40, interval: 0.01, wait: 1 })
      assert.equal(received, 0)
      assert.equal((await a.counters()).tunnels[0]?.noSa, 24, 'all but those that wait')
      const counts = countFrames(await capture.frames())
      assert.equal(counts.plaintext, 0)
      // Those that waited may leave, and be captured, as one.
      assert.ok(counts['esp-in-udp'] >= 2 && counts['esp-in-udp'] <= 6, JSON.stringify(counts))
    },
    'without SAs',
  )
})

test('a new outbound SA takes over at once, and the old inbound one stays until it is removed', async () => {
  await withLink(net, {}, async (planes) => {
    const { a, b } = planes
    const pinging = net.hostA.ping('10.2.0.2', { count: 200, interval: 0.01 })
    await eventually('pings flow', async () => (await saOf(a, 'outbound')).packets > 20)
    await planes.install({}) // Again: must not begin its sequence numbers anew.
    await planes.install({ generation: 1 })
    await eventually('the new SA carries', async () => {
      const { sas } = await a.counters()
      return sas.some(({ direction, spi, packets }) => {
        return direction === 'outbound' && spi === 0x1000_0011 && packets > 20
      })
    })
    const old = sasOf({}, 0)
    for (const sa of Object.values(old.a)) await a.remove(sa)
    for (const sa of Object.values(old.b)) await b.remove(sa)
    assert.equal((await pinging).received, 200)
    assert.equal((await b.counters()).unknownSpi, 0)
    assert.match(a.warnings[0] ?? '', /installed already/)
  })
})

test('hands IKE datagrams over with their endpoints, and counts what is neither', async () => {
  await withLink(
    net,
    {},
    async (planes) => {
      const { a, b } = planes
      const message = '11'.repeat(28)
      for (const port of [500, 4500]) {
        const local = { address: OUTER_4.a, port }
        const remote = { address: OUTER_4.b, port }
        await a.call({ kind: 'ike', octets: message, local, remote })
        const event = await eventually(`IKE on ${port}`, () => b.events.shift())
        const expected = { kind: 'ike-datagram', octets: message, local: remote, remote: local }
        assert.deepEqual(event, expected)
      }
      const local = { address: OUTER_4.a, port: 4500 }
      const remote = { address: OUTER_4.b, port: 4500 }
      const large = '22'.repeat(4000)
      await a.call({ kind: 'ike', octets: large, local, remote })
      const event = await eventually('a large message, in fragments', () => b.events.shift())
      assert.equal(event.kind === 'ike-datagram' && `${event.octets}`, large)
      await a.call({ kind: 'keepalive', local, remote })
      await a.call({ kind: 'ike', octets: '3333', local, remote })
      await eventually('the short one is counted', async () => (await b.counters()).malformed === 1)
      assert.deepEqual(b.events, [])
    },
    'without SAs',
  )
})

test('lets through what a narrow path takes: TCP, too-big messages, and packets that may be cut', async () => {
  await net.middle.ip('link set site-b mtu 1400')
  await net.gatewayB.ip('link set wan mtu 1400')
  try {
    await withLink(net, {}, async (planes) => {
      const { a } = planes
      const mtuBecomes = (mtu: number): Promise<boolean> =>
        eventually(`the MTU is ${mtu}`, async () => (await a.counters()).tunnels[0]?.mtu === mtu)
      await mtuBecomes(1438)
      await net.hostA.ping('10.2.0.2', { count: 2, size: 1390, wait: 1 })
      await mtuBecomes(1338)
      await planes.transfer(1_000_000, '10.2.0.2')
      await assertPings(net.hostA, '10.2.0.2', { size: 3000 })
    })
  } finally {
    await net.middle.ip('link set site-b mtu 1500')
    await net.gatewayB.ip('link set wan mtu 1500')
  }
})

test('leaves nothing on the host, whether it closes, exits or is killed', async () => {
  const traces = async (): Promise<string> => {
    const { stdout: rules } = await net.gatewayA.run(['ip', 'rule', 'list', 'priority', '4500'])
    const { stdout: routes } = await net.gatewayA.run(['ip', 'route', 'show', 'table', '4500'])
    const { stdout: devices } = await net.gatewayA.run(['ip', '-br', 'link', 'show', 'type', 'tun'])
    return `${rules}${routes}${devices}`.trim()
  }
  await withLink(net, {}, async () => {
    assert.match(await traces(), /10\.2\.0\.0\/16 dev cw-test/)
  })
  assert.equal(await traces(), '')
  const exiting = new DataPlaneProcess(net.gatewayA)
  await exiting.configure(settings({}, 'a'))
  await assert.rejects(exiting.call({ kind: 'exit' }), /ended with 0/)
  assert.equal(await traces(), '', 'gone without saying goodbye')
  const killed = new DataPlaneProcess(net.gatewayA)
  await killed.configure(settings({}, 'a'))
  killed.process.kill('SIGKILL')
  await eventually('its device is gone', async () => !(await traces()).includes('dev cw-test'))
  assert.match(await traces(), /blackhole 10\.2\.0\.0\/16/, 'nothing in clear after a crash')
  const capture = await Capture.start(net.middle, 'site-a')
  assert.equal((await net.hostA.ping('10.2.0.2', { wait: 1 })).received, 0)
  assert.equal(countFrames(await capture.frames()).plaintext, 0)
  const next = new DataPlaneProcess(net.gatewayA)
  await next.configure({ localAddresses: [OUTER_4.a], tunnels: [] })
  assert.equal(await traces(), '', 'the next start cleans up')
  await next.close()
})
