import type { TunnelConfig } from '#config/config'
import type { Instant } from '#ike/effects'
import type { IkeContext } from '#ike/version'

/** Dead peer detection (RFC 3706): asks only when nothing was heard for a while, and gives up after a set time of silence. */
export class DeadPeerWatch {
  readonly #limits: TunnelConfig['deadPeer']
  #aliveAt: Instant
  #sequence: number
  /** The number of the last one that asked for a sign of life. */
  #lastProbe: number | undefined
  #unanswered = 0
  #lastProbeAt: Instant

  constructor(limits: TunnelConfig['deadPeer'], { now, crypto }: IkeContext) {
    this.#limits = limits
    this.#aliveAt = now
    this.#lastProbeAt = now
    // RFC 3706 §6.2: a random start, high bit clear so that it does not wrap.
    this.#sequence = numberOf(crypto.random(4)) & 0x7fffffff
  }

  get aliveAt(): Instant {
    return this.#aliveAt
  }

  /** A fresh, authenticated message came, or ESP did. */
  heard(at: Instant): void {
    if (at <= this.#aliveAt) return
    this.#aliveAt = at
    this.#unanswered = 0
  }

  probeDue(now: Instant): boolean {
    return this.#nextProbeAt() <= now
  }

  isDead(now: Instant): boolean {
    return this.#unanswered >= LEAST_PROBES && now >= this.#aliveAt + this.#limits.giveUpAfter
  }

  deadline(): Instant {
    const deadAt =
      this.#unanswered >= LEAST_PROBES
        ? this.#aliveAt + this.#limits.giveUpAfter
        : Number.POSITIVE_INFINITY
    return Math.min(this.#nextProbeAt(), deadAt)
  }

  /** @returns the data of the R-U-THERE that is sent now: its sequence number. */
  nextProbe(now: Instant): Uint8Array {
    this.#sequence = (this.#sequence + 1) >>> 0
    this.#lastProbe = this.#sequence
    this.#unanswered++
    this.#lastProbeAt = now
    return sequenceOctets(this.#sequence)
  }

  /** The sequence number of an R-U-THERE that asks about the path: when it is lost, that says nothing of the peer. */
  pathProbe(): { readonly number: number; readonly octets: Uint8Array } {
    this.#sequence = (this.#sequence + 1) >>> 0
    return { number: this.#sequence, octets: sequenceOctets(this.#sequence) }
  }

  /** @returns milliseconds since the question this acknowledges, or undefined when it answers none of ours. */
  roundTrip(data: Uint8Array, now: Instant): number | undefined {
    return data.length === 4 && numberOf(data) === this.#lastProbe
      ? now - this.#lastProbeAt
      : undefined
  }

  /** After `probeEvery` of silence; once it is quiet, often enough for several tries before giving up. */
  #nextProbeAt(): Instant {
    const { probeEvery, giveUpAfter } = this.#limits
    if (this.#unanswered === 0) return Math.max(this.#aliveAt, this.#lastProbeAt) + probeEvery
    return (
      this.#lastProbeAt +
      Math.min(probeEvery, Math.max(1_000, (giveUpAfter - probeEvery) / (LEAST_PROBES + 1)))
    )
  }
}

export function numberOf(octets: Uint8Array): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0)
}

function sequenceOctets(sequence: number): Uint8Array {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, sequence)
  return octets
}

/** One lost datagram must not make a peer dead. */
const LEAST_PROBES = 3
