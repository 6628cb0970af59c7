import { equalSecret } from './equal.ts'

/** Key material that no log, error, status or JSON document can print by accident. */
export class Secret {
  readonly #octets: Uint8Array

  constructor(octets: Uint8Array) {
    this.#octets = octets
  }

  /** The octets themselves; the one door, so that a search for `reveal(` finds every use. */
  reveal(): Uint8Array {
    return this.#octets
  }

  /** Whether both hold the same octets, in a time that does not depend on them. */
  equals(other: Secret): boolean {
    return equalSecret(this.#octets, other.#octets)
  }

  get octetLength(): number {
    return this.#octets.length
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  static {
    // What node:util's inspect and console.log print.
    Object.defineProperty(Secret.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value: () => '[secret]',
    })
  }
}
