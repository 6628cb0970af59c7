/**
 * Main mode (RFC 2409 §5, §5.1, §5.4), three two-way exchanges; HASH with a pre-shared key, CERT and SIG with certificates:
 *
 *   initiator                                responder
 *   1  HDR, SA, VID…             -->
 *                                <--         2  HDR, SA, VID…
 *   3  HDR, KE, Ni, [CR…,] NAT-D, NAT-D -->
 *                                <--         4  HDR, KE, Nr, [CR…,] NAT-D, NAT-D
 *   5  HDR*, IDii, HASH_I | CERT…, SIG_I -->
 *                                <--         6  HDR*, IDir, HASH_R | CERT…, SIG_R
 */
import type { KeyPair } from '#crypto/port'
import { PeerViolation } from '#ike/errors'
import { match } from '#ike/message-rules'
import type { PlacedPayload } from '#wire/v1/message'
import { readProof } from '../auth.ts'
import { certificateRequests } from '../certificate-requests.ts'
import { plainOf } from '../clear-message.ts'
import { natPayloads, readNat } from '../nat-traversal.ts'
import { readPhase1Choice } from '../phase1-proposals.ts'
import { withPhase1ResponderLifetime } from '../responder-lifetime.ts'
import type { Phase1State } from '../state.ts'
import type { Phase1Environment, Step } from '../step.ts'
import { answeringVendorIds } from '../vendor-ids.ts'
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

export const mainModeRows: readonly Row[] = [
  row({
    story: 'initiator: read the chosen algorithms, make a key pair',
    exchange: 'main',
    from: 'sa-sent',
    message: 2,
    encrypted: 'never',
    requires: ['SA'],
    run(state, { SA }, { tunnel, cookies }) {
      if (cookies.responder.every((octet) => octet === 0)) {
        throw new PeerViolation('wrong-payload-content', 'message 2 has no responder cookie')
      }
      const choice = readPhase1Choice(SA, state.offer, phase1Wish(tunnel, 'initiator'))
      if (choice === undefined) {
        throw new PeerViolation('no-proposal', 'message 2 chooses what message 1 did not offer')
      }
      return {
        next: { kind: 'generating', saBody: state.saBody, ...choice },
        ask: { kind: 'generate-key-pair', group: choice.suite.keyExchange },
      }
    },
  }),
  row({
    story: 'responder: take the public value and nonce, agree on a secret',
    exchange: 'main',
    from: 'sa-answered',
    message: 3,
    encrypted: 'never',
    requires: ['KE', 'NONCE'],
    run(state, { KE, NONCE }, environment, payloads) {
      checkPeerValues(3, { publicValue: KE.data, nonce: NONCE.data })
      return {
        next: { ...state, kind: 'answering', nonceI: NONCE.data, peerPublic: KE.data },
        ask: {
          kind: 'generate-and-agree',
          group: state.suite.keyExchange,
          peerPublic: KE.data,
        },
        nat: readNat(payloads, state.suite.hash, environment),
      }
    },
  }),
  row({
    story: 'initiator: take the public value and nonce, agree on a secret',
    exchange: 'main',
    from: 'ke-sent',
    message: 4,
    encrypted: 'never',
    requires: ['KE', 'NONCE'],
    run(state, { KE, NONCE }, environment, payloads) {
      const { own, nonceI, suite } = state
      const ours = { publicValue: own.publicValue, nonce: nonceI }
      checkPeerValues(4, { publicValue: KE.data, nonce: NONCE.data }, ours)
      return {
        next: { ...state, kind: 'agreeing', nonceR: NONCE.data, peerPublic: KE.data },
        ask: { kind: 'agree', group: suite.keyExchange, own, peerPublic: KE.data },
        nat: readNat(payloads, suite.hash, environment),
      }
    },
  }),
  row({
    story: 'responder: check who the initiator is, prove ourselves, the ISAKMP SA is up',
    exchange: 'main',
    from: 'ke-answered',
    message: 5,
    encrypted: 'always',
    requires: ['ID'],
    run(state, { ID }, environment, payloads) {
      const identity = { id: ID, idBody: bodyOf(payloads, ID).slice() }
      const shown = readProof(environment.tunnel, identity, plainOf(payloads))
      const message = 'Main mode message 5'
      const contact = saysInitialContact(payloads)
      const checking = {
        kind: 'checking',
        message,
        keyed: state,
        saysInitialContact: contact,
      } as const
      return check(checking, shown, environment)
    },
  }),
  row({
    story: 'initiator: check who the responder is, the ISAKMP SA is up',
    exchange: 'main',
    from: 'id-sent',
    message: 6,
    encrypted: 'always',
    requires: ['ID'],
    run(state, { ID }, environment, payloads) {
      const identity = { id: ID, idBody: bodyOf(payloads, ID).slice() }
      const shown = readProof(environment.tunnel, identity, plainOf(payloads))
      const message = 'Main mode message 6'
      const lifetime = withPhase1ResponderLifetime(state.lifetime, plainOf(payloads))
      const checking = {
        kind: 'checking',
        message,
        keyed: { ...state, lifetime },
        saysInitialContact: false,
      } as const
      return check(checking, shown, environment)
    },
  }),
]

