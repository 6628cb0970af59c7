/** IFNAMSIZ of Linux is 16 octets, the last one zero. */
export const LONGEST_INTERFACE_NAME = 15

/**
 * `cw-` and the tunnel's name; where that is too long, its beginning and four characters of a hash of the whole name, so
 * that `branch-hamburg-1` and `branch-hamburg-2` stay apart. The same name always gives the same interface.
 */
export function derivedInterfaceName(tunnel: string): string {
  const full = `cw-${tunnel}`
  if (full.length <= LONGEST_INTERFACE_NAME) return full
  return `${full.slice(0, LONGEST_INTERFACE_NAME - 5)}-${shortHash(tunnel)}`
}

/** FNV-1a, 32 bits, in four characters: it only has to be spread, and uniqueness is checked afterwards. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5
  for (const octet of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ octet, 0x01000193) >>> 0
  }
  return (hash % 36 ** 4).toString(36).padStart(4, '0')
}
