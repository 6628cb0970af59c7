import type { IpAddress } from '#bytes/ip'
import { listAddresses } from './addresses.ts'
import { EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, EXDEV } from './errno.ts'
import { linkByIndex } from './links.ts'
import { type Netlink, withNetlink } from './netlink.ts'
import { type Decision, decideRoute } from './route-decision.ts'
import { routeTo } from './routes.ts'

/** What the kernel of this host would do with a packet of that source. */
export type KernelView = {
  /** The device it would come in by; absent when this host sends it itself. */
  readonly from?: string
  readonly route:
    | {
        readonly kind: 'leads'
        readonly interfaceName: string
        readonly gateway?: IpAddress
        readonly prefix?: string
      }
    | { readonly kind: 'here' }
    | { readonly kind: 'refused'; readonly why: RouteRefusal }
}

export type RouteRefusal =
  | 'no-route'
  | 'not-forwarded'
  | 'source-validation'
  | 'dropped'
  | 'prohibited'

/** @throws SystemError when the kernel cannot be asked */
export function kernelView(packet: {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly protocol: number
  readonly destinationPort: number
}): KernelView {
  return withNetlink((netlink) => {
    const own = listAddresses(netlink).some(({ address }) => address === packet.source)
    // Where answers would go is where it most likely comes from.
    const inputLink = own ? undefined : routeTo(netlink, packet.source)?.link
    const from = inputLink === undefined ? undefined : nameOf(netlink, inputLink)
    const decision = decideRoute(netlink, { ...packet, inputLink })
    return { ...(from === undefined ? {} : { from }), route: viewOf(netlink, decision) }
  })
}

function viewOf(netlink: Netlink, decision: Decision): KernelView['route'] {
  if (decision.kind === 'refused') {
    return { kind: 'refused', why: REFUSALS.get(decision.errno) ?? 'no-route' }
  }
  if (decision.local) return { kind: 'here' }
  const { gateway, prefix } = decision
  return {
    kind: 'leads',
    interfaceName: nameOf(netlink, decision.link),
    ...(gateway === undefined ? {} : { gateway }),
    ...(prefix === undefined ? {} : { prefix: prefixText(prefix) }),
  }
}

function prefixText(prefix: 'default' | { readonly address: IpAddress; readonly bits: number }) {
  return prefix === 'default' ? prefix : `${prefix.address}/${prefix.bits}`
}

function nameOf(netlink: Netlink, link: number): string {
  return linkByIndex(netlink, link)?.name ?? `device ${link}`
}

const REFUSALS: ReadonlyMap<number, RouteRefusal> = new Map([
  [ENETUNREACH, 'no-route'],
  [EHOSTUNREACH, 'not-forwarded'],
  [EXDEV, 'source-validation'],
  [EINVAL, 'dropped'],
  [EACCES, 'prohibited'],
])
