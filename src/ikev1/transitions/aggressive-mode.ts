/**
 * Aggressive mode (RFC 2409 §5, §5.1, §5.4). Identities go in clear, and with a pre-shared key HASH_R lets whoever asks guess the key offline; in
 * return the key can be found by identity, for a peer without a static address:
 *
 *   initiator                                   responder
 *   1  HDR, SA, KE, Ni, IDii, VID…  -->
 *                                   <--         2  HDR, SA, KE, Nr, IDir, HASH_R | CERT…, SIG_R, NAT-D, NAT-D, VID…
 *   3  HDR*, HASH_I | CERT…, SIG_I, NAT-D, NAT-D -->
 */
import type { KeyPair } from '#crypto/port'
import { AuthenticationFailure, PeerViolation } from '#ike/errors'
import { match } from '#ike/message-rules'
import { identityFromPayload, identityToPayload } from '#wire/v1/id-payload'
import type { PlacedPayload } from '#wire/v1/message'
import { isAwaited, readProof } from '../auth.ts'
import { certificateRequests } from '../certificate-requests.ts'
import { plainOf } from '../clear-message.ts'
import { otherIdentity } from '../identity-failures.ts'
import { readNat } from '../nat-traversal.ts'
import { readPhase1Choice } from '../phase1-proposals.ts'
import type { Phase1State } from '../state.ts'
import type { Phase1Environment, Step } from '../step.ts'
import { ownVendorIds } from '../vendor-ids.ts'
import {
  bodyOf,
  checkPeerValues,
  chooseOrRefuse,
  keyAndNonce,
  keyedState,
  NONCE_OCTETS,
  phase1Wish,
  saysInitialContact,
} from './phase1-steps.ts'
import { check, prove } from './proofs.ts'
import { type Row, row } from './row.ts'

export const aggressiveModeRows: readonly Row[] = [
  row({
    story: 'initiator: take all of the responder’s values, agree on a secret',
    exchange: 'aggressive',
    from: 'aggressive-sent',
    message: 2,
    encrypted: 'never',
    requires: ['SA', 'KE', 'NONCE', 'ID'],
    run(state, { SA, KE, NONCE, ID }, environment, payloads) {
      const { offer, saBody, own, nonceI } = state
      const { tunnel, cookies } = environment
      if (cookies.responder.every((octet) => octet === 0)) {
        throw new PeerViolation('wrong-payload-content', 'message 2 has no responder cookie')
      }
      const choice = readPhase1Choice(SA, offer, phase1Wish(tunnel, 'initiator'))
      if (choice === undefined) {
        throw new PeerViolation('no-proposal', 'message 2 chooses what message 1 did not offer')
      }
      const ours = { publicValue: own.publicValue, nonce: nonceI }
      checkPeerValues(2, { publicValue: KE.data, nonce: NONCE.data }, ours)
      const { suite } = choice
      return {
        next: {
          kind: 'aggressive-agreeing',
          saBody,
          ...choice,
          nonceI,
          nonceR: NONCE.data,
          peerPublic: KE.data,
          shown: readProof(
            tunnel,
            { id: ID, idBody: bodyOf(payloads, ID).slice() },
            plainOf(payloads),
          ),
        },
        ask: { kind: 'agree', group: suite.keyExchange, own, peerPublic: KE.data },
        nat: readNat(payloads, suite.hash, environment),
      }
    },
  }),
  row({
    story: 'responder: check the initiator’s proof, the ISAKMP SA is up',
    exchange: 'aggressive',
    from: 'aggressive-answered',
    message: 3,
    encrypted: 'either',
    requires: [],
    run(state, _matched, environment, payloads) {
      const shown = readProof(environment.tunnel, state.shown, plainOf(payloads))
      const message = 'Aggressive mode message 3'
      const contact = saysInitialContact(payloads)
      const checking = {
        kind: 'checking',
        message,
        keyed: state,
        saysInitialContact: contact,
      } as const
      const nat = readNat(payloads, state.suite.hash, environment)
      return { ...check(checking, shown, environment), nat }
    },
  }),
]

