import {
  type IpAddress,
  type IpFamily,
  ipFamily,
  ipFromBigInt,
  ipToBigInt,
  parseIp,
} from '#bytes/ip'
import { formatIpProtocol, hasPorts, IP_PROTOCOLS, parseIpProtocol } from './ip-protocol.ts'
import { nearestName } from './nearest.ts'
import { isTextProblem, type TextProblem, textProblem } from './text-problem.ts'

/**
 * One side of the traffic a Child SA carries: an inclusive address range, one IP protocol (0 is any) and an inclusive
 * port range (0…65535 is any). IKEv1 identities (RFC 2407 §4.6.2) and IKEv2 selectors (RFC 7296 §3.13) both decode to it.
 */
export type TrafficSelector = {
  readonly family: IpFamily
  readonly protocol: number
  readonly start: IpAddress
  readonly end: IpAddress
  readonly startPort: number
  readonly endPort: number
}

/** What an operator writes as `ours <-> theirs`. */
export type SelectorPair = { readonly local: TrafficSelector; readonly remote: TrafficSelector }

/** An address block: the first `bits` bits of `address` are fixed, the others are zero. */
export type Prefix = { readonly address: IpAddress; readonly bits: number }

export type ProtocolAndPorts = Pick<TrafficSelector, 'protocol' | 'startPort' | 'endPort'>

export const ANY_PROTOCOL: ProtocolAndPorts = { protocol: 0, startPort: 0, endPort: 0xffff }

/** The address alone when `bits` is left out. Bits of it beyond `bits` count as zero in the start and one in the end. */
export function selectorFromPrefix(
  address: IpAddress,
  bits: number = addressBits(ipFamily(address)),
  traffic: ProtocolAndPorts = ANY_PROTOCOL,
): TrafficSelector {
  const family = ipFamily(address)
  const hostMask = (1n << BigInt(addressBits(family) - bits)) - 1n
  const start = ipToBigInt(address) & ~hostMask
  return {
    family,
    ...traffic,
    start: ipFromBigInt(start, family),
    end: ipFromBigInt(start | hostMask, family),
  }
}

/** Both sides changed over: what the peer's configuration would say. */
export function mirror({ local, remote }: SelectorPair): SelectorPair {
  return { local: remote, remote: local }
}

export function equalSelector(a: TrafficSelector, b: TrafficSelector): boolean {
  return (
    a.protocol === b.protocol &&
    a.start === b.start &&
    a.end === b.end &&
    a.startPort === b.startPort &&
    a.endPort === b.endPort
  )
}

export function equalSelectorPair(a: SelectorPair, b: SelectorPair): boolean {
  return equalSelector(a.local, b.local) && equalSelector(a.remote, b.remote)
}

/** Whether every packet of `inner` is also one of `outer`. */
export function covers(outer: TrafficSelector, inner: TrafficSelector): boolean {
  return (
    outer.family === inner.family &&
    (outer.protocol === 0 || outer.protocol === inner.protocol) &&
    ipToBigInt(outer.start) <= ipToBigInt(inner.start) &&
    ipToBigInt(inner.end) <= ipToBigInt(outer.end) &&
    outer.startPort <= inner.startPort &&
    inner.endPort <= outer.endPort
  )
}

/** Whether some packet belongs to both. */
export function intersects(a: TrafficSelector, b: TrafficSelector): boolean {
  return (
    a.family === b.family &&
    (a.protocol === 0 || b.protocol === 0 || a.protocol === b.protocol) &&
    ipToBigInt(a.start) <= ipToBigInt(b.end) &&
    ipToBigInt(b.start) <= ipToBigInt(a.end) &&
    a.startPort <= b.endPort &&
    b.startPort <= a.endPort
  )
}

/** `port` is 0 where the packet's protocol has none. For tests and the control plane; the packet path compiles its own. */
export function matchesPacket(
  selector: TrafficSelector,
  address: IpAddress,
  protocol: number,
  port: number,
): boolean {
  const packet = { protocol, startPort: port, endPort: port, start: address, end: address }
  return covers(selector, { ...packet, family: ipFamily(address) })
}

/** The fewest prefixes that make up the address range, in ascending order; for routes. At most 62 for IPv4, 254 for IPv6. */
export function selectorToPrefixes({ family, start, end }: TrafficSelector): readonly Prefix[] {
  const width = addressBits(family)
  const last = ipToBigInt(end)
  const prefixes: Prefix[] = []
  let first = ipToBigInt(start)
  while (first <= last) {
    let free = 0
    while (free < width && blockEnd(first, free + 1) <= last && blockStart(first, free + 1)) free++
    prefixes.push({ address: ipFromBigInt(first, family), bits: width - free })
    first = blockEnd(first, free) + 1n
  }
  return prefixes
}

