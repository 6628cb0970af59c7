/**
 * The Internet checksum (RFC 1071) as partial sums: add pieces, then `foldChecksum`. Every piece but the last must have an even
 * length. `sum` may grow to 2⁵³, so a whole packet can be added without folding.
 */
export function addToChecksum(sum: number, view: DataView, offset: number, length: number): number {
  let total = sum
  const end = offset + length
  let at = offset
  // Two 16-bit columns at once: 2¹⁶ ≡ 1 modulo 2¹⁶ − 1.
  for (; at + 4 <= end; at += 4) total += view.getUint32(at)
  for (; at + 2 <= end; at += 2) total += view.getUint16(at)
  return at < end ? total + view.getUint8(at) * 256 : total
}

/** The ones' complement of a sum, 16 bits: what stands in a checksum field. 0 when `sum` includes a correct checksum. */
export function foldChecksum(sum: number): number {
  let total = sum
  while (total > 0xffff) total = (total % 0x1_0000) + Math.floor(total / 0x1_0000)
  return ~total & 0xffff
}

/** A checksum after one 16-bit word it covers changed (RFC 1624 §3, equation 3). */
export function updateChecksum(checksum: number, before: number, after: number): number {
  return foldChecksum((~checksum & 0xffff) + (~before & 0xffff) + after)
}
