import type { Instant } from '#ike/effects'
import type { Event } from '#ike/events'
import type { Clock } from './clock.ts'

type Times = {
  readonly establishedAt: Instant
  readonly rekeyAt: Instant
  readonly expiresAt: Instant
}

/** The event with its instants as milliseconds since 1970, which mean something outside this process. */
export function wallEvent(event: Event, clock: Clock): Event {
  const wall = (at: Instant) => Math.round(clock.wall(at).getTime())
  const times = <T extends Times>(facts: T): T => ({
    ...facts,
    establishedAt: wall(facts.establishedAt),
    rekeyAt: wall(facts.rekeyAt),
    expiresAt: wall(facts.expiresAt),
  })
  switch (event.kind) {
    case 'ike-sa-established':
      return { ...event, ikeSa: times(event.ikeSa) }
    case 'child-sa-established':
      return { ...event, childSa: times(event.childSa) }
    case 'negotiation-failed':
      return event.retryAt === undefined ? event : { ...event, retryAt: wall(event.retryAt) }
    default:
      return event
  }
}
