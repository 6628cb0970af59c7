import { EAFNOSUPPORT, ENODEV, SystemError } from './errno.ts'
import type { Netlink } from './netlink.ts'
import { Attributes, type NetlinkMessage, NetlinkRequest, viewOf } from './netlink-message.ts'

export type Link = {
  readonly index: number
  readonly name: string
  readonly up: boolean
  /** Administratively up and with carrier. */
  readonly running: boolean
  readonly mtu: number
  /** `tun`, `veth`, …; empty for hardware. */
  readonly kind: string
  readonly alias: string
  /** Packets that the device refused, most of all because its queue was full. */
  readonly transmitDropped: number
}

export type LinkChange = {
  readonly up?: boolean
  readonly mtu?: number
  /** Packets the device queues for us before it drops them; the kernel's default for TUN is 500. */
  readonly transmitQueue?: number
  /** What `ip link` shows beside the device. */
  readonly alias?: string
  /** No link-local address made by the kernel, so no router solicitations into the device. Before it is raised. */
  readonly ipv6LinkLocal?: false
}

/** @returns undefined when there is none of this name. */
export function linkByName(netlink: Netlink, name: string): Link | undefined {
  const request = new NetlinkRequest(RTM_GETLINK, 0, header(0)).text(IFLA_IFNAME, name)
  return findLink(netlink, request, name)
}

export function linkByIndex(netlink: Pick<Netlink, 'request'>, index: number): Link | undefined {
  return findLink(netlink, new NetlinkRequest(RTM_GETLINK, 0, header(index)), `interface ${index}`)
}

export function listLinks(netlink: Netlink): Link[] {
  return netlink.dump(new NetlinkRequest(RTM_GETLINK, 0, header(0)), 'list links').map(decodeLink)
}

/** What is absent in `change` stays as it is. @throws SystemError */
export function changeLink(netlink: Netlink, index: number, change: LinkChange): void {
  const subject = `interface ${index}`
  if (change.ipv6LinkLocal === false) stopIpv6LinkLocal(netlink, index)
  const request = new NetlinkRequest(RTM_NEWLINK, 0, header(index))
  if (change.mtu !== undefined) request.uint32(IFLA_MTU, change.mtu)
  if (change.transmitQueue !== undefined) request.uint32(IFLA_TXQLEN, change.transmitQueue)
  if (change.alias !== undefined) request.text(IFLA_IFALIAS, change.alias)
  netlink.request(request, 'change link', subject)
  if (change.up === undefined) return
  // Apart from the rest: in one message the kernel would raise the device before it has read the attributes.
  const flags = header(index, change.up ? IFF_UP : 0, IFF_UP)
  const call = change.up ? 'raise link' : 'lower link'
  netlink.request(new NetlinkRequest(RTM_NEWLINK, 0, flags), call, subject)
}

function stopIpv6LinkLocal(netlink: Netlink, index: number): void {
  const request = new NetlinkRequest(RTM_NEWLINK, 0, header(index))
  request.nested(IFLA_AF_SPEC, (families) => {
    families.nested(AF_INET6, (inet6) => inet6.uint8(IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_MODE_NONE))
  })
  try {
    netlink.request(request, 'change link', `interface ${index}`)
  } catch (error) {
    // Without IPv6 there is nothing to stop.
    if (!(error instanceof SystemError) || error.errno !== EAFNOSUPPORT) throw error
  }
}

function findLink(
  netlink: Pick<Netlink, 'request'>,
  request: NetlinkRequest,
  subject: string,
): Link | undefined {
  try {
    return netlink.request(request, 'find link', subject).map(decodeLink)[0]
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENODEV) return undefined
    throw error
  }
}

function decodeLink({ body }: NetlinkMessage): Link {
  const view = viewOf(body)
  const attributes = new Attributes(body, HEADER_OCTETS)
  const flags = view.getUint32(8, true)
  return {
    index: view.getInt32(4, true),
    name: attributes.text(IFLA_IFNAME) ?? '',
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0,
    mtu: attributes.uint32(IFLA_MTU) ?? 0,
    kind: attributes.nested(IFLA_LINKINFO)?.text(IFLA_INFO_KIND) ?? '',
    alias: attributes.text(IFLA_IFALIAS) ?? '',
    transmitDropped: statistic(attributes.octets(IFLA_STATS64), TX_DROPPED),
  }
}

/** One of the 64-bit numbers of `struct rtnl_link_stats64`; older and newer kernels have fewer and more of them. */
function statistic(octets: Uint8Array | undefined, index: number): number {
  if (octets === undefined || octets.length < (index + 1) * 8) return 0
  return Number(viewOf(octets).getBigUint64(index * 8, true))
}

/** `struct ifinfomsg`: family 0, type 2, index 4, flags 8, which of them change 12. */
function header(index: number, flags = 0, change = 0): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS)
  const view = viewOf(octets)
  view.setInt32(4, index, true)
  view.setUint32(8, flags, true)
  view.setUint32(12, change, true)
  return octets
}

const HEADER_OCTETS = 16
const AF_INET6 = 10
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const IFF_UP = 0x1
const IFF_RUNNING = 0x40
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_TXQLEN = 13
const IFLA_LINKINFO = 18
const IFLA_IFALIAS = 20
const IFLA_STATS64 = 23
const IFLA_AF_SPEC = 26
const IFLA_INFO_KIND = 1
const IFLA_INET6_ADDR_GEN_MODE = 8
const ADDR_GEN_MODE_NONE = 1
const TX_DROPPED = 7
