import { formatDuration } from '#policy/lifetime'
import {
  type EspSuite,
  formatEspSuite,
  formatIkeSuite,
  formatPfs,
  type IkeSuite,
  type Pfs,
} from '#policy/proposal'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { groupNumber, nothingFits } from './words.ts'

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

/** A suite of ours, and what the product calls it; undefined where it does not have it. */
type Named<Suite> = { readonly suite: Suite; readonly words: unknown }

/** What the product has no words for, and what to do where that is all of a phase. */
export function lackingSuites(
  who: string,
  phase1: readonly Named<IkeSuite>[],
  phase2: readonly Named<EspSuite>[],
): readonly string[] {
  const isNamed = ({ words }: { readonly words: unknown }) => words !== undefined
  return [
    ...nothingFits(1, phase1.filter(isNamed), 'aes256-sha256-group14'),
    ...nothingFits(2, phase2.filter(isNamed), 'aes256-sha256, pfs group14'),
    ...phase1.flatMap((one) =>
      isNamed(one) ? [] : [`${who} has no ${formatIkeSuite(one.suite)} in phase 1.`],
    ),
    ...phase2.flatMap((one) =>
      isNamed(one) ? [] : [`${who} has no ${formatEspSuite(one.suite)} in phase 2.`],
    ),
  ]
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
