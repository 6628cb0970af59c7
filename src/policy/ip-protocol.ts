/** IP protocol numbers by the names operators write (IANA "Assigned Internet Protocol Numbers"). */
export const IP_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['any', 0],
  ['icmp', 1],
  ['igmp', 2],
  ['ipip', 4],
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['ipv6', 41],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['icmpv6', 58],
  ['eigrp', 88],
  ['ospf', 89],
  ['pim', 103],
  ['vrrp', 112],
  ['l2tp', 115],
  ['sctp', 132],
  ['udplite', 136],
])

/** `tcp`, or the number where it has no name. */
export function formatIpProtocol(protocol: number): string {
  for (const [name, number] of IP_PROTOCOLS) if (number === protocol) return name
  return `${protocol}`
}

/** @returns undefined when `text` is neither a known name nor 0…255. */
export function parseIpProtocol(text: string): number | undefined {
  const known = IP_PROTOCOLS.get(text.toLowerCase())
  if (known !== undefined) return known
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined
}

/** Whether its packets begin with a source and a destination port. */
export function hasPorts(protocol: number): boolean {
  return PROTOCOLS_WITH_PORTS.has(protocol)
}

const PROTOCOLS_WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136])
