/**
 * Refuses to seal under a sequence number that is not higher than the one before. Where the IV is the sequence number, a second
 * packet under the same one would give away the key stream, and with GCM the authentication key (RFC 4106 §10): a defect
 * elsewhere must end the SA, not its secrecy.
 */
export class SequenceGuard {
  #high = 0
  #low = 0

  advance(high: number, low: number): void {
    if (high < this.#high || (high === this.#high && low <= this.#low)) {
      throw new RangeError('an ESP sequence number was about to be sealed twice')
    }
    this.#high = high
    this.#low = low
  }
}
