import { messageOf } from '#bytes/thrown'
import { InvalidPublicValue, type KeyAgreement } from '#crypto/port'
import type { Answer, Question } from '#ike/effects'
import type { Moment } from '#pki/moment'
import { sign } from '#pki/node-signatures'
import type { Fetched } from '#pki/revocation'
import type { BareEcdsa } from '#pki/signature-scheme'
import { verifyPeer, type WantedFetches } from '#pki/verify-peer'

/** What public-key work is done with. */
export type Means = {
  readonly keyAgreement: KeyAgreement
  /** Absent where the OpenSSL inside Node cannot be reached; IKEv1 with ECDSA is then refused. */
  readonly bareEcdsa?: BareEcdsa | undefined
}

/** The date at which a peer's certificates are judged, and what was fetched for it before. */
export type Verification = {
  readonly at: Moment
  readonly fetched: ReadonlyMap<string, Fetched>
}

/** Does the public-key work of one question. Never throws: what cannot be done is `refused`, with the reason. */
export function answerQuestion(
  question: Question,
  means: Means,
  verification?: Verification,
): Answer | WantedFetches {
  try {
    return work(question, means, verification)
  } catch (error) {
    const reason = messageOf(error)
    if (error instanceof InvalidPublicValue) return { kind: 'refused', reason, by: 'peer' }
    return { kind: 'refused', reason: `${WORK[question.kind]}: ${reason}` }
  }
}

const WORK: Readonly<Record<Question['kind'], string>> = {
  'generate-key-pair': 'key agreement failed',
  agree: 'key agreement failed',
  'generate-and-agree': 'key agreement failed',
  sign: 'our signature could not be made',
  'verify-peer': 'the peer could not be verified',
}

function work(
  question: Question,
  { keyAgreement, bareEcdsa }: Means,
  verification: Verification | undefined,
): Answer | WantedFetches {
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
    case 'sign': {
      const { key, scheme, data } = question
      return { kind: 'signed', signature: sign(key, scheme, data, bareEcdsa) }
    }
    case 'verify-peer': {
      if (verification === undefined) throw new TypeError('no date to verify at')
      const { at, fetched } = verification
      return verifyPeer(question.demands, question.evidence, at, fetched, bareEcdsa)
    }
  }
}
