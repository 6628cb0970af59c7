// What somebody throws at a gateway who can write any source address, while its tunnel works.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { fromHex, toHex } from '#bytes/hex'
import { type IpAddress, ip } from '#bytes/ip'
import { IpProtocol } from '#wire/ip-protocol'
import { Capture } from '../support/capture.ts'
import { ipPacket } from '../support/ip-packet.ts'
import { floodFrom } from '../support/packet-flood.ts'
import type { Missile } from '../support/packet-flood-program.ts'
import { ADDRESSES, type Topology } from '../support/topology.ts'
import { transfer } from '../support/transfer.ts'
import { TUNNEL, withTunnel } from '../support/two-gateways.ts'

const { gatewayA, gatewayB, hostA, hostB } = ADDRESSES
const VICTIM = ip(gatewayA.ipv4)
/** The peer's address, and somebody else's. */
const SOURCES = [ip(gatewayB.ipv4), ip('192.0.2.77')]
const FLOOD = { perSecond: 20_000, count: 40_000 }
const OCTETS = 60_000_000

const QUICK = { 'probe-every': '2s', 'give-up-after': '30s' }

type Encapsulation = 'native' | 'udp'

for (const encapsulation of ['native', 'udp'] as const) {
  test(`while forged, recorded and broken packets rain down, the tunnel carries, rekeys and counts each by its cause: ${encapsulation}`, async () => {
    const tunnel = {
      encapsulation: encapsulation === 'udp' ? 'force' : 'auto',
      'dead-peer': QUICK,
    } as const
    await withTunnel({ tunnel }, async ({ net, a }) => {
      assert.equal((await net.hostA.ping(hostB.ipv4)).received, 3)
      const recorded = await record(net, encapsulation)
      assert.ok(recorded.length >= 5)
      const [child] = (await a.tunnel(TUNNEL)).childSas
      const spi = fromHex(child?.in.spi ?? '')
      const [from, lines] = [a.events.length, a.output().split('\n').length]
      const raining = floodFrom(net.middle, [...recorded, ...forged(spi)], FLOOD)
      const moving = transfer(net.hostB, net.hostA, hostA.ipv4, OCTETS)
      await a.rekey(TUNNEL, 1)
      await a.waitFor('ike-sa-established', TUNNEL, { from, patience: 30_000 })
      await a.rekey(TUNNEL, 2)
      await a.waitFor('child-sa-established', TUNNEL, { from, patience: 30_000 })
      const { sent, received } = await moving
      assert.equal(received.digest, sent.digest)
      await raining

      const { tunnels, dropped, defects } = await a.status()
      const [tunnel] = tunnels
      assert.deepEqual([tunnel?.state, defects], ['up', 0])
      for (const cause of ['replayed', 'badIcv', 'malformed'] as const) {
        // Of the SA that is meant, wherever its packets seem to come from.
        assert.ok((tunnel?.dropped[cause] ?? 0) > 100, cause)
        const old = tunnel?.childSas.find(({ in: { spi: own } }) => own === toHex(spi))
        assert.ok(old === undefined || old.in.dropped[cause] === tunnel?.dropped[cause], cause)
      }
      assert.ok((dropped['esp-unknown-spi'] ?? 0) > 100 && (dropped['esp-malformed'] ?? 0) > 100)
      // Thousands of messages that are none, and few words about them.
      assert.ok((dropped.malformed ?? 0) > 500, 'IKE')
      const told = a.events.slice(from).filter(({ event }) => event.kind === 'dropped')
      assert.ok(told.length < 500, `${told.length} events`)
      assert.ok(a.output().split('\n').length - lines < 20, a.output())
    })
  })
}

/** As the peer has really sent them, for its SA. */
async function record(net: Topology, encapsulation: Encapsulation): Promise<readonly Missile[]> {
  const capture = await Capture.start(net.middle, 'site-a', 2_000)
  await net.hostB.ping(hostA.ipv4, { count: 20, interval: 0.005, size: 400 })
  const protocol = encapsulation === 'udp' ? IpProtocol.udp : IpProtocol.esp
  return (await capture.frames())
    .map((frame) => frame.slice(14))
    .filter(
      (packet) => packet[9] === protocol && ip([...packet.slice(12, 16)].join('.')) === SOURCES[0],
    )
    .map((packet) => {
      // The sending host had left its checksum to a network card that is not there; 0 is none (RFC 768).
      if (protocol === IpProtocol.udp) packet.fill(0, 26, 28)
      return { packet: toHex(packet) }
    })
}

/** Each both as protocol 50 and inside UDP, whatever the SA is, from the peer and from elsewhere. */
function forged(spi: Uint8Array): readonly Missile[] {
  const ahead = concat(spi, Uint8Array.of(0, 15, 0, 0), new Uint8Array(392))
  return SOURCES.flatMap((source) => [
    ...[native, udp].flatMap((wrap) => [
      missile(wrap(source, new Uint8Array(400)), 400, 8),
      missile(wrap(source, ahead), 392, 392),
      ...[0, 1, 3, 4, 7, 8, 9, 16, 24, 39, 40].map((octets) =>
        missile(wrap(source, ahead.slice(0, octets))),
      ),
    ]),
    // Behind the non-ESP marker, a message or less.
    ...[0, 27, 28, 60, 400].map((octets) =>
      missile(udp(source, new Uint8Array(4 + octets)), octets, octets),
    ),
    // A NAT keepalive, and what is none.
    ...[1, 2, 3, 9, 200].map((octets) => missile(udp(source, new Uint8Array(octets).fill(0xff)))),
    missile(udp(source, new Uint8Array(400), 500), 400, 400),
  ])
}

/** `others` octets are new each time, the first of them `before` the end. */
function missile(packet: Uint8Array, before = 0, others = 0): Missile {
  const from = packet.length - before
  return { packet: toHex(packet), other: [from, from + others] }
}

function native(source: IpAddress, payload: Uint8Array): Uint8Array {
  return ipPacket({ source, destination: VICTIM, protocol: IpProtocol.esp, payload })
}

function udp(source: IpAddress, datagram: Uint8Array, destinationPort = 4500): Uint8Array {
  const payload = concat(new Uint8Array(4), datagram)
  const length = 4 + payload.length
  payload.set([length >> 8, length & 0xff])
  return ipPacket({ source, destination: VICTIM, sourcePort: 4500, destinationPort, payload })
}
