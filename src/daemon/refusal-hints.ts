import type { Event, Failure, TunnelSnapshot } from '#ike/events'
import { tunnelOf } from './journal.ts'

/** Refusals in clear: shown while the tunnel is not up and nothing better is known. */
export class RefusalHints {
  readonly #hints = new Map<string, Failure>()

  hear(event: Event): void {
    if (event.kind === 'refusal-hinted') this.#hints.set(event.tunnel, event.failure)
    if (ENDS_HINT.has(event.kind)) this.#hints.delete(tunnelOf(event) ?? '')
  }

  over(snapshots: readonly TunnelSnapshot[]): readonly TunnelSnapshot[] {
    return snapshots.map((snapshot) => {
      const hint = this.#hints.get(snapshot.tunnel)
      if (hint === undefined || snapshot.state === 'up') return snapshot
      return { ...snapshot, lastFailure: hint }
    })
  }
}

const ENDS_HINT: ReadonlySet<Event['kind']> = new Set([
  'child-sa-established',
  'negotiation-failed',
])
