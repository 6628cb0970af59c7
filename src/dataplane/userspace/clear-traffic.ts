import type { IpFamily } from '#bytes/ip'
import { SystemError } from '#platform/errno'
import { NETLINK_NETFILTER, withNetlink } from '#platform/netlink'
import { droppedByFilter, PacketFilter } from '#platform/packet-filter'
import { clearTrafficFilter } from './clear-traffic-plan.ts'
import type { PlannedTunnel } from './routing-plan.ts'

const FAMILIES: readonly IpFamily[] = [4, 6]

/**
 * Keeps packets out that come in clear although a network pair protects them (RFC 4301 §5.2). On hosts that have no nf_tables they are
 * left to the reverse path filter, and the log says so.
 */
export class ClearTraffic {
  readonly #warn: (text: string) => void
  /** Told how many packets a filter dropped that stands no longer. */
  readonly #count: (packets: number) => void
  readonly #standing = new Map<IpFamily, string>()
  #filter: PacketFilter | undefined
  #refused = false

  constructor(warn: (text: string) => void, count: (packets: number) => void) {
    this.#warn = warn
    this.#count = count
  }

  /** Makes the filter what these tunnels need. */
  follow(tunnels: readonly PlannedTunnel[]): void {
    if (this.#refused) return
    try {
      for (const family of FAMILIES) this.#followIn(family, tunnels)
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      this.#refused = true
      this.#warn(
        `packets of protected networks that come in clear are not kept out, only the reverse path filter may do it: ${error.message}`,
      )
    }
  }

  /** The kernel takes the tables away with the socket, or, before Linux 5.12, leaves them to the next start. */
  close(): void {
    try {
      for (const family of this.#standing.keys()) this.#filter?.remove(family)
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
    }
    this.#standing.clear()
    this.#filter?.close()
    this.#filter = undefined
  }

  #followIn(family: IpFamily, tunnels: readonly PlannedTunnel[]): void {
    const wanted = clearTrafficFilter(family, tunnels)
    const text = JSON.stringify(wanted)
    if (this.#standing.get(family) === text || (wanted === undefined && this.#filter === undefined))
      return
    this.#filter ??= new PacketFilter(TABLE)
    // The new one counts from 0.
    const dropped = this.#standing.has(family) ? droppedIn([family]) : 0
    if (wanted === undefined) this.#filter.remove(family)
    else this.#filter.replace(wanted)
    this.#count(dropped)
    if (text === undefined) this.#standing.delete(family)
    else this.#standing.set(family, text)
  }
}

/** Packets that the filter which stands now has dropped; 0 where the host does not say. For any thread. */
export function clearPacketsDropped(): number {
  return droppedIn(FAMILIES)
}

function droppedIn(families: readonly IpFamily[]): number {
  try {
    return withNetlink(
      (netlink) =>
        families.reduce((sum, family) => sum + droppedByFilter(netlink, family, TABLE), 0),
      NETLINK_NETFILTER,
    )
  } catch (error) {
    if (error instanceof SystemError) return 0
    throw error
  }
}

const TABLE = 'causeway'
