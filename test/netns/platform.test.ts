import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Endpoint, type IpAddress, ip, ipOctets } from '#bytes/ip'
import { addAddress, listAddresses, removeAddress } from '#platform/addresses'
import { type Arena, allocateArena } from '#platform/arena'
import type { DatagramSocket } from '#platform/datagram-socket'
import { EMSGSIZE, SystemError } from '#platform/errno'
import { changeLink, linkByName } from '#platform/links'
import { program } from '#platform/native'
import { type Netlink, openNetlink } from '#platform/netlink'
import { PollSet } from '#platform/poll'
import { openRawEspSocket } from '#platform/raw-esp-socket'
import { listRoutes, type Route, removeRoute, replaceRoute, routeTo } from '#platform/routes'
import { addRule, listRules, type Rule, removeRule } from '#platform/rules'
import { prepareDestination } from '#platform/socket-address'
import { openTun, type Tun } from '#platform/tun'
import { openUdpSocket } from '#platform/udp-socket'
import { ipPacket, transportSum } from '../support/ip-packet.ts'
import { networkPrivileges } from '../support/privileges.ts'

/**
 * Everything here happens in a network namespace that this thread moves into and that ends with this process. A TUN device is
 * the wire: what the kernel sends is read from it, and what a peer would send is written into it.
 */
const privileges = networkPrivileges()
const skip = privileges.kind === 'here' ? false : `needs ${describeNeeds()}`

const OURS = { 4: ip('192.0.2.1'), 6: ip('fd00:9::1') } as const
const PEER = { 4: ip('192.0.2.77'), 6: ip('fd00:9::77') } as const
const NAME = 'cwp0'
const TABLE = 4500
const PROTOCOL = 77
const PACKET = 4096

