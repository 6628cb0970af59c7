import type { IkeDatagram } from '../port.ts'

/**
 * IKE datagrams on their way into the engine. What bears an SPI of ours is handed on at once; the rest, which anybody can have sent, waits
 * for its turn, a few at a time: a flood of it delays nobody who has an SA.
 */
export class IkeQueue {
  readonly #handOn: (datagram: IkeDatagram) => void
  readonly #waiting: { readonly datagram: IkeDatagram; readonly taken: () => void }[] = []
  #turn: NodeJS.Immediate | undefined

  constructor(handOn: (datagram: IkeDatagram) => void) {
    this.#handOn = handOn
  }

  /** @param taken called as soon as it waits no longer */
  add(datagram: IkeDatagram, trusted: boolean, taken: () => void): void {
    if (trusted) {
      taken()
      this.#handOn(datagram)
      return
    }
    this.#waiting.push({ datagram, taken })
    this.#turn ??= setImmediate(() => this.#takeSome())
  }

  close(): void {
    clearImmediate(this.#turn)
    this.#waiting.length = 0
  }

  #takeSome(): void {
    const some = this.#waiting.splice(0, IN_A_TURN)
    // Before them: whatever one of them does, the next ones have their turn.
    this.#turn = this.#waiting.length > 0 ? setImmediate(() => this.#takeSome()) : undefined
    for (const { datagram, taken } of some) {
      taken()
      this.#handOn(datagram)
    }
  }
}

/** Some milliseconds of work at most. */
const IN_A_TURN = 16
