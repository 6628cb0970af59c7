import type { Failure } from './events.ts'

/** Errors sorted by who is to blame; `answer` is the notify the peer may hear, by name, and only where it is safe to say. */
export type IkeErrorCode =
  | 'missing-payload'
  | 'repeated-payload'
  | 'wrong-payload-content'
  | 'out-of-state'
  | 'no-proposal'
  | 'no-selectors'
  | 'undecryptable'
  | 'bad-hash'
  | 'wrong-identity'
  | 'bad-public-value'

/** Well-formed, but not allowed here. */
export class PeerViolation extends Error {
  readonly code: IkeErrorCode

  constructor(code: IkeErrorCode, detail: string) {
    super(detail)
    this.code = code
  }
}

/** Both are right and cannot agree; the failure says on what. */
export class NoAgreement extends Error {
  readonly code: 'no-proposal' | 'no-selectors'
  readonly failure: Failure
  /** Of phase 2: the network pair that was meant, where that can be told. */
  readonly pair: number | undefined

  constructor(code: 'no-proposal' | 'no-selectors', failure: Failure, pair?: number) {
    super(failure.summary)
    this.code = code
    this.failure = failure
    this.pair = pair
  }
}

/** Who they are was not shown. */
export class AuthenticationFailure extends Error {
  readonly code: 'undecryptable' | 'bad-hash' | 'wrong-identity'
  readonly failure: Failure

  constructor(code: 'undecryptable' | 'bad-hash' | 'wrong-identity', failure: Failure) {
    super(failure.summary)
    this.code = code
    this.failure = failure
  }
}