/** The key pair is there: message 1. All suites offered have its group, since the public value is in the same message. */
export function sendAggressive1(
  state: Extract<Phase1State, { kind: 'aggressive-generating' }>,
  own: KeyPair,
  { crypto, tunnel }: Phase1Environment,
): Step {
  const nonceI = crypto.random(NONCE_OCTETS)
  const { offer, saBody } = state
  const id = identityToPayload(tunnel.localId)
  return {
    next: { kind: 'aggressive-sent', offer, saBody, own, nonceI },
    send: {
      payloads: [
        offer,
        ...keyAndNonce(own.publicValue, nonceI),
        id,
        ...certificateRequests(tunnel),
        ...ownVendorIds(tunnel),
      ],
    },
  }
}

/**
 * Message 1 as it reaches a responder. An identity we do not know gets no HASH_R, which would be food for guessing.
 * @throws NoAgreement, AuthenticationFailure, PeerViolation
 */
export function readAggressive1(
  payloads: readonly PlacedPayload[],
  environment: Phase1Environment,
): Step {
  const required = ['SA', 'KE', 'NONCE', 'ID'] as const
  const { SA, KE, NONCE, ID } = match('message 1', plainOf(payloads), required)
  const { tunnel } = environment
  const identity = identityFromPayload(ID)
  if (identity === undefined || !isAwaited(tunnel, identity)) {
    const failure = otherIdentity(tunnel, ID, 'before any proof', environment.abilities.vendor)
    throw new AuthenticationFailure('wrong-identity', failure)
  }
  const { answer, suite, lifetime } = chooseOrRefuse(SA, environment)
  checkPeerValues(1, { publicValue: KE.data, nonce: NONCE.data })
  return {
    next: {
      kind: 'aggressive-answering',
      saBody: bodyOf(payloads, SA).slice(),
      suite,
      lifetime,
      answer,
      nonceI: NONCE.data,
      peerPublic: KE.data,
      shown: { id: ID, idBody: bodyOf(payloads, ID).slice() },
    },
    ask: { kind: 'generate-and-agree', group: suite.keyExchange, peerPublic: KE.data },
  }
}

/** The responder's secret is there: message 2, in clear, with its proof. */
export function sendAggressive2(
  state: Extract<Phase1State, { kind: 'aggressive-answering' }>,
  own: KeyPair,
  sharedSecret: Uint8Array,
  environment: Phase1Environment,
): Step {
  const { nonceI, peerPublic, shown, answer } = state
  const nonceR = environment.crypto.random(NONCE_OCTETS)
  const ours = { publicValue: own.publicValue, nonce: nonceR }
  checkPeerValues(1, { publicValue: peerPublic, nonce: nonceI }, ours)
  const values = { nonceI, nonceR, publicI: peerPublic, publicR: own.publicValue }
  const keyed = keyedState(environment, state, sharedSecret, values)
  const requests = certificateRequests(environment.tunnel)
  const head = [answer, ...keyAndNonce(own.publicValue, nonceR), ...requests]
  const message = 'Aggressive mode message 2'
  return prove({ kind: 'proving', message, keyed, shown, head }, environment)
}

/** The initiator's secret is there: check message 2's proof, answer with ours; the ISAKMP SA is up. @throws AuthenticationFailure */
export function sendAggressive3(
  state: Extract<Phase1State, { kind: 'aggressive-agreeing' }>,
  own: KeyPair,
  sharedSecret: Uint8Array,
  environment: Phase1Environment,
): Step {
  const { nonceI, nonceR, peerPublic, shown } = state
  const values = { nonceI, nonceR, publicI: own.publicValue, publicR: peerPublic }
  const keyed = keyedState(environment, state, sharedSecret, values)
  const message = 'Aggressive mode message 2'
  return check({ kind: 'checking', message, keyed, saysInitialContact: false }, shown, environment)
}
