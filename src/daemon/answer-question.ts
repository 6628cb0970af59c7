import { InvalidPublicValue, type KeyAgreement } from '#crypto/port'
import type { Answer, Question } from '#ike/effects'

/** Does the public-key work of one question. Never throws: what cannot be done is `refused`, with the reason. */
export function answerQuestion(question: Question, keyAgreement: KeyAgreement): Answer {
  try {
    return work(question, keyAgreement)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      kind: 'refused',
      reason: error instanceof InvalidPublicValue ? reason : `key agreement failed: ${reason}`,
    }
  }
}

function work(question: Question, keyAgreement: KeyAgreement): Answer {
  switch (question.kind) {
    case 'generate-key-pair':
      return { kind: 'key-pair', own: keyAgreement.generateKeyPair(question.group) }
    case 'agree': {
      const { group, own, peerPublic } = question
      return { kind: 'agreed', own, sharedSecret: keyAgreement.agree(group, own, peerPublic) }
    }
    case 'generate-and-agree': {
      const own = keyAgreement.generateKeyPair(question.group)
      const sharedSecret = keyAgreement.agree(question.group, own, question.peerPublic)
      return { kind: 'agreed', own, sharedSecret }
    }
  }
}
