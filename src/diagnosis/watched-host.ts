import type { IpAddress } from '#bytes/ip'
import type { Instant } from '#ike/effects'

export type WatchInput =
  /** The time to ask has come. `source` is an address of ours that may ask; absent where no SA takes the question. */
  | { readonly kind: 'due'; readonly source: IpAddress | undefined }
  | { readonly kind: 'answered'; readonly id: number }

export type WatchEffect = { readonly kind: 'ask'; readonly id: number; readonly source: IpAddress }

/** What is known of a host behind a tunnel that is asked whether it is there. */
export type WatchedHostFacts = {
  readonly target: IpAddress
  /** Of the latest echoes, sixty at most. */
  readonly asked: number
  readonly lost: number
  /** Milliseconds, of the latest answer. */
  readonly roundTrip?: number
  readonly answeredAt?: Instant
  /** When the first of several in a row was sent that nobody answered; absent while it answers. */
  readonly silentSince?: Instant
}

/** Asks one host again and again, and knows since when it has been silent. */
export class WatchedHost {
  readonly target: IpAddress
  #outcomes: readonly ('answered' | 'lost')[] = []
  #lostInRow = 0
  #firstLost: Instant = 0
  #pending: { readonly id: number; readonly at: Instant } | undefined
  #lastId = 0
  #answer: { readonly at: Instant; readonly roundTrip: number } | undefined

  constructor(target: IpAddress) {
    this.target = target
  }

  handle(input: WatchInput, now: Instant): readonly WatchEffect[] {
    switch (input.kind) {
      case 'answered':
        this.#answered(input.id, now)
        return []
      case 'due':
        return this.#due(input.source, now)
    }
  }

  get facts(): WatchedHostFacts {
    const { target } = this
    return {
      target,
      asked: this.#outcomes.length,
      lost: this.#outcomes.filter((outcome) => outcome === 'lost').length,
      ...(this.#answer === undefined
        ? {}
        : { roundTrip: this.#answer.roundTrip, answeredAt: this.#answer.at }),
      ...(this.#lostInRow < SILENT_AFTER ? {} : { silentSince: this.#firstLost }),
    }
  }

  #answered(id: number, now: Instant): void {
    const pending = this.#pending
    if (pending?.id !== id) return
    this.#pending = undefined
    this.#lostInRow = 0
    this.#answer = { at: now, roundTrip: now - pending.at }
    this.#keep('answered')
  }

  #due(source: IpAddress | undefined, now: Instant): readonly WatchEffect[] {
    if (source === undefined) {
      // What was asked through an SA that is gone says nothing of the host.
      this.#pending = undefined
      this.#lostInRow = 0
      return []
    }
    const pending = this.#pending
    if (pending !== undefined) {
      if (this.#lostInRow === 0) this.#firstLost = pending.at
      this.#lostInRow++
      this.#keep('lost')
    }
    const id = (this.#lastId + 1) % ID_LIMIT
    this.#lastId = id
    this.#pending = { id, at: now }
    return [{ kind: 'ask', id, source }]
  }

  #keep(outcome: 'answered' | 'lost'): void {
    this.#outcomes = [...this.#outcomes, outcome].slice(-KEPT)
  }
}

const KEPT = 60
/** A single lost packet says nothing. */
const SILENT_AFTER = 3
/** ICMP echo has 16 bits for it. */
const ID_LIMIT = 0x1_0000
