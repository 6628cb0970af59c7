import { type IpAddress, ipFamily, ipOctets } from '#bytes/ip'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { sealIpv4Header } from '#wire/ipv4'

/** An IP packet for tests, made without the code under test where that could hide an error. */
export type PacketSpec = {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly protocol?: number
  readonly sourcePort?: number
  readonly destinationPort?: number
  /** Octets behind the ports. */
  readonly payload?: Uint8Array
  readonly trafficClass?: number
  readonly dontFragment?: boolean
  /** In units of eight octets. */
  readonly fragmentOffset?: number
  readonly moreFragments?: boolean
  readonly identification?: number
}

const PORTS = new Set<number>([IpProtocol.tcp, IpProtocol.udp, IpProtocol.sctp])

export function ipPacket(spec: PacketSpec): Uint8Array {
  const protocol = spec.protocol ?? IpProtocol.udp
  const later = (spec.fragmentOffset ?? 0) > 0
  const ports = new Uint8Array(PORTS.has(protocol) && !later ? 4 : 0)
  if (ports.length > 0) {
    const view = new DataView(ports.buffer)
    view.setUint16(0, spec.sourcePort ?? 0)
    view.setUint16(2, spec.destinationPort ?? 0)
  }
  const body = new Uint8Array([...ports, ...(spec.payload ?? new Uint8Array(24))])
  return ipFamily(spec.source) === 4 ? ipv4(spec, protocol, body) : ipv6(spec, protocol, body)
}

function ipv4(spec: PacketSpec, protocol: number, body: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + body.length)
  const view = new DataView(packet.buffer)
  view.setUint16(0, 0x4500 | (spec.trafficClass ?? 0))
  view.setUint16(2, packet.length)
  view.setUint16(4, spec.identification ?? 1)
  const flags = (spec.dontFragment === true ? 0x4000 : 0) | (spec.moreFragments ? 0x2000 : 0)
  view.setUint16(6, flags | (spec.fragmentOffset ?? 0))
  view.setUint16(8, (64 << 8) | protocol)
  packet.set(ipOctets(spec.source), 12)
  packet.set(ipOctets(spec.destination), 16)
  packet.set(body, 20)
  sealIpv4Header(view, 0)
  return packet
}

function ipv6(spec: PacketSpec, protocol: number, body: Uint8Array): Uint8Array {
  const fragmented = spec.fragmentOffset !== undefined || spec.moreFragments === true
  const extension = fragmented ? 8 : 0
  const packet = new Uint8Array(40 + extension + body.length)
  const view = new DataView(packet.buffer)
  view.setUint32(0, 0x6000_0000 | ((spec.trafficClass ?? 0) << 20))
  view.setUint16(4, extension + body.length)
  view.setUint16(6, ((fragmented ? IpProtocol.fragment : protocol) << 8) | 64)
  packet.set(ipOctets(spec.source), 8)
  packet.set(ipOctets(spec.destination), 24)
  if (fragmented) {
    view.setUint8(40, protocol)
    view.setUint16(42, ((spec.fragmentOffset ?? 0) << 3) | (spec.moreFragments ? 1 : 0))
    view.setUint32(44, spec.identification ?? 1)
  }
  packet.set(body, 40 + extension)
  return packet
}

/** A TCP SYN with these option octets, its checksum filled in. */
export function tcpSyn(
  source: IpAddress,
  destination: IpAddress,
  options: readonly number[],
  flags = 0x02,
): Uint8Array {
  const padded = [...options, ...new Array((4 - (options.length % 4)) % 4).fill(0)]
  const rest = new Uint8Array(16 + padded.length)
  rest[8] = (5 + padded.length / 4) << 4
  rest[9] = flags
  rest.set(padded, 16)
  const protocol = IpProtocol.tcp
  const packet = ipPacket({ source, destination, protocol, destinationPort: 80, payload: rest })
  const header = ipFamily(source) === 4 ? 20 : 40
  const view = new DataView(packet.buffer)
  view.setUint16(header + 16, foldChecksum(transportSum(packet)))
  return packet
}

/** Of a TCP, UDP or ICMPv6 packet without extension headers: folds to 0 when its checksum is right. */
export function transportSum(packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const ipv4 = view.getUint8(0) >>> 4 === 4
  const header = ipv4 ? 20 : 40
  const length = packet.length - header
  const protocol = view.getUint8(ipv4 ? 9 : 6)
  const pseudo = addToChecksum(protocol + length, view, ipv4 ? 12 : 8, ipv4 ? 8 : 32)
  return addToChecksum(pseudo, view, header, length)
}
