/**
 * The header before each packet of a TUN device with offloads: `struct virtio_net_hdr` (OASIS virtio 1.2 §5.1.6, without the
 * number of buffers). Its words have the machine's order, little-endian on both supported ones.
 */
export const VIRTIO_HEADER_OCTETS = 10

/** The transport checksum is not complete: its field holds the sum of the pseudo-header (§5.1.6.2). */
const VIRTIO_NEEDS_CHECKSUM = 1

export const VirtioGso = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const
/** Not a kind but a mark on one: the packet has CWR set. */
const ECN_MARK = 0x80

export function virtioNeedsChecksum(view: DataView, at: number): boolean {
  return (view.getUint8(at) & VIRTIO_NEEDS_CHECKSUM) !== 0
}

/** One of `VirtioGso`, or something this code does not ask for. */
export function virtioGsoType(view: DataView, at: number): number {
  return view.getUint8(at + 1) & ~ECN_MARK
}

/** Octets of payload in each segment but the last. */
export function virtioGsoOctets(view: DataView, at: number): number {
  return view.getUint16(at + 4, true)
}

/** Where the transport header begins, from the beginning of the packet. */
export function virtioChecksumStart(view: DataView, at: number): number {
  return view.getUint16(at + 6, true)
}

/** Where the checksum field stands, from the beginning of the transport header. */
export function virtioChecksumOffset(view: DataView, at: number): number {
  return view.getUint16(at + 8, true)
}

/** For a packet that is whole and has its checksum. */
export function writePlainVirtioHeader(view: DataView, at: number): void {
  view.setUint32(at, 0)
  view.setUint32(at + 4, 0)
  view.setUint16(at + 8, 0)
}

/** For one that the kernel is to cut, or to treat as if it had been. */
export function writeGsoVirtioHeader(
  view: DataView,
  at: number,
  type: number,
  headerOctets: number,
  segmentOctets: number,
  checksumStart: number,
  checksumOffset: number,
): void {
  view.setUint8(at, VIRTIO_NEEDS_CHECKSUM)
  view.setUint8(at + 1, type)
  view.setUint16(at + 2, headerOctets, true)
  view.setUint16(at + 4, segmentOctets, true)
  view.setUint16(at + 6, checksumStart, true)
  view.setUint16(at + 8, checksumOffset, true)
}
