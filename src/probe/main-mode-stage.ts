import {
  encodeGoodbye,
  encodeMainMode,
  type MethodName,
  type Offer,
  readPhase1Answer,
} from './phase1-question.ts'
import { PROBED_SUITES, type ProbedSuite } from './phase1-suites.ts'
import { freshMessageId, freshSpi, type Question, type Stage, type StageContext } from './stage.ts'
import { type SearchResult, SuiteSearch } from './suite-search.ts'

export type MainModeFindings = SearchResult & {
  readonly method: MethodName
  /** How the peer refuses: with a notification, by saying nothing, or not seen. */
  readonly refusesBy: 'notification' | 'silence' | 'unknown'
  /** The notifications it refused with, by number. */
  readonly notifies: readonly number[]
  /** It stopped answering in the middle: more is unknown than was asked. */
  readonly fellSilent: boolean
  /** It answered that it does not speak IKEv1. */
  readonly otherVersion: boolean
}

/** Asks by message 1 of Main mode which combinations of algorithms are accepted with one authentication method. */
export class MainModeStage implements Stage {
  readonly most: number
  readonly #method: MethodName
  readonly #search: SuiteSearch
  readonly #context: StageContext
  readonly #notifies = new Set<number>()
  #silenceMeansNo = false
  #control: 'not needed' | 'due' | 'asked' | 'done' = 'not needed'
  #fellSilent = false
  #otherVersion = false
  /** The peer is there, and has said nothing to Main mode with another method. */
  readonly #silentBefore: boolean

  constructor(
    { method, most, silentBefore }: { method: MethodName; most: number; silentBefore: boolean },
    context: StageContext,
  ) {
    this.most = most
    this.#method = method
    this.#search = new SuiteSearch(PROBED_SUITES)
    this.#context = context
    this.#silentBefore = silentBefore
  }

  get mayAskAhead(): boolean {
    return this.#silenceMeansNo || this.#silentBefore
  }

  /** What takes something and has never said no refuses by silence, most likely: to ask twice would be half of all that may be asked. */
  get tries(): number {
    if (this.#silentBefore) return 1
    return this.#notifies.size === 0 && this.#search.accepted.length > 0 ? 1 : 2
  }

  next(): Question | undefined {
    if (this.#fellSilent || this.#otherVersion || this.#control === 'asked') return undefined
    if (this.#control === 'due') return this.#controlQuestion()
    const suites = this.#search.next()
    if (suites === undefined) return undefined
    return this.#question(suites, {
      taken: (suite) => {
        this.#search.taken(suites, suite)
        // It answers this one, and was silent to others: that is how it refuses.
        if (this.#notifies.size === 0 && this.#search.hasUnanswered) this.#silenceMeansNo = true
      },
      refused: () => this.#search.refused(suites),
      silent: () => this.#wasSilent(suites),
    })
  }

  findings(): MainModeFindings {
    const refusesBy = this.#silenceMeansNo ? 'silence' : 'unknown'
    return {
      ...this.#search.result(this.#silenceMeansNo),
      method: this.#method,
      refusesBy: this.#notifies.size > 0 ? 'notification' : refusesBy,
      notifies: [...this.#notifies],
      fellSilent: this.#fellSilent,
      otherVersion: this.#otherVersion,
    }
  }

  /** Does it refuse by saying nothing, was something lost, or has it had enough of us? What it took before tells. */
  #wasSilent(suites: readonly ProbedSuite[]): void {
    this.#search.unanswered(suites)
    if (this.#silenceMeansNo) return
    if (this.#search.accepted.length > 0 || this.#notifies.size > 0) {
      if (this.#control === 'not needed') this.#control = 'due'
      else if (this.#control === 'done') this.#fellSilent = true
    }
  }

  #controlQuestion(): Question | undefined {
    const [known] = this.#search.accepted
    if (known === undefined) {
      this.#control = 'done'
      this.#search.askAgain()
      return this.next()
    }
    this.#control = 'asked'
    const answered = () => {
      this.#control = 'done'
      if (this.#notifies.size > 0) this.#search.askAgain()
      else this.#silenceMeansNo = true
    }
    return this.#question([known], {
      taken: answered,
      refused: answered,
      silent: () => {
        this.#control = 'done'
        this.#fellSilent = true
      },
    })
  }

  #question(
    suites: readonly ProbedSuite[],
    learn: {
      readonly taken: (suite: ProbedSuite) => void
      readonly refused: () => void
      readonly silent: () => void
    },
  ): Question {
    const cookie = freshSpi(this.#context)
    const offers = suites.map((suite): Offer => ({ suite, method: this.#method }))
    return {
      octets: encodeMainMode(cookie, offers),
      silent: learn.silent,
      read: (octets) => {
        const answer = readPhase1Answer(octets, cookie, offers)
        if (answer === undefined) return false
        if (answer.kind === 'other-version') {
          this.#otherVersion = true
          learn.refused()
          return true
        }
        this.#context.learnVendorIds(answer.vendorIds)
        if (answer.kind === 'taken') {
          const cookies = { initiator: cookie, responder: answer.responderCookie }
          this.#context.say(encodeGoodbye(cookies, freshMessageId(this.#context)))
          learn.taken(answer.offer.suite)
          return true
        }
        this.#notifies.add(answer.notify)
        learn.refused()
        // It does say no: what it did not answer was lost.
        if (this.#silenceMeansNo) this.#search.askAgain()
        this.#silenceMeansNo = false
        return true
      },
    }
  }
}
