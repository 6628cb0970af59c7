import type { Question } from '#ike/effects'

/** Public-key work of phase 1: at most one question at a time, asked for in one step and answered in a later one. */
export class PendingWork {
  readonly #questions: Question[] = []
  #asked: number | undefined

  want(question: Question): void {
    this.#questions.push(question)
  }

  /** What is to be asked for, once; `asked` names it. */
  take(): readonly Question[] {
    return this.#questions.splice(0)
  }

  asked(id: number): void {
    this.#asked = id
  }

  awaits(id: number): boolean {
    return this.#asked === id
  }

  /** It is answered, or nobody wants it any more. */
  clear(): void {
    this.#asked = undefined
    this.#questions.length = 0
  }
}
