import type { KeyObject } from 'node:crypto'
import type { Question } from '#ike/effects'
import { PrivateKey } from '#pki/node-private-key'
import type { Verification } from './answer-question.ts'

/** A question as it crosses to a thread: of a private key the handle, which stays what it is inside OpenSSL. */
export type QuestionMessage = {
  readonly question: Exclude<Question, { kind: 'sign' }> | SignMessage
  readonly verification?: Verification | undefined
}

type SignMessage = Omit<Extract<Question, { kind: 'sign' }>, 'key'> & { readonly handle: KeyObject }

export function questionMessage(question: Question, verification?: Verification): QuestionMessage {
  if (question.kind !== 'sign') return { question, verification }
  const { key, ...rest } = question
  return { question: { ...rest, handle: key.handle() } }
}

export function questionOf({ question }: QuestionMessage): Question {
  if (question.kind !== 'sign') return question
  const { handle, ...rest } = question
  return { ...rest, key: new PrivateKey(handle) }
}
