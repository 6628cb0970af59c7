import {
  byLikelihood,
  byStrength,
  type ProbedAlgorithm,
  type ProbedSuite,
} from './phase1-suites.ts'

/** How many combinations one message carries: with ours it stays below the smallest path anyone has. */
export const SUITES_IN_A_QUESTION = 32

type Fate = 'unasked' | 'pending' | 'accepted' | 'refused' | 'unanswered'

/** What came of it all. */
export type SearchResult = {
  /** Each was chosen by the peer itself, best first. */
  readonly accepted: readonly ProbedSuite[]
  /**
   * Combinations of algorithms that were all accepted in others, and that nobody asked for one by one. Most peers accept them:
   * they are configured with lists of algorithms.
   */
  readonly likely: readonly ProbedSuite[]
  /** Nothing of these is known. */
  readonly unknown: number
}

/**
 * Finds out which of many combinations a responder accepts with as few questions as it takes. A question carries many, and the answer
 * names one that is accepted, or says that none of them is. So: ask until one is named; ask for all that differ from it in one
 * algorithm; what those share is the peer's list of algorithms, as most are configured; then ask whether anything outside of that list
 * is accepted, and with what is left, go through the list itself.
 */
export class SuiteSearch {
  readonly #fates: Map<ProbedSuite, Fate>
  readonly #bases: ProbedSuite[] = []

  constructor(universe: readonly ProbedSuite[]) {
    this.#fates = new Map(universe.toSorted(byLikelihood).map((suite) => [suite, 'unasked']))
  }

  /** The next question; best combinations first, since some peers take the first they like. Undefined while nothing is to be asked. */
  next(): readonly ProbedSuite[] | undefined {
    for (const base of this.#bases) {
      const near = this.#with('unasked').filter((suite) => differences(suite, base) === 1)
      if (near.length > 0) return this.#ask(near)
      // What it is like must be known before one can say what is unlike it.
      if (this.#with('pending').some((suite) => differences(suite, base) === 1)) return undefined
    }
    const unasked = this.#with('unasked')
    const outside = unasked.filter((suite) => !this.#isLikely(suite))
    if (outside.length > 0) return this.#ask(outside)
    return unasked.length === 0 ? undefined : this.#ask(unasked.toSorted(byStrength))
  }

  taken(question: readonly ProbedSuite[], suite: ProbedSuite): void {
    const foreseen = this.#isLikely(suite) || this.#isNearABase(suite)
    for (const one of question) this.#fates.set(one, 'unasked')
    this.#fates.set(suite, 'accepted')
    if (!foreseen) this.#bases.push(suite)
  }

  refused(question: readonly ProbedSuite[]): void {
    for (const one of question) this.#fates.set(one, 'refused')
  }

  /** No answer came; what that means is for others to say. */
  unanswered(question: readonly ProbedSuite[]): void {
    for (const one of question) this.#fates.set(one, 'unanswered')
  }

  /** Those that were not answered are asked for again. */
  askAgain(): void {
    for (const suite of this.#with('unanswered')) this.#fates.set(suite, 'unasked')
  }

  get hasUnanswered(): boolean {
    return this.#with('unanswered').length > 0
  }

  get accepted(): readonly ProbedSuite[] {
    return this.#with('accepted').toSorted(byStrength)
  }

  /** @param silenceMeansNo whether what was not answered counts as refused */
  result(silenceMeansNo: boolean): SearchResult {
    const unanswered = silenceMeansNo ? [] : this.#with('unanswered')
    const left = [...this.#with('unasked'), ...this.#with('pending'), ...unanswered]
    const likely = left.filter((suite) => this.#isLikely(suite))
    return {
      accepted: this.accepted,
      likely: likely.toSorted(byStrength),
      unknown: left.length - likely.length,
    }
  }

  #ask(suites: readonly ProbedSuite[]): readonly ProbedSuite[] {
    const question = suites.slice(0, SUITES_IN_A_QUESTION).toSorted(byStrength)
    for (const suite of question) this.#fates.set(suite, 'pending')
    return question
  }

  /** Whether each of its algorithms was accepted beside two of one base. */
  #isLikely({ encryption, hash, group }: ProbedSuite): boolean {
    return this.#bases.some(
      (base) =>
        this.#isAccepted({ ...base, encryption }) &&
        this.#isAccepted({ ...base, hash }) &&
        this.#isAccepted({ ...base, group }),
    )
  }

  #isNearABase(suite: ProbedSuite): boolean {
    return this.#bases.some((base) => differences(suite, base) === 1)
  }

  #isAccepted(wanted: ProbedSuite): boolean {
    return this.#with('accepted').some((suite) => differences(suite, wanted) === 0)
  }

  #with(fate: Fate): readonly ProbedSuite[] {
    return [...this.#fates].filter(([, one]) => one === fate).map(([suite]) => suite)
  }
}

function differences(a: ProbedSuite, b: ProbedSuite): number {
  const differ = (one: ProbedAlgorithm, other: ProbedAlgorithm) => (one === other ? 0 : 1)
  return differ(a.encryption, b.encryption) + differ(a.hash, b.hash) + differ(a.group, b.group)
}
