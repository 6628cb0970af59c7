import { formatDuration } from '#policy/lifetime'
import { formatPfs, type Pfs } from '#policy/proposal'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { groupNumber } from './words.ts'

/** What one product can be told, of all that we can. `say` goes by hand. */
export type Limited<T> = { readonly value: T; readonly say: readonly string[] }

/** A lifetime within what the product takes: the shorter of both ends holds anyway. */
export function lifetimeWithin(
  who: string,
  phase: 1 | 2,
  seconds: number,
  [least, most]: readonly [number, number],
): Limited<number> {
  const value = Math.min(most, Math.max(least, seconds))
  if (value === seconds) return { value, say: [] }
  const bound =
    value === most ? `at most ${formatDuration(most)}` : `at least ${formatDuration(least)}`
  return {
    value,
    say: [`${who} takes ${bound} in phase ${phase}; ours is ${formatDuration(seconds)}.`],
  }
}

/** The number of the PFS group; undefined for none, and where the product does not have it. */
export function pfsWithin(
  who: string,
  pfs: Pfs,
  groups: readonly number[],
): Limited<number | undefined> {
  if (pfs === 'none') return { value: undefined, say: [] }
  const group = groupNumber(pfs)
  if (groups.includes(group)) return { value: group, say: [] }
  return {
    value: undefined,
    say: [
      `${who} has no ${formatPfs(pfs)} for PFS, which is left off below: agree on another group first, such as group14.`,
    ],
  }
}

/** Several ports, but not all of them. */
function isPortRange({ startPort, endPort }: TrafficSelector): boolean {
  return startPort !== endPort && (startPort > 0 || endPort < 65_535)
}

/** Where the product knows one port or all. */
export function onePortOnly(who: string, pairs: readonly SelectorPair[]): readonly string[] {
  return pairs.flatMap(({ local, remote }, i) =>
    isPortRange(local) || isPortRange(remote)
      ? [`Pair ${i + 1} has a range of ports, and ${who} knows one port or all: agree on that.`]
      : [],
  )
}

/** Where the product knows addresses and nothing more. */
export function wholeNetworksOnly(who: string, pairs: readonly SelectorPair[]): readonly string[] {
  return pairs.flatMap(({ local }, i) =>
    local.protocol === 0
      ? []
      : [`Pair ${i + 1} has a protocol, and ${who} agrees on whole networks: agree on that.`],
  )
}
