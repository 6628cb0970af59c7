import type { Answer, Question } from '#ike/effects'
import type { Fetch, Fetched } from '#pki/revocation'
import type { RefusedPeer, WantedFetches } from '#pki/verify-peer'
import type { Verification } from './answer-question.ts'

export type VerificationParts = {
  readonly ask: (question: Question, verification?: Verification) => Promise<Answer | WantedFetches>
  readonly fetch: (wanted: Fetch) => Promise<Fetched>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Whether anything keeps the clock right. */
  readonly clockIsKept: () => boolean
}

/** CRLs or OCSP of the whole path are wanted at once; a second round is for what only then could be told. */
const MOST_ROUNDS = 3

/** Answers every question; for `verify-peer` the network is waited for here and never in a thread that others need. */
export async function answerWithFetches(
  question: Question,
  { ask, fetch, now, clockIsKept }: VerificationParts,
): Promise<Answer> {
  const fetched = new Map<string, Fetched>()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const isVerification = question.kind === 'verify-peer'
    const answer = await ask(question, isVerification ? { at: now(), fetched } : undefined)
    if (answer.kind === 'peer-refused' && isAboutDate(answer)) {
      return { ...answer, clockIsKept: clockIsKept() }
    }
    if (answer.kind === 'signed') return { ...answer, at: now() }
    if (answer.kind !== 'fetch') return answer
    const got = await Promise.all(
      answer.wanted.map(async (one) => [one.key, await fetch(one)] as const),
    )
    for (const [key, value] of got) fetched.set(key, value)
  }
  return { kind: 'refused', reason: 'revocation could not be checked in time' }
}

function isAboutDate({ refusal }: RefusedPeer): boolean {
  return (
    refusal.kind === 'path' &&
    (refusal.problem.kind === 'expired' || refusal.problem.kind === 'not-yet-valid')
  )
}
