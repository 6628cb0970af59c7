import { updateChecksum } from '#wire/checksum'
import { ipv6TrafficClass, setIpv6TrafficClass } from '#wire/ipv6'

/** The two low bits of the traffic class (RFC 3168 §5). */
const ECN_MASK = 0b11
const NOT_ECT = 0b00
const ECT_1 = 0b01
const CE = 0b11

/**
 * Gives a decapsulated packet the congestion mark its outer header collected (RFC 6040 §4.2, figure 4). DSCP stays as the sender
 * chose it (RFC 4301 §5.1.2.1).
 * @returns false when the packet must be dropped: congestion was met by a packet that cannot carry the news
 */
export function mergeEcn(
  view: DataView,
  at: number,
  innerTrafficClass: number,
  outerTrafficClass: number,
): boolean {
  const outer = outerTrafficClass & ECN_MASK
  const inner = innerTrafficClass & ECN_MASK
  if (outer === NOT_ECT || inner === CE || outer === inner) return true
  if (inner === NOT_ECT) return outer !== CE
  if (outer === CE || outer === ECT_1) setEcn(view, at, outer)
  return true
}

function setEcn(view: DataView, at: number, ecn: number): void {
  if (view.getUint8(at) >>> 4 === 6) {
    setIpv6TrafficClass(view, at, (ipv6TrafficClass(view, at) & ~ECN_MASK) | ecn)
    return
  }
  const before = view.getUint16(at)
  const after = (before & ~ECN_MASK) | ecn
  view.setUint16(at, after)
  view.setUint16(at + 10, updateChecksum(view.getUint16(at + 10), before, after))
}
