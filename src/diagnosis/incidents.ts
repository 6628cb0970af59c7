import type { TunnelConfig } from '#config/config'
import type { Instant } from '#ike/effects'
import type { ChildSaFacts, Event, Failure } from '#ike/events'
import {
  bothRenewed,
  deletedByPeer,
  fights,
  peerRestarted,
  peerSilent,
  volumeUsedUp,
} from './incident-failures.ts'

type EspSpi = ChildSaFacts['inboundSpi']

/** Something that happened to a tunnel that had been working; `lasted` milliseconds, once it works again. */
export type Incident = { readonly at: Instant; readonly failure: Failure; readonly lasted?: number }

/** What the moment of an event adds to it. */
export type IncidentContext = {
  readonly now: Instant
  readonly tunnel: TunnelConfig
  /** When the peer was last heard, by IKE or ESP. */
  readonly heardAt: Instant | undefined
  /** When a packet last passed, either way. */
  readonly carriedAt: Instant | undefined
  /** Octets of inner packets an SA of ours has carried, the larger of its two directions. */
  readonly octetsOf: (inboundSpi: EspSpi, outboundSpi: EspSpi) => number
  /** A time of day. */
  readonly clockText: (at: Instant) => string
}

type Child = Pick<ChildSaFacts, 'establishedAt' | 'lifetime' | 'outboundSpi'> & {
  readonly pair: number
  /** When it came up, and whether in the place of another. */
  readonly at: Instant
  readonly isRenewal: boolean
}

/** Makes of one tunnel's events what an operator asks afterwards: why did it break, since when, for how long. */
export class Incidents {
  readonly #children = new Map<EspSpi, Child>()
  #history: readonly Incident[] = []
  /** Moments at which a Child SA came up that replaced none, and at which the peer deleted the last one of its pair. */
  #opened: readonly Instant[] = []
  #deleted: readonly Instant[] = []
  #collisions: readonly Instant[] = []

  get history(): readonly Incident[] {
    return this.#history
  }

  /** @returns what is to be told now: an incident, or that one is over. */
  take(event: Event, context: IncidentContext): readonly Event[] {
    switch (event.kind) {
      case 'child-sa-established':
        return this.#established(event, context)
      case 'child-sa-closed':
        return this.#closed(event, context)
      case 'ike-sa-closed':
        if (event.why === 'dead-peer') return this.#tell(peerSilent(context), context)
        // With Child SAs it is told of those: whether others have already taken their place.
        if (event.why !== 'peer-restarted' || this.#children.size > 0) return []
        return this.#tell(peerRestarted(context.tunnel), context)
      default:
        return []
    }
  }

  #established(
    { childSa, rekeyOf }: Extract<Event, { kind: 'child-sa-established' }>,
    context: IncidentContext,
  ): readonly Event[] {
    const { now } = context
    const told: Event[] = []
    const before = rekeyOf === undefined ? undefined : this.#children.get(rekeyOf)
    if (rekeyOf !== undefined && before !== undefined) {
      const used = volumeUsedUp(
        before,
        now,
        context.octetsOf(rekeyOf, before.outboundSpi),
        context.tunnel,
      )
      if (used !== undefined) told.push(...this.#tell(used, context))
      // The second of two renewals takes over from the first; one whose volume is gone was renewed for that.
      else if (before.isRenewal && now - before.at < TOGETHER) {
        this.#collisions = [...lately(this.#collisions, now, HOUR), now]
        told.push(...this.#tell(bothRenewed(context.tunnel, this.#collisions.length), context))
      }
    }
    if (rekeyOf === undefined) this.#opened = [...lately(this.#opened, now, MINUTE), now]
    const { pair } = childSa.child
    const { establishedAt, lifetime, outboundSpi } = childSa
    const isRenewal = rekeyOf !== undefined
    const child = { pair, establishedAt, lifetime, outboundSpi, at: now, isRenewal }
    this.#children.set(childSa.inboundSpi, child)
    return [...told, ...this.#over(context)]
  }

  #closed(
    { inboundSpi, why }: Extract<Event, { kind: 'child-sa-closed' }>,
    context: IncidentContext,
  ): readonly Event[] {
    const { now, tunnel } = context
    const child = this.#children.get(inboundSpi)
    this.#children.delete(inboundSpi)
    if (child === undefined) return []
    const served = [...this.#children.values()].some(({ pair }) => pair === child.pair)
    if (why === 'peer-restarted') return this.#tell(peerRestarted(tunnel), context, served)
    if (why !== 'peer-deleted' || served) return []
    this.#deleted = [...lately(this.#deleted, now, MINUTE), now]
    const times = Math.min(this.#deleted.length, lately(this.#opened, now, MINUTE).length)
    if (times >= FIGHT) return this.#tell(fights(tunnel, times), context)
    return this.#tell(deletedByPeer(child, context), context)
  }

  /** Once while it lasts: several SAs end together. */
  #tell(
    failure: Failure,
    { now, tunnel }: IncidentContext,
    passing: boolean = PASSING.has(failure.code),
  ): readonly Event[] {
    const last = this.#history.at(-1)
    if (last?.failure.code === failure.code && now - last.at < TOGETHER) return []
    const incident: Incident = { at: now, failure, ...(passing ? { lasted: 0 } : {}) }
    this.#history = [...this.#history, incident].slice(-MOST_KEPT)
    return [{ kind: 'incident', tunnel: tunnel.name, failure }]
  }

  #over({ now, tunnel }: IncidentContext): readonly Event[] {
    const open = this.#history.filter(({ lasted }) => lasted === undefined)
    if (open.length === 0) return []
    this.#history = this.#history.map((incident) =>
      incident.lasted === undefined ? { ...incident, lasted: now - incident.at } : incident,
    )
    return open.map(({ failure, at }) => ({
      kind: 'recovered',
      tunnel: tunnel.name,
      code: failure.code,
      lasted: now - at,
    }))
  }
}

function lately(moments: readonly Instant[], now: Instant, span: number): readonly Instant[] {
  return moments.filter((at) => now - at < span)
}

/** What leaves the tunnel up. */
const PASSING: ReadonlySet<string> = new Set(['CW-604', 'CW-605'])
const MOST_KEPT = 20
/** Closings and openings within a minute that are no accident any more. */
const FIGHT = 5
/** Milliseconds. */
const TOGETHER = 5_000
const MINUTE = 60_000
const HOUR = 3_600_000
