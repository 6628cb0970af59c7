import { type Endpoint, type IpAddress, ipFamily, ipFromOctets, ipOctets } from '#bytes/ip'
import { ESP_HEADER_OCTETS } from '#wire/esp'
import { IpProtocol } from '#wire/ip-protocol'
import { IPV4_HEADER_OCTETS, IPV4_OFFSET_MASK } from '#wire/ipv4'
import { IPV6_HEADER_OCTETS } from '#wire/ipv6'
import { UDP_HEADER_OCTETS } from '#wire/udp'
import { udpFrame } from './ike-frame.ts'

/** Whether an IP packet is IKE, ESP, an error about either, or a fragment, which may be part of them. */
export function isTunnelPacket(packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  if (packet.length < IPV4_HEADER_OCTETS) return false
  const version = view.getUint8(0) >> 4
  if (version !== 4 && (version !== 6 || packet.length < IPV6_HEADER_OCTETS)) return false
  const protocol = view.getUint8(version === 4 ? 9 : 6)
  const later = version === 4 && (view.getUint16(6) & IPV4_OFFSET_MASK) !== 0
  if (protocol !== IpProtocol.udp) return OTHERS.includes(protocol)
  const at = version === 4 ? (view.getUint8(0) & 15) * 4 : IPV6_HEADER_OCTETS
  if (later) return true
  if (packet.length < at + 4) return false
  return [view.getUint16(at), view.getUint16(at + 2)].some((port) => port === 500 || port === 4500)
}

const OTHERS: readonly number[] = [
  IpProtocol.esp,
  IpProtocol.icmp,
  IpProtocol.icmpv6,
  IpProtocol.fragment,
]

/**
 * Packets as they are on the wire. Offloads show a capture many ESP packets in UDP as one datagram: each begins with the SPI and the
 * next sequence number.
 */
export function wirePackets(packet: Uint8Array): readonly Uint8Array[] {
  const datagram = natDatagram(packet)
  if (datagram === undefined) return [packet]
  const { source, destination, data } = datagram
  const size = segmentOctets(data)
  if (size === undefined) return [packet]
  return Array.from({ length: Math.ceil(data.length / size) }, (_, i) =>
    udpFrame(source, destination, data.subarray(i * size, (i + 1) * size)),
  )
}

/** No link between gateways takes more in one piece. */
const LARGEST_SEGMENT = 1_500

/** A datagram of port 4500. */
function natDatagram(
  packet: Uint8Array,
): { source: Endpoint; destination: Endpoint; data: Uint8Array } | undefined {
  if (packet.length < IPV4_HEADER_OCTETS) return undefined
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const version = view.getUint8(0) >> 4
  const [at, from, octets, protocolAt] =
    version === 4
      ? ([(view.getUint8(0) & 15) * 4, 12, 4, 9] as const)
      : ([IPV6_HEADER_OCTETS, 8, 16, 6] as const)
  if (packet.length < at + UDP_HEADER_OCTETS || view.getUint8(protocolAt) !== IpProtocol.udp)
    return undefined
  const ports = [view.getUint16(at), view.getUint16(at + 2)] as const
  if (!ports.includes(4500)) return undefined
  const address = (start: number) => ipFromOctets(packet.subarray(start, start + octets))
  const [source, destination] = [address(from), address(from + octets)]
  if (source === undefined || destination === undefined) return undefined
  return {
    source: { address: source, port: ports[0] },
    destination: { address: destination, port: ports[1] },
    data: packet.subarray(at + UDP_HEADER_OCTETS),
  }
}

/** Where the second ESP packet begins. @returns undefined where there is none: one packet, or IKE. */
function segmentOctets(data: Uint8Array): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (data.length < 2 * ESP_HEADER_OCTETS || view.getUint32(0) === 0) return undefined
  const [spi, next] = [view.getUint32(0), (view.getUint32(4) + 1) >>> 0]
  for (
    let at = ESP_HEADER_OCTETS;
    at + ESP_HEADER_OCTETS <= data.length && at <= LARGEST_SEGMENT;
    at++
  ) {
    if (view.getUint32(at) === spi && view.getUint32(at + 4) === next) return at
  }
  return undefined
}

/** One instruction of classic BPF: code, jump if true, jump if false, operand. */
type FilterInstruction = readonly [code: number, jt: number, jf: number, k: number]

/** A filter for what has one of its ends at `peer`, over packets that begin with the IP header. */
export function peerFilter(peer: IpAddress): readonly FilterInstruction[] {
  const octets = ipOctets(peer)
  const view = new DataView(octets.buffer)
  const words = Array.from({ length: octets.length / 4 }, (_, i) => view.getUint32(4 * i))
  const places = ipFamily(peer) === 4 ? [12, 16] : [8, 24]
  // Each word that differs leads to the next place, behind the last one to the end.
  const tests = places.map((place) =>
    words.flatMap((word, i): readonly FilterInstruction[] => [
      [LOAD_WORD, 0, 0, place + 4 * i],
      [JUMP_IF_EQUAL, 0, 2 * (words.length - 1 - i) + 1, word],
    ]),
  )
  return [
    [LOAD_OCTET, 0, 0, 0],
    [SHIFT_RIGHT, 0, 0, 4],
    [JUMP_IF_EQUAL, 1, 0, ipFamily(peer)],
    REFUSE,
    ...tests.flatMap((test) => [...test, ACCEPT]),
    REFUSE,
  ]
}

const LOAD_WORD = 0x20
const LOAD_OCTET = 0x30
const SHIFT_RIGHT = 0x74
const JUMP_IF_EQUAL = 0x15
const ACCEPT: FilterInstruction = [0x06, 0, 0, 0xffff_ffff]
const REFUSE: FilterInstruction = [0x06, 0, 0, 0]
