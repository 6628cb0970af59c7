/** How far something of known length is, on one line of the terminal that diagnostics go to; nothing where that is none. */
export class ProgressBar {
  readonly #most: number
  readonly #isTerminal = process.stderr.isTTY === true
  #shown = -1

  constructor(most: number) {
    this.#most = most
  }

  show(done: number): void {
    if (!this.#isTerminal || done === this.#shown) return
    this.#shown = done
    const filled = Math.round((COLUMNS * done) / this.#most)
    const bar = `${'='.repeat(filled)}${' '.repeat(COLUMNS - filled)}`
    process.stderr.write(`\r  [${bar}] ${done} of at most ${this.#most}`)
  }

  clear(): void {
    if (this.#shown >= 0) process.stderr.write('\r\x1b[K')
  }
}

const COLUMNS = 40