describe('platform in a network namespace', { skip }, () => {
  let arena: Arena
  let netlink: Netlink
  let wire: Tun

  before(() => {
    const CLONE_NEWNET = 0x4000_0000
    assert.equal(program.func('int unshare(int flags)')(CLONE_NEWNET), 0)
    arena = allocateArena(1 << 17)
    netlink = openNetlink()
    wire = openTun(arena, NAME)
    changeLink(netlink, wire.index, { mtu: 1400, ipv6LinkLocal: false })
    changeLink(netlink, wire.index, { up: true })
    addAddress(netlink, { link: wire.index, address: OURS[4], prefixLength: 32 })
    addAddress(netlink, { link: wire.index, address: OURS[6], prefixLength: 128 })
    for (const peer of [PEER[4], PEER[6]]) replaceRoute(netlink, hostRoute(peer))
  })

  after(() => {
    wire?.close()
    netlink?.close()
  })

  describe('TUN device', () => {
    it('is there with its name, index and MTU, and gone when closed', () => {
      const second = openTun(arena, 'cwp%d')
      assert.equal(second.name, 'cwp1')
      assert.equal(linkByName(netlink, 'cwp1')?.index, second.index)
      assert.equal(linkByName(netlink, 'cwp1')?.up, false)
      second.close()
      second.close()
      assert.equal(linkByName(netlink, 'cwp1'), undefined)
    })

    it('refuses a name that is taken, by a TUN device or by another kind', () => {
      for (const name of [NAME, 'lo']) {
        assert.throws(
          () => openTun(arena, name),
          (error) => error instanceof SystemError && error.name === 'EBUSY',
        )
      }
    })

    it('reports loss of carrier, and nothing to read while there is nothing', () => {
      wire.setCarrier(false)
      assert.equal(linkByName(netlink, NAME)?.running, false)
      wire.setCarrier(true)
      assert.equal(linkByName(netlink, NAME)?.running, true)
      assert.equal(wire.read(PACKET, 2000), -1)
    })

    it('gives back an errno for what is no IP packet', () => {
      arena.octets.fill(0, 0, 20)
      assert.equal(wire.write(0, 20), -22)
    })

    it('is configured anew without losing what was not named', () => {
      changeLink(netlink, wire.index, { alias: 'causeway: paris', transmitQueue: 1000 })
      const link = linkByName(netlink, NAME)
      assert.deepEqual(
        [link?.alias, link?.mtu, link?.up, link?.kind],
        ['causeway: paris', 1400, true, 'tun'],
      )
    })

    it('tells how many packets met a full queue', () => {
      changeLink(netlink, wire.index, { transmitQueue: 2 })
      const before = linkByName(netlink, NAME)?.transmitDropped ?? 0
      const socket = openUdpSocket(arena, { address: OURS[4], port: 4600 })
      const to = prepareDestination({ address: PEER[4], port: 9 })
      for (let i = 0; i < 5; i++) socket.send(PACKET, 20, to)
      socket.close()
      assert.equal(linkByName(netlink, NAME)?.transmitDropped, before + 3)
      for (let i = 0; i < 2; i++) assert.equal(wire.read(PACKET, 2000), 48)
      changeLink(netlink, wire.index, { transmitQueue: 1000 })
    })
  })

  it('adds and removes addresses, twice without complaint, and leaves no link-local one', () => {
    const extra = [
      { link: wire.index, address: ip('198.51.100.9'), prefixLength: 24 },
      { link: wire.index, address: ip('fd00:8::9'), prefixLength: 64 },
    ]
    const known = listAddresses(netlink)
    assert.equal(
      known.some(({ address }) => address.startsWith('fe80')),
      false,
    )
    for (const address of [...extra, ...extra]) addAddress(netlink, address)
    for (const address of extra)
      assert.ok(listAddresses(netlink).some((each) => equal(each, address)))
    for (const address of [...extra, ...extra]) removeAddress(netlink, address)
    for (const address of extra) removeAddress(netlink, { ...address, link: 9999 })
    assert.deepEqual(listAddresses(netlink), known)
  })

  for (const family of [4, 6] as const) {
    describe(`IPv${family}`, () => {
      const network = family === 4 ? ip('10.2.0.0') : ip('fd00:2::')
      const host = family === 4 ? ip('10.2.0.5') : ip('fd00:2::5')
      const prefixLength = family === 4 ? 16 : 64

      it('makes, lists, replaces and removes routes of each type in a table of its own', () => {
        const common = { destination: network, prefixLength, table: TABLE, protocol: PROTOCOL }
        const through: Route = {
          ...common,
          type: 'unicast',
          link: wire.index,
          metric: 50,
          mtu: 1300,
          source: OURS[family],
        }
        const routes: Route[] = [
          through,
          ...(['blackhole', 'throw', 'unreachable', 'prohibit'] as const).map(
            (type, i): Route => ({
              ...common,
              type,
              metric: 100 + i,
            }),
          ),
        ]
        for (const route of [...routes, ...routes]) replaceRoute(netlink, route)
        assert.deepEqual(sorted(listRoutes(netlink, family, TABLE, PROTOCOL)), sorted(routes))
        assert.deepEqual(listRoutes(netlink, family, TABLE, PROTOCOL + 1), [])

        const changed = { ...through, mtu: 1200 }
        replaceRoute(netlink, changed)
        const found = listRoutes(netlink, family, TABLE).filter(({ type }) => type === 'unicast')
        assert.deepEqual(found, [changed])

        for (const route of [...routes, ...routes]) removeRoute(netlink, route)
        assert.deepEqual(listRoutes(netlink, family, TABLE), [])
      })

      it('sends unmarked packets through the table by an inverted rule, and finds the way', () => {
        const rule: Rule = {
          family,
          priority: 220,
          table: TABLE,
          mark: { value: 0x1194, mask: 0xffff_ffff },
          inverted: true,
          protocol: PROTOCOL,
        }
        const route: Route = {
          destination: network,
          prefixLength,
          table: TABLE,
          protocol: PROTOCOL,
          type: 'unicast',
          link: wire.index,
          metric: 50,
          mtu: 1300,
        }
        const before = listRules(netlink, family)
        addRule(netlink, rule)
        addRule(netlink, rule)
        replaceRoute(netlink, route)
        assert.deepEqual(
          listRules(netlink, family).filter(({ protocol }) => protocol === PROTOCOL),
          [rule],
        )
        assert.deepEqual(routeTo(netlink, host), {
          link: wire.index,
          source: OURS[family],
          gateway: undefined,
          mtu: 1300,
        })
        assert.equal(routeTo(netlink, host, 0x1194), undefined)
        assert.equal(routeTo(netlink, PEER[family], 0x1194)?.mtu, 1400)

        replaceRoute(netlink, { ...without(route, 'link', 'mtu'), type: 'blackhole', metric: 40 })
        assert.equal(routeTo(netlink, host), undefined)
        removeRoute(netlink, { ...without(route, 'link', 'mtu'), type: 'blackhole', metric: 40 })
        removeRoute(netlink, route)
        removeRule(netlink, rule)
        removeRule(netlink, rule)
        assert.deepEqual(listRules(netlink, family), before)
      })

      it('sends and receives ESP as an IP protocol', () => {
        const socket = openRawEspSocket(arena, OURS[family])
        try {
          const esp = Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd)
          arena.octets.set(esp, 0)
          const peer = prepareDestination({ address: PEER[family], port: 0 })
          assert.equal(socket.send(0, esp.length, peer, 0xb9), esp.length)
          const sent = fromWire()
          const header = family === 4 ? 20 : 40
          assert.equal(sent[family === 4 ? 9 : 6], 50)
          assert.deepEqual(sent.subarray(header), esp)
          assert.equal(trafficClass(sent), 0xb9)
          if (family === 4) assert.equal(sent[6], 0x40, 'DF')

          toWire(
            ipPacket({
              source: PEER[family],
              destination: OURS[family],
              protocol: 50,
              payload: esp,
              trafficClass: 0x03,
            }),
          )
          assert.equal(ready(socket), 1)
          const octets = socket.receive(PACKET, 2000)
          const inner = family === 4 ? 20 : 0
          assert.equal(octets, inner + esp.length)
          assert.deepEqual(arena.octets.slice(PACKET + inner, PACKET + octets), esp)
          assert.deepEqual(socket.lastSender, { address: PEER[family], port: 0 })
          assert.equal(socket.isFrom(peer), true)
          assert.equal(socket.lastTos, 0x03)
          assert.equal(socket.receive(PACKET, 2000), -1)
        } finally {
          socket.close()
        }
      })

      it('puts a checksum into UDP and lets DF be chosen', () => {
        for (const [discovery, df] of [
          ['do', 0x40],
          ['probe', 0x40],
          ['dont', 0],
        ] as const) {
          withUdp({ pathMtuDiscovery: discovery === 'do' ? 'dont' : 'do' }, (socket, peer) => {
            socket.setPathMtuDiscovery(discovery)
            assert.equal(socket.send(0, 100, peer), 100)
            const sent = fromWire()
            if (family === 4) assert.equal((sent[6] ?? 0) & 0x40, df)
            const checksumAt = (family === 4 ? 20 : 40) + 6
            assert.notEqual((sent[checksumAt] ?? 0) | (sent[checksumAt + 1] ?? 0), 0)
            assert.equal(transportSum(sent) % 0xffff, 0)
          })
        }
      })

      it('hears from a router that the path is narrower, and then refuses what is larger', () => {
        withUdp({ pathMtuDiscovery: 'do' }, (socket, peer) => {
          assert.equal(socket.send(0, 1360, peer), family === 4 ? 1360 : -EMSGSIZE)
          if (family === 6) {
            assert.deepEqual(errorOrigins(socket), ['local'])
            assert.equal(socket.send(0, 1350, peer), 1350)
          }
          const sent = fromWire()
          toWire(tooBig(sent, 1290))
          const set = new PollSet([socket.fd])
          set.wait(2000)
          assert.equal(set.failed(0), true)
          const error = socket.receiveError()
          assert.ok(error)
          assert.deepEqual(
            [error.origin, error.icmpType, error.icmpCode, error.mtu],
            family === 4 ? ['icmp', 3, 4, 1290] : ['icmp6', 2, 0, 1290],
          )
          assert.deepEqual(error.destination, peer.endpoint)
          assert.equal(error.reporter, PEER[family])
          assert.equal(socket.send(0, 1300, peer), -EMSGSIZE)
          assert.deepEqual(errorOrigins(socket), ['local'])
          assert.equal(socket.send(0, 1200, peer), 1200)
          assert.equal(routeTo(netlink, PEER[family])?.mtu, 1290)
        })
        fromWire()
      })

      function withUdp(
        options: { readonly pathMtuDiscovery: 'do' | 'probe' | 'dont' },
        work: (socket: DatagramSocket, peer: ReturnType<typeof prepareDestination>) => void,
      ): void {
        const local: Endpoint = { address: OURS[family], port: 4500 }
        const socket = openUdpSocket(arena, local, { ...options, mark: 0x1194 })
        try {
          work(socket, prepareDestination({ address: PEER[family], port: 4500 }))
        } finally {
          socket.close()
        }
      }
    })
  }

  function hostRoute(destination: IpAddress): Route {
    const prefixLength = destination.includes(':') ? 128 : 32
    const link = wire.index
    return { destination, prefixLength, table: 254, type: 'unicast', protocol: PROTOCOL, link }
  }

  /** The next packet the kernel sent, a copy. */
  function fromWire(): Uint8Array {
    assert.equal(new PollSet([wire.fd]).wait(2000), 1)
    const octets = wire.read(PACKET, 2000)
    return arena.octets.slice(PACKET, PACKET + octets)
  }

  function toWire(packet: Uint8Array): void {
    arena.octets.set(packet, 0)
    assert.equal(wire.write(0, packet.length), packet.length)
  }
})

