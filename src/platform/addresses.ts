import { type IpAddress, ipFamily } from '#bytes/ip'
import { EADDRNOTAVAIL, ENODEV, SystemError } from './errno.ts'
import type { Netlink } from './netlink.ts'
import { NLM_F_CREATE, NLM_F_REPLACE } from './netlink.ts'
import { Attributes, NetlinkRequest, viewOf } from './netlink-message.ts'
import { AF_INET, AF_INET6 } from './socket-address.ts'

/** An address that an interface of this machine has. */
export type InterfaceAddress = {
  readonly link: number
  readonly address: IpAddress
  readonly prefixLength: number
}

/** Of both families. */
export function listAddresses(netlink: Netlink): InterfaceAddress[] {
  const messages = netlink.dump(
    new NetlinkRequest(RTM_GETADDR, 0, header(0, 0, 0)),
    'list addresses',
  )
  return messages.flatMap(({ body }) => {
    const attributes = new Attributes(body, HEADER_OCTETS)
    // On a point-to-point link IFA_ADDRESS is the other end's (rtnetlink(7)).
    const address = attributes.address(IFA_LOCAL) ?? attributes.address(IFA_ADDRESS)
    const link = viewOf(body).getUint32(4, true)
    return address === undefined ? [] : [{ link, address, prefixLength: body[1] ?? 0 }]
  })
}

/** Adds it, without a route to its prefix and without waiting for duplicate detection; one that is there already stays. */
export function addAddress(
  netlink: Netlink,
  { link, address, prefixLength }: InterfaceAddress,
): void {
  const flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE
  const request = new NetlinkRequest(
    RTM_NEWADDR,
    NLM_F_CREATE | NLM_F_REPLACE,
    header(familyNumber(address), prefixLength, link),
  )
    .address(IFA_LOCAL, address)
    .address(IFA_ADDRESS, address)
    .uint32(IFA_FLAGS, flags)
  netlink.request(request, 'add address', `${address}/${prefixLength}`)
}

/** An address that is gone already, with its interface or alone, is no error. */
export function removeAddress(
  netlink: Netlink,
  { link, address, prefixLength }: InterfaceAddress,
): void {
  try {
    const request = new NetlinkRequest(
      RTM_DELADDR,
      0,
      header(familyNumber(address), prefixLength, link),
    )
      .address(IFA_LOCAL, address)
      .address(IFA_ADDRESS, address)
    netlink.request(request, 'remove address', `${address}/${prefixLength}`)
  } catch (error) {
    const gone = error instanceof SystemError && [EADDRNOTAVAIL, ENODEV].includes(error.errno)
    if (!gone) throw error
  }
}

function familyNumber(address: IpAddress): number {
  return ipFamily(address) === 4 ? AF_INET : AF_INET6
}

/** `struct ifaddrmsg`: family 0, prefix length 1, flags 2, scope 3, interface 4. */
function header(family: number, prefixLength: number, link: number): Uint8Array {
  const octets = Uint8Array.of(family, prefixLength, 0, 0, 0, 0, 0, 0)
  viewOf(octets).setUint32(4, link, true)
  return octets
}

const HEADER_OCTETS = 8
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_NODAD = 0x02
const IFA_F_NOPREFIXROUTE = 0x200
