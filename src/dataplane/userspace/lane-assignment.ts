import { type IpFamily, ipToBigInt } from '#bytes/ip'
import { type EspSpi, espSpi } from '#esp/sa'
import type { SpiShare } from '#platform/spi-steering'
import type { DataPlaneTunnel } from '../port.ts'

/** Which lane carries which tunnel. */
export type LaneAssignment = {
  readonly lanes: ReadonlyMap<string, number>
  /** Those that should be in one lane and are not, because both were there before anything joined them. */
  readonly apart: readonly (readonly [tunnel: string, other: string])[]
}

/**
 * Tunnels that have to do with each other are carried by one lane: those with one peer, because the kernel joins its datagrams whatever their
 * SPIs, and those whose remote networks overlap, because a packet may be meant for another tunnel than the one it is routed to. Who
 * has a lane keeps it; the others go where the fewest are.
 * @param before the lanes of tunnels that were there already
 */
export function assignLanes(
  tunnels: readonly DataPlaneTunnel[],
  before: ReadonlyMap<string, number>,
  count: number,
): LaneAssignment {
  const lanes = new Map<string, number>()
  const laneOfPeer = new Map<string, number>()
  const load = new Array<number>(count).fill(0)
  const place = (tunnel: DataPlaneTunnel, lane: number): void => {
    lanes.set(tunnel.name, lane)
    laneOfPeer.set(peerOf(tunnel), lane)
    load[lane] = (load[lane] ?? 0) + 1
  }
  for (const tunnel of tunnels) {
    const lane = before.get(tunnel.name)
    if (lane !== undefined) place(tunnel, lane)
  }
  const apart: [string, string][] = []
  for (const group of related(tunnels)) {
    const first = group.find(({ name }) => lanes.has(name))
    const lane = (first === undefined ? undefined : lanes.get(first.name)) ?? leastOf(load)
    for (const tunnel of group) {
      const { name } = tunnel
      // Where both are not to be had, its peer counts for more: what the kernel has joined would be lost.
      if (!lanes.has(name)) place(tunnel, laneOfPeer.get(peerOf(tunnel)) ?? lane)
      if (first !== undefined && lanes.get(name) !== lane) apart.push([name, first.name])
    }
  }
  return { lanes, apart }
}

/** The SPI nearest to the one drawn by which the share's socket is found. */
export function markedSpi(drawn: EspSpi, { index, of }: SpiShare): EspSpi {
  const marked = drawn - (drawn % of) + index
  return espSpi(marked > 0xffff_ffff ? marked - of : marked)
}

function related(tunnels: readonly DataPlaneTunnel[]): readonly (readonly DataPlaneTunnel[])[] {
  const groups = new Groups(tunnels.map(({ name }) => name))
  const byPeer = new Map<string, string>()
  for (const tunnel of tunnels) {
    const { name } = tunnel
    const peer = peerOf(tunnel)
    groups.join(name, byPeer.get(peer) ?? name)
    byPeer.set(peer, name)
  }
  for (const family of [4, 6] as const) joinOverlapping(tunnels, family, groups)
  const byName = new Map(tunnels.map((tunnel) => [tunnel.name, tunnel]))
  return groups.all().map((names) => names.flatMap((name) => byName.get(name) ?? []))
}

/** Those whose peer may come from anywhere may have the same one. */
function peerOf({ remote }: DataPlaneTunnel): string {
  return remote ?? 'any'
}

/** In one walk along the address space: what begins before everything so far has ended overlaps some of it. */
function joinOverlapping(
  tunnels: readonly DataPlaneTunnel[],
  family: IpFamily,
  groups: Groups,
): void {
  const ranges = tunnels
    .filter(({ routes }) => routes === undefined)
    .flatMap(({ name, pairs }) =>
      pairs
        .filter(({ remote }) => remote.family === family)
        .map(({ remote }) => ({
          name,
          start: ipToBigInt(remote.start),
          end: ipToBigInt(remote.end),
        })),
    )
    .sort((a, b) => (a.start < b.start ? -1 : 1))
  let reach: { readonly name: string; readonly end: bigint } | undefined
  for (const range of ranges) {
    if (reach !== undefined && range.start <= reach.end) groups.join(range.name, reach.name)
    if (reach === undefined || range.end > reach.end) reach = range
  }
}

/** Names, joined into groups. */
class Groups {
  readonly #above: Map<string, string>

  constructor(names: readonly string[]) {
    this.#above = new Map(names.map((name) => [name, name]))
  }

  join(a: string, b: string): void {
    this.#above.set(this.#top(a), this.#top(b))
  }

  /** Groups and the names in them, in the order the names were given. */
  all(): readonly (readonly string[])[] {
    const groups = new Map<string, string[]>()
    for (const name of this.#above.keys()) {
      const top = this.#top(name)
      const group = groups.get(top)
      if (group === undefined) groups.set(top, [name])
      else group.push(name)
    }
    return [...groups.values()]
  }

  #top(name: string): string {
    let at = name
    for (let above = this.#above.get(at); above !== undefined && above !== at; ) {
      // Half the way is gone next time.
      const next = this.#above.get(above) ?? above
      this.#above.set(at, next)
      at = next
      above = this.#above.get(at)
    }
    return at
  }
}

function leastOf(values: readonly number[]): number {
  return values.indexOf(Math.min(...values))
}
