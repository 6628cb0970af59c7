import type { Instant } from '#ike/effects'

/** Time as the daemon sees it: one monotonic clock that every thread of the process shares, and the wall clock for people. */
export interface Clock {
  now(): Instant
  /** When `instant` is, or was, on the wall clock as it stands now. */
  wall(instant: Instant): Date
}

// `performance.now()` starts anew in each worker thread; the system's monotonic clock does not.
export const systemClock: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e6,
  wall: (instant) => new Date(Date.now() + instant - systemClock.now()),
}
