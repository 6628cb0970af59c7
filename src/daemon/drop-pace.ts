import type { Instant } from '#ike/effects'
import type { Event } from '#ike/events'

/**
 * Which events whoever follows them is told at once. Of datagrams dropped anyone can make there be so many that a follower is cut off for
 * not reading them all: of those, only the first in each second. All are counted, and the journal keeps the last.
 */
export class DropPace {
  #second = Number.NEGATIVE_INFINITY
  #told = 0

  allows(event: Event, now: Instant): boolean {
    if (event.kind !== 'dropped') return true
    if (now - this.#second >= 1_000) {
      this.#second = now
      this.#told = 0
    }
    this.#told++
    return this.#told <= MOST_A_SECOND
  }
}

const MOST_A_SECOND = 20
