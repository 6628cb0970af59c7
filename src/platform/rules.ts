import type { IpAddress, IpFamily } from '#bytes/ip'
import { EEXIST, ENOENT, SystemError } from './errno.ts'
import { type Netlink, NLM_F_CREATE, NLM_F_EXCL } from './netlink.ts'
import { Attributes, NetlinkRequest, viewOf } from './netlink-message.ts'
import { AF_INET, AF_INET6 } from './socket-address.ts'

/** A rule of policy routing: packets that match it are looked up in `table`. */
export type Rule = {
  readonly family: IpFamily
  /** Lower ones are asked first; the main table is asked at 32766. */
  readonly priority: number
  readonly table: number
  readonly mark?: { readonly value: number; readonly mask: number }
  /** The rule applies to packets that do not match. */
  readonly inverted: boolean
  /** Who made it; ours are found again by it. Kernels before 4.17 do not keep it. */
  readonly protocol: number
  /** Routes in the table with at most so long a prefix are ignored; 0 ignores a default route. */
  readonly suppressPrefixLength?: number
  /** One host. */
  readonly destination?: IpAddress
  /** From Linux 4.17 on, as the ports. */
  readonly ipProtocol?: number
  readonly sourcePorts?: PortRange
  readonly destinationPorts?: PortRange
}

/** Inclusive, from 1. */
export type PortRange = { readonly start: number; readonly end: number }

/** A rule that is there already stays as it is. */
export function addRule(netlink: Netlink, rule: Rule): void {
  try {
    netlink.request(
      encode(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule),
      'add rule',
      describe(rule),
    )
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error
  }
}

/** A rule that is gone already is no error. */
export function removeRule(netlink: Netlink, rule: Rule): void {
  try {
    netlink.request(encode(RTM_DELRULE, 0, rule), 'remove rule', describe(rule))
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== ENOENT) throw error
  }
}

/** All rules that send packets to a table. */
export function listRules(netlink: Netlink, family: IpFamily): Rule[] {
  const request = new NetlinkRequest(RTM_GETRULE, 0, header(family, 0, 0))
  return netlink.dump(request, 'list rules').flatMap(({ body }) => decode(body) ?? [])
}

function encode(type: number, flags: number, rule: Rule): NetlinkRequest {
  const fixed = header(rule.family, FR_ACT_TO_TBL, rule.inverted ? FIB_RULE_INVERT : 0)
  const { destination, ipProtocol, sourcePorts, destinationPorts } = rule
  if (destination !== undefined) fixed[1] = hostBits(rule.family)
  const request = new NetlinkRequest(type, flags, fixed)
    .uint32(FRA_PRIORITY, rule.priority)
    .uint32(FRA_TABLE, rule.table)
    .uint8(FRA_PROTOCOL, rule.protocol)
  if (rule.mark !== undefined) {
    request.uint32(FRA_FWMARK, rule.mark.value).uint32(FRA_FWMASK, rule.mark.mask)
  }
  if (rule.suppressPrefixLength !== undefined) {
    request.uint32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength)
  }
  if (destination !== undefined) request.address(FRA_DST, destination)
  if (ipProtocol !== undefined) request.uint8(FRA_IP_PROTO, ipProtocol)
  // `struct fib_rule_port_range`: two u16, read here as one u32 of the same byte order.
  if (sourcePorts !== undefined) request.uint32(FRA_SPORT_RANGE, packedPorts(sourcePorts))
  if (destinationPorts !== undefined) request.uint32(FRA_DPORT_RANGE, packedPorts(destinationPorts))
  return request
}

function decode(body: Uint8Array): Rule | undefined {
  const family = body[0] === AF_INET ? 4 : body[0] === AF_INET6 ? 6 : undefined
  if (family === undefined || body[7] !== FR_ACT_TO_TBL) return undefined
  const attributes = new Attributes(body, HEADER_OCTETS)
  const value = attributes.uint32(FRA_FWMARK)
  const mask = attributes.uint32(FRA_FWMASK)
  const suppress = attributes.uint32(FRA_SUPPRESS_PREFIXLEN)
  const destination = body[1] === hostBits(family) ? attributes.address(FRA_DST) : undefined
  const ipProtocol = attributes.uint8(FRA_IP_PROTO)
  const sourcePorts = attributes.uint32(FRA_SPORT_RANGE)
  const destinationPorts = attributes.uint32(FRA_DPORT_RANGE)
  return {
    family,
    priority: attributes.uint32(FRA_PRIORITY) ?? 0,
    table: attributes.uint32(FRA_TABLE) ?? body[4] ?? 0,
    inverted: (viewOf(body).getUint32(8, true) & FIB_RULE_INVERT) !== 0,
    protocol: attributes.uint8(FRA_PROTOCOL) ?? 0,
    ...(value === undefined ? {} : { mark: { value, mask: mask ?? 0xffff_ffff } }),
    ...(suppress === undefined || suppress === NO_SUPPRESSION
      ? {}
      : { suppressPrefixLength: suppress }),
    ...(destination === undefined ? {} : { destination }),
    ...(ipProtocol === undefined ? {} : { ipProtocol }),
    ...(sourcePorts === undefined ? {} : { sourcePorts: unpackedPorts(sourcePorts) }),
    ...(destinationPorts === undefined
      ? {}
      : { destinationPorts: unpackedPorts(destinationPorts) }),
  }
}

function hostBits(family: IpFamily): number {
  return family === 4 ? 32 : 128
}

function packedPorts({ start, end }: PortRange): number {
  return ((end << 16) | start) >>> 0
}

function unpackedPorts(packed: number): PortRange {
  return { start: packed & 0xffff, end: packed >>> 16 }
}

function describe({ priority, table }: Rule): string {
  return `${priority} to table ${table}`
}

/** `struct fib_rule_hdr`: family 0, destination length 1, source length 2, tos 3, table 4, action 7, flags 8. */
function header(family: IpFamily, action: number, flags: number): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS)
  octets[0] = family === 4 ? AF_INET : AF_INET6
  octets[7] = action
  viewOf(octets).setUint32(8, flags, true)
  return octets
}

const HEADER_OCTETS = 12
const RTM_NEWRULE = 32
const RTM_DELRULE = 33
const RTM_GETRULE = 34
const FR_ACT_TO_TBL = 1
const FIB_RULE_INVERT = 0x2
const FRA_DST = 1
const FRA_PRIORITY = 6
const FRA_FWMARK = 10
const FRA_SUPPRESS_PREFIXLEN = 14
const FRA_TABLE = 15
const FRA_FWMASK = 16
const FRA_PROTOCOL = 21
const FRA_IP_PROTO = 22
const FRA_SPORT_RANGE = 23
const FRA_DPORT_RANGE = 24
const NO_SUPPRESSION = 0xffff_ffff