/** Message 1 as it reaches a responder; @throws NoAgreement when nothing of it suits us. */
export function answerMessage1(
  payloads: readonly PlacedPayload[],
  environment: Phase1Environment,
): Step {
  const { SA } = match('message 1', plainOf(payloads), ['SA'])
  const { answer, suite, lifetime } = chooseOrRefuse(SA, environment)
  return {
    next: { kind: 'sa-answered', saBody: bodyOf(payloads, SA).slice(), suite, lifetime },
    send: { payloads: [answer, ...answeringVendorIds(environment.abilities, environment.tunnel)] },
  }
}

/** The key pair is there: message 3. */
export function sendMessage3(
  state: Extract<Phase1State, { kind: 'generating' }>,
  own: KeyPair,
  environment: Phase1Environment,
): Step {
  const nonceI = environment.crypto.random(NONCE_OCTETS)
  const nat = natPayloads(state.suite.hash, environment)
  const requests = certificateRequests(environment.tunnel)
  return {
    next: { ...state, kind: 'ke-sent', own, nonceI },
    send: { payloads: [...keyAndNonce(own.publicValue, nonceI), ...requests, ...nat] },
  }
}

/** The responder's secret is there: message 4, in clear, and the keys for what follows. */
export function sendMessage4(
  state: Extract<Phase1State, { kind: 'answering' }>,
  own: KeyPair,
  sharedSecret: Uint8Array,
  environment: Phase1Environment,
): Step {
  const { nonceI, peerPublic } = state
  const nonceR = environment.crypto.random(NONCE_OCTETS)
  const ours = { publicValue: own.publicValue, nonce: nonceR }
  checkPeerValues(3, { publicValue: peerPublic, nonce: nonceI }, ours)
  const values = { nonceI, nonceR, publicI: peerPublic, publicR: own.publicValue }
  const nat = natPayloads(state.suite.hash, environment)
  const requests = certificateRequests(environment.tunnel)
  return {
    next: { kind: 'ke-answered', ...keyedState(environment, state, sharedSecret, values) },
    send: { payloads: [...keyAndNonce(own.publicValue, nonceR), ...requests, ...nat] },
  }
}

/** The initiator's secret is there: message 5, the first one encrypted. */
export function sendMessage5(
  state: Extract<Phase1State, { kind: 'agreeing' }>,
  own: KeyPair,
  sharedSecret: Uint8Array,
  environment: Phase1Environment,
): Step {
  const { nonceI, nonceR, peerPublic } = state
  const values = { nonceI, nonceR, publicI: own.publicValue, publicR: peerPublic }
  const keyed = keyedState(environment, state, sharedSecret, values)
  return prove({ kind: 'proving', message: 'Main mode message 5', keyed }, environment)
}
