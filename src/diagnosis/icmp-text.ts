import { type IpAddress, ipFamily } from '#bytes/ip'

/** An ICMP or ICMPv6 error, and who sent it. */
export type IcmpReport = {
  readonly icmpType: number
  readonly icmpCode: number
  readonly reporter: IpAddress | undefined
}

/** `198.51.100.7 itself says that nothing listens there (ICMP port unreachable)`. */
export function icmpText(
  { icmpType, icmpCode, reporter }: IcmpReport,
  destination: IpAddress,
): string {
  const { name, meaning } = wordsOf(ipFamily(destination), icmpType, icmpCode)
  const who = reporter === undefined ? 'a router' : reporter
  const itself = reporter === destination ? ' itself' : ''
  return `${who}${itself} says ${meaning} (${name})`
}

type Words = { readonly name: string; readonly meaning: string }

/** RFC 792, RFC 1812 §5.2.7.1 and RFC 4443 §3.1. */
function wordsOf(family: 4 | 6, type: number, code: number): Words {
  const known = family === 4 ? IPV4[`${type}/${code}`] : IPV6[`${type}/${code}`]
  const name = `ICMP${family === 6 ? 'v6' : ''}`
  if (known !== undefined) return { name: `${name} ${known[0]}`, meaning: known[1] }
  return { name: `${name} type ${type} code ${code}`, meaning: 'that the packet did not arrive' }
}

type Table = Readonly<Record<string, readonly [name: string, meaning: string]>>

const FILTERED = 'that a packet filter forbids it'
const NOBODY = 'that nothing listens there'
const NO_WAY = 'that it knows no way there'

const IPV4: Table = {
  '3/0': ['network unreachable', NO_WAY],
  '3/1': ['host unreachable', 'that the host does not answer on its network'],
  '3/2': ['protocol unreachable', 'that the protocol is not spoken there'],
  '3/3': ['port unreachable', NOBODY],
  '3/4': ['fragmentation needed', 'that the packet is too big for the path'],
  '3/9': ['network prohibited', FILTERED],
  '3/10': ['host prohibited', FILTERED],
  '3/13': ['administratively prohibited', FILTERED],
  '11/0': ['time exceeded', 'that the packet went in circles'],
}

const IPV6: Table = {
  '1/0': ['no route', NO_WAY],
  '1/1': ['administratively prohibited', FILTERED],
  '1/3': ['address unreachable', 'that the host does not answer on its network'],
  '1/4': ['port unreachable', NOBODY],
  '1/5': ['source address refused', 'that packets from this address are not let through'],
  '1/6': ['route rejected', FILTERED],
  '2/0': ['packet too big', 'that the packet is too big for the path'],
  '3/0': ['time exceeded', 'that the packet went in circles'],
}