function addressBits(family: IpFamily): 32 | 128 {
  return family === 4 ? 32 : 128
}

/** `10.1.0.0/16`, `10.1.0.5`, `10.0.0.5-10.0.0.9`, each followed by ` tcp/443` where it is narrower than all traffic. */
export function formatSelector(selector: TrafficSelector): string {
  const traffic = formatTraffic(selector)
  return traffic === '' ? formatRange(selector) : `${formatRange(selector)} ${traffic}`
}

/** `10.1.0.0/16 <-> 10.3.7.0/24 tcp/443`, as `parseSelectorPair` reads it. */
export function formatSelectorPair({ local, remote }: SelectorPair): string {
  // The protocol is the same on both sides, so it is said once: where there are ports, else at the end.
  const saidOnce = local.protocol === remote.protocol && isAnyPort(local)
  return `${saidOnce ? formatRange(local) : formatSelector(local)} <-> ${formatSelector(remote)}`
}

/**
 * Reads `10.1.0.0/16 <-> 10.3.7.0/24 tcp/443`: on each side a prefix, an address, a range or `any`, then optionally a protocol by
 * name or number and a port or range of ports. A protocol on one side holds for both.
 */
export function parseSelectorPair(text: string): SelectorPair | TextProblem {
  const sides = text.split(/\s*(?:<->|↔|<=>)\s*/)
  const [ours, theirs] = sides
  if (sides.length !== 2 || !ours?.trim() || !theirs?.trim())
    return textProblem(text.trim(), `"${text.trim()}" does not say two networks`, {
      hints: ['written for example 10.1.0.0/16 <-> 10.2.0.0/16: ours first, then theirs'],
    })
  const local = parseSide(ours.trim())
  if (isTextProblem(local)) return local
  const remote = parseSide(theirs.trim())
  if (isTextProblem(remote)) return remote
  return pair(text.trim(), local, remote)
}

/** One side of a pair, as `parseSelectorPair` reads it; `any` alone means all of IPv4. */
export function parseSelector(text: string): TrafficSelector | TextProblem {
  const side = parseSide(text.trim())
  if (isTextProblem(side)) return side
  return { ...(side.range ?? ANY_IPV4), ...(side.traffic ?? ANY_PROTOCOL) }
}

function blockEnd(first: bigint, freeBits: number): bigint {
  return first + (1n << BigInt(freeBits)) - 1n
}

function blockStart(first: bigint, freeBits: number): boolean {
  return first % (1n << BigInt(freeBits)) === 0n
}

type Range = Pick<TrafficSelector, 'family' | 'start' | 'end'>
/** Absent parts were `any` or not said. */
type Side = {
  readonly range?: Range | undefined
  readonly traffic?: ProtocolAndPorts | undefined
}

function pair(text: string, local: Side, remote: Side): SelectorPair | TextProblem {
  const localRange = local.range ?? everything(remote.range)
  const remoteRange = remote.range ?? everything(local.range)
  if (localRange.family !== remoteRange.family)
    return textProblem(text, 'one side is IPv4 and the other IPv6: no packet can have both')
  const localTraffic = local.traffic ?? sameProtocol(remote.traffic)
  const remoteTraffic = remote.traffic ?? sameProtocol(local.traffic)
  if (localTraffic.protocol !== remoteTraffic.protocol)
    return textProblem(
      text,
      `one side says ${formatIpProtocol(localTraffic.protocol)} and the other ${formatIpProtocol(remoteTraffic.protocol)}: a packet has one protocol`,
    )
  return {
    local: { ...localRange, ...localTraffic },
    remote: { ...remoteRange, ...remoteTraffic },
  }
}

function parseSide(text: string): Side | TextProblem {
  const match = /^(\S+(?:\s*-\s*[0-9a-f:.]*[:.][0-9a-f:.]*)?)(?:\s+(\S.*))?$/i.exec(text)
  const [, addresses = '', protocol] = match ?? []
  const range = /^any$/i.test(addresses) ? undefined : parseRange(addresses)
  if (isTextProblem(range)) return range
  if (protocol === undefined) return { range }
  const traffic = parseTraffic(protocol)
  return isTextProblem(traffic) ? traffic : { range, traffic }
}

