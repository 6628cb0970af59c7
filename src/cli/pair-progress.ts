import type { ToldEvent } from '#control/schema'
import type { FailureStatus, NetworkStatus } from '#control/status'

/** The network pairs of a tunnel on their way up: which of them is up, and why another is not. */
export class PairProgress {
  readonly #pairs: Pair[]

  /** @param before as they stood when they were asked for; what had failed is tried anew */
  constructor(before: readonly NetworkStatus[]) {
    this.#pairs = before.map(({ local, remote, state }) => ({
      selectors: { local, remote },
      state: state === 'up' ? 'up' : 'connecting',
    }))
  }

  get areUp(): boolean {
    // In transport mode the one pair there is needs the address of the peer, which a name may not lead to yet.
    return this.#pairs.length > 0 && this.#pairs.every(({ state }) => state === 'up')
  }

  /** Nothing is under way any more. */
  get areSettled(): boolean {
    return this.#pairs.every(({ state }) => state !== 'connecting')
  }

  get networks(): readonly NetworkStatus[] {
    return this.#pairs.map(({ selectors, state, failure, retryAt }) => ({
      ...selectors,
      state,
      ...(retryAt === undefined ? {} : { retryAt: new Date(retryAt).toISOString() }),
      ...(failure === undefined ? {} : { failure }),
    }))
  }

  take({ event, line }: ToldEvent): void {
    if (event.kind === 'child-sa-established') {
      const { child, inboundSpi } = event.childSa
      this.#set(child.pair, { state: 'up', spi: inboundSpi })
    }
    if (event.kind === 'child-sa-closed' && this.#pairs[event.child.pair]?.spi === event.inboundSpi)
      this.#set(event.child.pair, { state: 'connecting' })
    if (event.kind === 'negotiation-failed' && event.pair !== undefined) {
      const { failure, pair, retryAt } = event
      if (this.#pairs[pair]?.state === 'up') return
      const told = line === undefined ? failure : { ...failure, line }
      this.#set(pair, { state: 'failed', failure: told, retryAt })
    }
  }

  /** Fails whatever is still under way, for a reason that is no pair's own. */
  failRest(failure: FailureStatus): void {
    this.#pairs.forEach(({ state }, pair) => {
      if (state === 'connecting') this.#set(pair, { state: 'failed', failure })
    })
  }

  #set(pair: number, now: Omit<Pair, 'selectors'>): void {
    const before = this.#pairs[pair]
    // A reload may have brought pairs that nobody asked for.
    if (before !== undefined) this.#pairs[pair] = { selectors: before.selectors, ...now }
  }
}

type Pair = {
  readonly selectors: Pick<NetworkStatus, 'local' | 'remote'>
  readonly state: 'up' | 'connecting' | 'failed'
  readonly spi?: number
  readonly failure?: FailureStatus
  /** Milliseconds since 1970. */
  readonly retryAt?: number | undefined
}
