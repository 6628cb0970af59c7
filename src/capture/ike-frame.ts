import { concat } from '#bytes/concat'
import { type Endpoint, ipFamily, ipOctets } from '#bytes/ip'
import { addToChecksum, foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { IPV4_HEADER_OCTETS, sealIpv4Header } from '#wire/ipv4'
import { IPV6_HEADER_OCTETS } from '#wire/ipv6'
import { UDP_HEADER_OCTETS } from '#wire/udp'

/** An IKE message as an IP packet (link type raw), for one that was kept without the headers it travelled in. */
export function ikeFrame(source: Endpoint, destination: Endpoint, message: Uint8Array): Uint8Array {
  // RFC 3948 §2.2: on port 4500 four zero octets tell IKE from ESP.
  const marked = source.port !== 500 && destination.port !== 500
  const data = marked ? concat(new Uint8Array(4), message) : message
  return udpFrame(source, destination, data)
}

/** Data in UDP in IP, link type raw. */
export function udpFrame(source: Endpoint, destination: Endpoint, data: Uint8Array): Uint8Array {
  const udp = udpDatagram(source, destination, data)
  return ipFamily(source.address) === 6
    ? concat(ipv6Header(source, destination, udp.length), udp)
    : concat(ipv4Header(source, destination, udp.length), udp)
}

const HOP_LIMIT = 64

function udpDatagram(source: Endpoint, destination: Endpoint, data: Uint8Array): Uint8Array {
  const length = UDP_HEADER_OCTETS + data.length
  const udp = new Uint8Array(length)
  const view = new DataView(udp.buffer)
  view.setUint16(0, source.port)
  view.setUint16(2, destination.port)
  view.setUint16(4, length)
  udp.set(data, UDP_HEADER_OCTETS)
  const pseudo = concat(
    ipOctets(source.address),
    ipOctets(destination.address),
    Uint8Array.of(0, IpProtocol.udp, length >> 8, length & 0xff),
  )
  const sum = addToChecksum(0, new DataView(pseudo.buffer), 0, pseudo.length)
  view.setUint16(6, foldChecksum(addToChecksum(sum, view, 0, length)) || 0xffff)
  return udp
}

function ipv4Header(source: Endpoint, destination: Endpoint, octets: number): Uint8Array {
  const header = new Uint8Array(IPV4_HEADER_OCTETS)
  const view = new DataView(header.buffer)
  view.setUint8(0, 0x45)
  view.setUint16(2, IPV4_HEADER_OCTETS + octets)
  view.setUint8(8, HOP_LIMIT)
  view.setUint8(9, IpProtocol.udp)
  header.set(ipOctets(source.address), 12)
  header.set(ipOctets(destination.address), 16)
  sealIpv4Header(view, 0)
  return header
}

function ipv6Header(source: Endpoint, destination: Endpoint, octets: number): Uint8Array {
  const header = new Uint8Array(IPV6_HEADER_OCTETS)
  const view = new DataView(header.buffer)
  view.setUint8(0, 0x60)
  view.setUint16(4, octets)
  view.setUint8(6, IpProtocol.udp)
  view.setUint8(7, HOP_LIMIT)
  header.set(ipOctets(source.address), 8)
  header.set(ipOctets(destination.address), 24)
  return header
}
