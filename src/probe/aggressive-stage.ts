import type { KeyAgreement } from '#crypto/port'
import { KEY_EXCHANGES } from '#crypto/registry'
import type { Identity } from '#policy/identity'
import {
  encodeAggressive,
  encodeGoodbye,
  type MethodName,
  type Offer,
  readPhase1Answer,
} from './phase1-question.ts'
import {
  PROBED_GROUPS,
  PROBED_SUITES,
  type ProbedAlgorithm,
  type ProbedSuite,
} from './phase1-suites.ts'
import { freshMessageId, freshSpi, type Question, type Stage, type StageContext } from './stage.ts'

export type AggressiveFindings =
  /** `tellsHash`: with what it answers, anyone can guess at the pre-shared key (RFC 2409 §5.4). */
  | { readonly kind: 'taken'; readonly suite: ProbedSuite; readonly tellsHash: boolean }
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent' }

/** Asks by message 1 of Aggressive mode, which shows an identity of ours to whoever listens: only where the operator wants it. */
export class AggressiveStage implements Stage {
  readonly most = 4
  readonly mayAskAhead = false
  readonly tries = 2
  readonly #identity: Identity
  readonly #keyAgreement: KeyAgreement
  readonly #context: StageContext
  readonly #groups: ProbedAlgorithm[]
  #waiting = false
  #findings: AggressiveFindings = { kind: 'silent' }

  /** @param accepted what Main mode showed; the groups of it are asked for first */
  constructor(
    identity: Identity,
    accepted: readonly ProbedSuite[],
    keyAgreement: KeyAgreement,
    context: StageContext,
  ) {
    this.#identity = identity
    this.#keyAgreement = keyAgreement
    this.#context = context
    const usual = PROBED_GROUPS.filter(({ name }) => name === 'group14' || name === 'group2')
    this.#groups = [...new Set([...accepted.map(({ group }) => group), ...usual])].slice(0, 2)
  }

  next(): Question | undefined {
    if (this.#waiting || this.#findings.kind === 'taken') return undefined
    const group = this.#groups.shift()
    const known = KEY_EXCHANGES.find(({ id }) => id === group?.number)
    if (group === undefined || known === undefined) return undefined
    this.#waiting = true
    const cookie = freshSpi(this.#context)
    const offers = PROBED_SUITES.filter((suite) => suite.group === group).map(
      (suite): Offer => ({ suite, method: PRE_SHARED }),
    )
    const { publicValue } = this.#keyAgreement.generateKeyPair(known.name)
    const nonce = this.#context.random(32)
    return {
      octets: encodeAggressive(cookie, offers, { publicValue, nonce, identity: this.#identity }),
      silent: () => {
        this.#waiting = false
      },
      read: (octets) => {
        const answer = readPhase1Answer(octets, cookie, offers)
        if (answer === undefined) return false
        this.#waiting = false
        if (answer.kind !== 'taken') {
          this.#findings = { kind: 'refused' }
          return true
        }
        const cookies = { initiator: cookie, responder: answer.responderCookie }
        this.#context.say(encodeGoodbye(cookies, freshMessageId(this.#context)))
        this.#context.learnVendorIds(answer.vendorIds)
        const { offer, tellsHash } = answer
        this.#findings = { kind: 'taken', suite: offer.suite, tellsHash }
        return true
      },
    }
  }

  findings(): AggressiveFindings {
    return this.#findings
  }
}

const PRE_SHARED: MethodName = 'pre-shared key'
