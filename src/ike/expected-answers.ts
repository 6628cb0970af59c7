import { toHex } from '#bytes/hex'
import type { IpAddress } from '#bytes/ip'
import type { IkeHeader } from '#wire/ike-header'
import type { Datagram, IkeContext } from './version.ts'

/** What an answer is for; it has no SA, and nothing of it is authenticated. */
export type AnswerTaker = (datagram: Datagram, header: IkeHeader, context: IkeContext) => void

/** Answers to questions that were asked beside a negotiation, known by the SPI they were asked with. Each is heard once. */
export class ExpectedAnswers {
  readonly #waiting = new Map<string, { readonly from: IpAddress; readonly take: AnswerTaker }>()

  expect(initiatorSpi: Uint8Array, from: IpAddress, take: AnswerTaker): void {
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size >= MOST_WAITING && oldest !== undefined) this.#waiting.delete(oldest)
    this.#waiting.set(toHex(initiatorSpi), { from, take })
  }

  /** @returns whether it was one. */
  take(datagram: Datagram, header: IkeHeader, context: IkeContext): boolean {
    const key = toHex(header.initiatorSpi)
    const waiting = this.#waiting.get(key)
    if (waiting === undefined || waiting.from !== datagram.remote.address) return false
    this.#waiting.delete(key)
    waiting.take(datagram, header, context)
    return true
  }
}

/** Questions nobody answers are forgotten when there are more of them. */
const MOST_WAITING = 512
