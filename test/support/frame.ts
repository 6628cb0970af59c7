/**
 * What an Ethernet frame between two gateways is. `plaintext` is everything that has no business there: IKE and ESP are
 * known by protocol and port (RFC 3948 §2), `neighbour` is ARP and IPv6 neighbour and multicast-listener discovery.
 */
export type FrameKind = 'isakmp' | 'esp' | 'esp-in-udp' | 'keepalive' | 'neighbour' | 'plaintext'

export const FRAME_KINDS: readonly FrameKind[] = [
  'isakmp',
  'esp',
  'esp-in-udp',
  'keepalive',
  'neighbour',
  'plaintext',
]

export function frameKind(frame: Uint8Array): FrameKind {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (frame.length < 14) return 'plaintext'
  const etherType = view.getUint16(12)
  if (etherType === ETHERTYPE_ARP) return 'neighbour'
  if (etherType === ETHERTYPE_IPV4 && frame.length >= 34) {
    const headerOctets = (view.getUint8(14) & 0xf) * 4
    const protocol = view.getUint8(23)
    if (protocol === PROTOCOL_ESP) return 'esp'
    // A later fragment carries no ports; only ESP above is known without them.
    const isFirst = (view.getUint16(20) & 0x1fff) === 0
    return protocol === PROTOCOL_UDP && isFirst ? udpKind(view, 14 + headerOctets) : 'plaintext'
  }
  if (etherType === ETHERTYPE_IPV6 && frame.length >= 54) {
    const fragment = view.getUint8(20) === FRAGMENT && frame.length >= 62
    const next = view.getUint8(fragment ? 54 : 20)
    if (next === PROTOCOL_ESP) return 'esp'
    if (fragment && view.getUint16(56) >= 8) return 'plaintext'
    if (next === PROTOCOL_UDP) return udpKind(view, fragment ? 62 : 54)
    // Multicast listener reports carry a hop-by-hop router alert (RFC 3810 §5).
    if (next === HOP_BY_HOP && frame.length >= 63) {
      return view.getUint8(54) === PROTOCOL_ICMPV6 ? icmpv6Kind(view, 62) : 'plaintext'
    }
    return next === PROTOCOL_ICMPV6 ? icmpv6Kind(view, 54) : 'plaintext'
  }
  return 'plaintext'
}

function udpKind(view: DataView, at: number): FrameKind {
  if (view.byteLength < at + 8) return 'plaintext'
  const ports = [view.getUint16(at), view.getUint16(at + 2)]
  if (ports.includes(4500)) {
    const octets = view.getUint16(at + 4) - 8
    if (octets === 1 && view.byteLength > at + 8 && view.getUint8(at + 8) === 0xff) {
      return 'keepalive'
    }
    if (view.byteLength < at + 12) return 'plaintext'
    return view.getUint32(at + 8) === 0 ? 'isakmp' : 'esp-in-udp'
  }
  return ports.includes(500) ? 'isakmp' : 'plaintext'
}

function icmpv6Kind(view: DataView, at: number): FrameKind {
  if (view.byteLength <= at) return 'plaintext'
  const type = view.getUint8(at)
  return (type >= 130 && type <= 137) || type === 143 ? 'neighbour' : 'plaintext'
}

const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_ARP = 0x0806
const ETHERTYPE_IPV6 = 0x86dd
const HOP_BY_HOP = 0
const FRAGMENT = 44
const PROTOCOL_UDP = 17
const PROTOCOL_ESP = 50
const PROTOCOL_ICMPV6 = 58