/** What the next router says of `packet` (RFC 1191 §4, RFC 4443 §3.2), from the peer's address. */
function tooBig(packet: Uint8Array, mtu: number): Uint8Array {
  const ipv4 = (packet[0] ?? 0) >>> 4 === 4
  const quoted = packet.subarray(0, ipv4 ? 28 : 600)
  const message = new Uint8Array(8 + quoted.length)
  const view = new DataView(message.buffer)
  view.setUint16(0, ipv4 ? 0x0304 : 0x0200)
  if (ipv4) view.setUint16(6, mtu)
  if (!ipv4) view.setUint32(4, mtu)
  message.set(quoted, 8)
  const family = ipv4 ? 4 : 6
  const pseudo = ipv4 ? [] : [...ipOctets(PEER[6]), ...ipOctets(OURS[6]), 0, 58]
  view.setUint16(2, internetChecksum([...pseudo, ...message], ipv4 ? 0 : message.length))
  return ipPacket({
    source: PEER[family],
    destination: OURS[family],
    protocol: ipv4 ? 1 : 58,
    payload: message,
  })
}

/** RFC 1071, over octets in network order, `more` added. */
function internetChecksum(octets: readonly number[], more: number): number {
  let sum = more
  for (let i = 0; i < octets.length; i += 2) sum += ((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function ready(socket: DatagramSocket): number {
  return new PollSet([socket.fd]).wait(2000)
}

/** Empties the error queue. @returns the different origins that stood in it */
function errorOrigins(socket: DatagramSocket): string[] {
  const origins = new Set<string>()
  for (let error = socket.receiveError(); error !== undefined; error = socket.receiveError()) {
    origins.add(error.origin)
  }
  return [...origins]
}

function trafficClass(packet: Uint8Array): number {
  const [first = 0, second = 0] = packet
  return first >>> 4 === 4 ? second : ((first & 0xf) << 4) | (second >>> 4)
}

function sorted(routes: readonly Route[]): Route[] {
  return [...routes].sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))
}

function without(route: Route, ...keys: readonly (keyof Route)[]): Route {
  const entries = Object.entries(route).filter(([key]) => !keys.includes(key as keyof Route))
  return Object.fromEntries(entries) as Route
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function describeNeeds(): string {
  if (privileges.kind === 'none') return privileges.needs
  return 'root'
}