function parseRange(text: string): Range | TextProblem {
  const dash = text.indexOf('-')
  if (dash >= 0) return parseFromTo(text.slice(0, dash).trim(), text.slice(dash + 1).trim())
  const [base = '', bitsText, ...more] = text.split('/')
  const address = parseIp(base)
  if (address === undefined || more.length > 0) return notAnAddress(more.length > 0 ? text : base)
  const most = addressBits(ipFamily(address))
  const bits = bitsText === undefined ? most : prefixBits(bitsText)
  if (bits === undefined || bits > most)
    return textProblem(`/${bitsText}`, `"/${bitsText}" is not a prefix length from 0 to ${most}`)
  return withoutHostBits(text, address, bits)
}

function withoutHostBits(text: string, address: IpAddress, bits: number): Range | TextProblem {
  const { family, start, end } = selectorFromPrefix(address, bits)
  if (start === address) return { family, start, end }
  return textProblem(text, `${address} is one address inside ${start}/${bits}`, {
    nearest: `${start}/${bits}`,
    hints: [`or write ${address} for that address alone`],
  })
}

function parseFromTo(from: string, to: string): Range | TextProblem {
  const start = parseIp(from)
  if (start === undefined) return notAnAddress(from)
  const end = parseIp(to)
  if (end === undefined) return notAnAddress(to)
  if (ipFamily(start) !== ipFamily(end))
    return textProblem(`${from}-${to}`, `${from} and ${to} are not of one address family`)
  if (ipToBigInt(start) > ipToBigInt(end))
    return textProblem(`${from}-${to}`, `${to} comes before ${from}`, { nearest: `${to}-${from}` })
  return { family: ipFamily(start), start, end }
}

function parseTraffic(text: string): ProtocolAndPorts | TextProblem {
  const [, name = '', ports] = /^([^\s/:]+)(?:\s*[/:\s]\s*(\S.*))?$/.exec(text) ?? []
  const protocol = parseIpProtocol(name)
  if (protocol === undefined)
    return textProblem(name || text, `there is no IP protocol "${name || text}"`, {
      nearest: nearestName(name, IP_PROTOCOLS.keys()),
      hints: ['a name such as tcp, or a number from 0 to 255'],
    })
  if (ports === undefined || /^any$/i.test(ports)) return { ...ANY_PROTOCOL, protocol }
  if (!hasPorts(protocol))
    return textProblem(ports, `${formatIpProtocol(protocol)} has no ports`, {
      hints: ['ports belong to tcp, udp, sctp, dccp and udplite'],
    })
  return parsePorts(protocol, ports)
}

function parsePorts(protocol: number, text: string): ProtocolAndPorts | TextProblem {
  const [, from = '', to = from] = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(text) ?? []
  const [startPort, endPort] = [Number(from), Number(to)]
  if (from === '' || startPort < 1 || endPort > 0xffff)
    return textProblem(text, `"${text}" is not a port or range of ports from 1 to 65535`)
  if (startPort > endPort)
    return textProblem(text, `port ${to} comes before ${from}`, { nearest: `${to}-${from}` })
  return { protocol, startPort, endPort }
}

function notAnAddress(text: string): TextProblem {
  return textProblem(text, `"${text}" is not an IP address`, {
    hints: ['written for example 10.1.0.0/16, 10.1.0.5, 10.1.0.5-10.1.0.9, 2001:db8::/32, any'],
  })
}

function prefixBits(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined
}

function everything(other: Range | undefined): Range {
  return other?.family === 6 ? ANY_IPV6 : ANY_IPV4
}

function sameProtocol(other: ProtocolAndPorts | undefined): ProtocolAndPorts {
  return other === undefined ? ANY_PROTOCOL : { ...ANY_PROTOCOL, protocol: other.protocol }
}

function formatRange(selector: TrafficSelector): string {
  if (selector.start === selector.end) return selector.start
  const [prefix, ...more] = selectorToPrefixes(selector)
  if (prefix !== undefined && more.length === 0) return `${prefix.address}/${prefix.bits}`
  return `${selector.start}-${selector.end}`
}

function formatTraffic(traffic: ProtocolAndPorts): string {
  const { protocol, startPort, endPort } = traffic
  if (isAnyPort(traffic)) return protocol === 0 ? '' : formatIpProtocol(protocol)
  const ports = startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`
  return `${formatIpProtocol(protocol)}/${ports}`
}

function isAnyPort({ startPort, endPort }: ProtocolAndPorts): boolean {
  return startPort === 0 && endPort === 0xffff
}

const ANY_IPV4: Range = rangeOf(0n, 4)
const ANY_IPV6: Range = rangeOf(0n, 6)

function rangeOf(address: bigint, family: 4 | 6): Range {
  const { start, end } = selectorFromPrefix(ipFromBigInt(address, family), 0)
  return { family, start, end }
}
