import type { TunnelConfig } from '#config/config'
import { NoAgreement } from '#ike/errors'
import { covers, equalSelectorPair, type SelectorPair } from '#policy/traffic-selector'
import { pairServesAnother } from './quick-failures.ts'
import { noSuchSelectors, pairMeant } from './selector-failures.ts'

/** What the active Child SA of a network pair is for; undefined where there is none. */
export type ServedSelectors = (pair: number) => SelectorPair | undefined

/**
 * The network pair an initiator asks for: one that says the same, or, where the tunnel allows less (`narrow`), one that covers what it asks and
 * serves nothing else. Each pair has one Child SA: two parts of it in turn would only displace each other.
 *
 * @throws NoAgreement
 */
export function choosePair(
  tunnel: TunnelConfig,
  asked: SelectorPair,
  served: ServedSelectors,
  vendor?: string,
): number {
  const { networks, narrow } = tunnel
  const same = networks.findIndex((one) => equalSelectorPair(one, asked))
  if (same >= 0) return same
  const wider = [...networks.entries()].filter(
    ([, { local, remote }]) => covers(local, asked.local) && covers(remote, asked.remote),
  )
  if (narrow !== 'allow' || wider.length === 0) {
    const failure = noSuchSelectors(tunnel, asked, vendor)
    throw new NoAgreement('no-selectors', failure, unservedPairMeant(networks, asked, served))
  }
  const others = wider.map(([pair]) => served(pair))
  const free = others.findIndex((other) => other === undefined || equalSelectorPair(other, asked))
  const [pair] = wider[free] ?? []
  if (pair !== undefined) return pair
  const taken = others.filter((other) => other !== undefined)
  throw new NoAgreement('no-selectors', pairServesAnother(tunnel, asked, taken))
}

/** What has its Child SA is hardly what the peer lacks. */
function unservedPairMeant(
  networks: readonly SelectorPair[],
  asked: SelectorPair,
  served: ServedSelectors,
): number | undefined {
  const unserved = networks.filter((_, pair) => served(pair) === undefined)
  const meant = pairMeant(unserved, asked)
  return meant === undefined ? undefined : networks.indexOf(meant)
}
