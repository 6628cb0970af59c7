import type { TunnelConfig } from '#config/config'
import type { EspSpi } from '#esp/sa'
import type { ChildTable } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { PairFacts, TunnelSnapshot } from './events.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { NegotiationFailures } from './negotiation-failures.ts'
import type { IkeSa } from './version.ts'

/** The network pairs of a tunnel that should have a Child SA. */
export type Wanted = 'all' | ReadonlySet<number>

/** Wanted network pairs without a Child SA; `pairs` is how many the tunnel has. */
export function missingPairs(
  wanted: Wanted,
  pairs: number,
  children: ChildTable,
): readonly number[] {
  const all = wanted === 'all' ? Array.from({ length: pairs }, (_, pair) => pair) : [...wanted]
  return all.filter((pair) => children.active(pair) === undefined)
}

/** A Child SA to negotiate; `rekeyOf` is the inbound SPI of the one it renews. */
export type ChildToOpen = { readonly pair: number; readonly rekeyOf: EspSpi | undefined }

/** What is due for renewal, then what is missing, less what is under way (`busy`) or has failed just now. */
export function childrenToOpen(
  sa: IkeSa,
  missing: readonly number[],
  { children, failures }: Omit<Standing, 'ikeSas'>,
  busy: ReadonlySet<number>,
  now: Instant,
): readonly ChildToOpen[] {
  const due = children.actives.filter((child) => failures.looks.renewalAt(child) <= now)
  const renewals = due.map(({ facts }) => ({ pair: facts.child.pair, rekeyOf: facts.inboundSpi }))
  const establishedAt = sa.facts()?.establishedAt ?? now
  const peersTurn = sa.role === 'responder' && now < establishedAt + INITIATOR_GOES_FIRST
  const openings = peersTurn ? [] : missing.map((pair) => ({ pair, rekeyOf: undefined }))
  return [...renewals, ...openings].filter(
    ({ pair }) => !busy.has(pair) && failures.retryAt(pair) <= now,
  )
}

/** What a tunnel is called, by what there is of it. */
export function stateOf(
  children: ChildTable,
  ikeSas: IkeSaSet,
  stopped: boolean,
): TunnelSnapshot['state'] {
  if (children.all.length > 0) return 'up'
  if (stopped) return 'stopped'
  return ikeSas.all.length > 0 ? 'connecting' : 'down'
}

/**
 * How each network pair fares. What only the peer opens (`start: respond`) has failed when it was refused: that the peer wants it, it has said.
 */
export function pairFacts(
  {
    config,
    children,
    ikeSas,
    failures,
  }: Standing & { readonly config: Pick<TunnelConfig, 'networks' | 'start'> },
  wanted: Wanted,
  stopped: boolean,
  now: Instant,
): readonly PairFacts[] {
  const busy = underWay(ikeSas)
  return config.networks.map((_, pair) => {
    const failure = failures.ofPair(pair)
    const told = failure === undefined ? {} : { failure }
    if (children.active(pair) !== undefined) return { state: 'up', ...told }
    const isOurs = wanted === 'all' || wanted.has(pair)
    const isPeers = config.start === 'respond' && !stopped
    const retryAt = failures.retryAt(pair)
    const next = isOurs && retryAt > now ? { retryAt } : {}
    if (failure !== undefined && (isOurs || isPeers)) return { state: 'failed', failure, ...next }
    return { state: isOurs || busy.has(pair) ? 'connecting' : 'idle', ...told, ...next }
  })
}

/** What there is of a tunnel. */
type Standing = {
  readonly children: ChildTable
  readonly ikeSas: IkeSaSet
  readonly failures: NegotiationFailures
}

/** The network pairs under negotiation, whoever began. */
export function underWay(ikeSas: IkeSaSet): ReadonlySet<number> {
  return new Set(ikeSas.all.flatMap((one) => one.negotiating().map(({ pair }) => pair)))
}

/** Both sides want the same Child SAs; for so many milliseconds who made the IKE SA opens them. */
export const INITIATOR_GOES_FIRST = 5_000
