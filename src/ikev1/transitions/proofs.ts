/**
 * How both modes prove and check identities. With a pre-shared key that is done on the spot; a signature is made, and a peer's certificate
 * verified, elsewhere: the states `proving` and `checking` wait for it.
 */
import { AuthenticationFailure } from '#ike/errors'
import { refusalText } from '#pki/refusal-text'
import type { RefusedPeer, VerifiedPeer } from '#pki/verify-peer'
import { identityToPayload } from '#wire/v1/id-payload'
import type { Payload } from '#wire/v1/payloads'
import { ownProof, type PeerAuthenticated, peerProof, signedProof, verifiedPeer } from '../auth.ts'
import { natPayloads } from '../nat-traversal.ts'
import { phase1ResponderLifetime } from '../responder-lifetime.ts'
import type { Checking, Proving, ShownProof } from '../state.ts'
import type { Phase1Environment, Step } from '../step.ts'
import { answeringVendorIds } from '../vendor-ids.ts'
import { initialContact } from './phase1-steps.ts'

/** Sends the message that proves us, now or when the signature is there. */
export function prove(proving: Proving, environment: Phase1Environment): Step {
  const id = identityToPayload(environment.tunnel.localId)
  const proof = ownProof(environment, WHO_SENDS[proving.message], proving.keyed, id)
  if (proof.kind === 'ready') return sendProof(proving, proof.payloads, environment)
  return { next: proving, ask: proof.question }
}

/** Checks the proof a message brought, now or elsewhere. @throws AuthenticationFailure */
export function check(checking: Checking, shown: ShownProof, environment: Phase1Environment): Step {
  const { message, keyed } = checking
  const proof = peerProof(environment, WHO_SENDS[message], keyed, shown)
  if (proof.kind === 'checked') return checked(checking, proof.peer, environment)
  return { next: checking, ask: proof.question }
}

/** Our signature was made. */
export function signed(
  proving: Proving,
  signature: Uint8Array,
  environment: Phase1Environment,
): Step {
  return sendProof(proving, signedProof(environment, signature), environment)
}

/** The peer's certificate, identity and signature were judged. @throws AuthenticationFailure */
export function verified(
  checking: Checking,
  answer: VerifiedPeer | RefusedPeer,
  environment: Phase1Environment,
): Step {
  if (answer.kind === 'peer-verified') return checked(checking, verifiedPeer(answer), environment)
  throw new AuthenticationFailure('wrong-identity', {
    ...refusalText(answer.refusal, environment.tunnel.name, answer.clockIsKept),
    evidence: `certificate and signature in ${checking.message}`,
    certainty: 'certain',
  })
}

function checked(
  { message, keyed, saysInitialContact }: Checking,
  peer: PeerAuthenticated,
  environment: Phase1Environment,
): Step {
  switch (message) {
    case 'Main mode message 5':
    case 'Aggressive mode message 2': {
      const answer =
        message === 'Main mode message 5' ? 'Main mode message 6' : 'Aggressive mode message 3'
      return prove(
        { kind: 'proving', message: answer, keyed, peer, saysInitialContact },
        environment,
      )
    }
    case 'Main mode message 6':
    case 'Aggressive mode message 3': {
      const next = { kind: 'authenticated', peer, from: keyed } as const
      return { next, initialContact: saysInitialContact }
    }
  }
}

function sendProof(
  proving: Proving,
  proof: readonly Payload[],
  environment: Phase1Environment,
): Step {
  const { keyed } = proving
  const id = identityToPayload(environment.tunnel.localId)
  const nat = natPayloads(keyed.suite.hash, environment)
  switch (proving.message) {
    case 'Main mode message 5': {
      const payloads = [id, ...proof, ...initialContact(environment)]
      return { next: { kind: 'id-sent', ...keyed }, send: { payloads, under: keyed } }
    }
    case 'Aggressive mode message 2': {
      const { shown, head } = proving
      return {
        next: { kind: 'aggressive-answered', ...keyed, shown },
        send: {
          payloads: [
            ...head,
            id,
            ...proof,
            ...nat,
            ...answeringVendorIds(environment.abilities, environment.tunnel),
          ],
        },
      }
    }
    case 'Main mode message 6':
    case 'Aggressive mode message 3': {
      const { peer, message } = proving
      const payloads =
        message === 'Main mode message 6'
          ? [id, ...proof, ...phase1ResponderLifetime(environment.cookies.pair, keyed.lifetime)]
          : [...proof, ...nat]
      return {
        next: { kind: 'authenticated', peer, from: keyed },
        send: { payloads, under: keyed },
        initialContact: proving.saysInitialContact,
      }
    }
  }
}

const WHO_SENDS: Readonly<Record<Proving['message'], 'initiator' | 'responder'>> = {
  'Main mode message 5': 'initiator',
  'Main mode message 6': 'responder',
  'Aggressive mode message 2': 'responder',
  'Aggressive mode message 3': 'initiator',
}
