import {
  encodeGoodbye,
  encodeMainMode,
  type MethodName,
  type Offer,
  readPhase1Answer,
} from './phase1-question.ts'
import type { ProbedSuite } from './phase1-suites.ts'
import { freshMessageId, freshSpi, type Question, type Stage, type StageContext } from './stage.ts'

/**
 * How the peer would have us prove ourselves. `not-told`: it takes any method in message 1, even one that nobody has had for twenty
 * years, and judges it later.
 */
export type MethodFindings = readonly MethodName[] | 'not-told'

/** Asks, with a combination of algorithms that is accepted, for other authentication methods than the one it was accepted with. */
export class MethodStage implements Stage {
  readonly most = 4
  readonly mayAskAhead = false
  readonly tries = 2
  readonly #suite: ProbedSuite
  readonly #context: StageContext
  readonly #accepted: MethodName[]
  #open: readonly MethodName[]
  #state: 'control' | 'asking' | 'waiting' | 'done' = 'control'
  #tellsNothing = false

  /** @param known the method the combination was accepted with */
  constructor(suite: ProbedSuite, known: MethodName, context: StageContext) {
    this.#suite = suite
    this.#context = context
    this.#accepted = [known]
    this.#open = METHODS.filter((method) => method !== known)
  }

  next(): Question | undefined {
    if (this.#state === 'control') {
      this.#state = 'waiting'
      return this.#question([CONTROL], (taken) => {
        this.#tellsNothing = taken !== undefined
        this.#state = this.#tellsNothing ? 'done' : 'asking'
      })
    }
    if (this.#state !== 'asking' || this.#open.length === 0) return undefined
    this.#state = 'waiting'
    return this.#question(this.#open, (taken) => {
      this.#state = taken === undefined ? 'done' : 'asking'
      if (taken === undefined) return
      this.#accepted.push(taken)
      this.#open = this.#open.filter((method) => method !== taken)
    })
  }

  findings(): MethodFindings {
    return this.#tellsNothing ? 'not-told' : this.#accepted
  }

  #question(
    methods: readonly MethodName[],
    learn: (taken: MethodName | undefined) => void,
  ): Question {
    const cookie = freshSpi(this.#context)
    const offers = methods.map((method): Offer => ({ suite: this.#suite, method }))
    return {
      octets: encodeMainMode(cookie, offers),
      silent: () => learn(undefined),
      read: (octets) => {
        const answer = readPhase1Answer(octets, cookie, offers)
        if (answer === undefined) return false
        if (answer.kind === 'taken') {
          const cookies = { initiator: cookie, responder: answer.responderCookie }
          this.#context.say(encodeGoodbye(cookies, freshMessageId(this.#context)))
        }
        learn(answer.kind === 'taken' ? answer.offer.method : undefined)
        return true
      },
    }
  }
}

const CONTROL: MethodName = 'DSS signatures'
const METHODS: readonly MethodName[] = [
  'pre-shared key',
  'RSA signatures',
  'ECDSA with SHA-256 on P-256',
  'ECDSA with SHA-384 on P-384',
  'ECDSA with SHA-512 on P-521',
  'XAUTHInitPreShared',
  'XAUTHInitRSA',
  'HybridInitRSA',
]
