import type { Crypto } from '#crypto/port'
import type { Instant } from '#ike/effects'
import { lifeOf, volumeOf } from '#ike/lifetimes'
import type { Lifetime } from '#policy/proposal'

/** How long an ISAKMP SA serves, in time and in volume; what its responder says later can only shorten it. */
export class SaLife {
  readonly #role: 'initiator' | 'responder'
  readonly #since: Instant
  #lifetime: Lifetime
  #time: ReturnType<typeof lifeOf>
  #volume: ReturnType<typeof volumeOf>['volume']

  constructor(lifetime: Lifetime, role: 'initiator' | 'responder', since: Instant, crypto: Crypto) {
    this.#role = role
    this.#since = since
    this.#lifetime = lifetime
    this.#time = lifeOf(lifetime.seconds, role, since, crypto)
    this.#volume = volumeOf(lifetime.kilobytes, role, crypto).volume
  }

  get lifetime(): Lifetime {
    return this.#lifetime
  }

  get rekeyAt(): Instant {
    return this.#time.rekeyAt
  }

  get expiresAt(): Instant {
    return this.#time.expiresAt
  }

  /** Whether so many octets under its keys are nearly all it may carry. */
  isWornBy(octets: number): boolean {
    return octets >= (this.#volume?.soft ?? Number.POSITIVE_INFINITY)
  }

  isSpentBy(octets: number): boolean {
    return octets >= (this.#volume?.hard ?? Number.POSITIVE_INFINITY)
  }

  /** Takes over what `lifetime` has left of the one before. */
  shorten(lifetime: Lifetime, crypto: Crypto): void {
    const { seconds, kilobytes } = this.#lifetime
    this.#lifetime = lifetime
    if (lifetime.seconds !== seconds)
      this.#time = lifeOf(lifetime.seconds, this.#role, this.#since, crypto)
    if (lifetime.kilobytes !== kilobytes)
      this.#volume = volumeOf(lifetime.kilobytes, this.#role, crypto).volume
  }
}
