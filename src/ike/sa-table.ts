import { toHex } from '#bytes/hex'
import { type Endpoint, formatEndpoint } from '#bytes/ip'
import type { IkeHeader } from '#wire/ike-header'
import type { Effect } from './effects.ts'
import type { IkeSa } from './version.ts'

/** IKE SAs by their SPIs. */
export class SaTable {
  readonly #byKey = new Map<string, IkeSa>()
  readonly #keys = new Map<IkeSa, Set<string>>()
  /** SPIs of ours that are worth more than others, and those of the last input. */
  readonly #trusted = new Map<IkeSa, string>()
  readonly #named = new WeakSet<IkeSa>()
  #come: string[] = []
  #gone: string[] = []

  /** The SA a message belongs to: by both SPIs; by the first alone while the other is still unknown to one side. */
  find(header: IkeHeader, remote: Endpoint): IkeSa | undefined {
    const initiatorSpi = toHex(header.initiatorSpi)
    const responderSpi = toHex(header.responderSpi)
    return (
      this.#byKey.get(`${initiatorSpi} ${responderSpi}`) ??
      // A responder that repeats its first message to us, or gives its SPI for the first time.
      (responderSpi === NO_SPI
        ? this.#byKey.get(firstMessageKey(initiatorSpi, remote))
        : this.#byKey.get(`${initiatorSpi} ${NO_SPI}`))
    )
  }

  /** @param from whether a configuration names the peer's address */
  add(sa: IkeSa, remote: Endpoint, from: 'named' | 'anywhere'): void {
    this.#keys.set(sa, new Set())
    if (from === 'named') this.#named.add(sa)
    this.update(sa, remote)
  }

  /** Follows an SA whose SPIs became known. */
  update(sa: IkeSa, remote: Endpoint): void {
    const keys = this.#keys.get(sa)
    if (keys === undefined) return
    const now = [`${sa.initiatorSpi} ${sa.responderSpi}`]
    if (sa.role === 'responder' && keys.size === 0)
      now.push(firstMessageKey(sa.initiatorSpi, remote))
    for (const key of now) {
      keys.add(key)
      this.#byKey.set(key, sa)
    }
    const unknownYet = `${sa.initiatorSpi} ${NO_SPI}`
    if (sa.role === 'initiator' && sa.responderSpi !== NO_SPI && keys.delete(unknownYet)) {
      this.#byKey.delete(unknownYet)
    }
    this.#trust(sa)
  }

  remove(sa: IkeSa): void {
    for (const key of this.#keys.get(sa) ?? []) this.#byKey.delete(key)
    this.#keys.delete(sa)
    const spi = this.#trusted.get(sa)
    if (spi === undefined) return
    this.#trusted.delete(sa)
    this.#gone.push(spi)
  }

  /** What has changed since it was asked last. */
  news(): readonly Effect[] {
    const [come, gone] = [this.#come, this.#gone]
    if (come.length === 0 && gone.length === 0) return []
    this.#come = []
    this.#gone = []
    return [{ kind: 'ike-spis', come, gone }]
  }

  get size(): number {
    return this.#keys.size
  }

  /** Only who sees our messages knows the SPI we drew by lot; a stranger to whom we answer does too, and counts once he has proved something. */
  #trust(sa: IkeSa): void {
    if (this.#trusted.has(sa)) return
    const spi = sa.role === 'initiator' ? sa.initiatorSpi : sa.responderSpi
    const isTrusted = sa.role === 'initiator' || this.#named.has(sa) || sa.state === 'established'
    if (!isTrusted || spi === NO_SPI) return
    this.#trusted.set(sa, spi)
    this.#come.push(spi)
  }
}

/** An initiator repeats message 1 before it knows our SPI; its SPI alone could be another's by chance or malice. */
function firstMessageKey(initiatorSpi: string, remote: Endpoint): string {
  return `${initiatorSpi} from ${formatEndpoint(remote)}`
}

const NO_SPI = '0000000000000000'
