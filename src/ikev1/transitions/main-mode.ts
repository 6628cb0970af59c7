/**
 * Main mode with a pre-shared key (RFC 2409 §5, §5.4), three two-way exchanges:
 *
 *   initiator                                responder
 *   1  HDR, SA, VID…             -->
 *                                <--         2  HDR, SA, VID…
 *   3  HDR, KE, Ni, NAT-D, NAT-D -->
 *                                <--         4  HDR, KE, Nr, NAT-D, NAT-D
 *   5  HDR*, IDii, HASH_I        -->
 *                                <--         6  HDR*, IDir, HASH_R
 */
import { equalOctets } from '#bytes/equal'
import type { KeyPair } from '#crypto/port'
import { NotifyType } from '#iana/isakmp'
import { NoAgreement, PeerViolation } from '#ike/errors'
import { match } from '#ike/message-rules'
import { identityToPayload } from '#wire/v1/id-payload'
import type { PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { authenticatePeer, proveOurselves } from '../auth.ts'
import { plainOf } from '../clear-message.ts'
import { noPhase1Proposal, otherAuthentication } from '../failures.ts'
import { derivePhase1Keys, phase1Iv, skeyidFromPsk } from '../keys.ts'
import { natPayloads, readNat } from '../nat-traversal.ts'
import { phase1Notify } from '../notify.ts'
import {
  choosePhase1,
  describePhase1Offer,
  offeredAuthentication,
  PRE_SHARED_KEY,
  readPhase1Choice,
} from '../phase1-proposals.ts'
import type { Keyed, Phase1Agreement, Phase1State } from '../state.ts'
import type { Phase1Environment, Step } from '../step.ts'
import { ownVendorIds } from '../vendor-ids.ts'

/** A transition: in `from`, message `message` leads on. `story` is what the log says. */
export type Row = {
  readonly story: string
  readonly from: Phase1State['kind']
  readonly message: number
  run(state: Phase1State, payloads: readonly PlacedPayload[], environment: Phase1Environment): Step
}

export const mainModeRows: readonly Row[] = [
  row({
    story: 'initiator: read the chosen algorithms, make a key pair',
    from: 'sa-sent',
    message: 2,
    requires: ['SA'],
    run(state, { SA }, { tunnel, cookies }) {
      if (cookies.responder.every((octet) => octet === 0)) {
        throw new PeerViolation('wrong-payload-content', 'message 2 has no responder cookie')
      }
      const choice = readPhase1Choice(SA, state.offer, tunnel.phase1.lifetime)
      if (choice === undefined)
        throw new PeerViolation('no-proposal', 'message 2 chooses what message 1 did not offer')
      return {
        next: { kind: 'generating', saBody: state.saBody, ...choice },
        ask: { kind: 'generate-key-pair', group: choice.suite.keyExchange },
      }
    },
  }),
  row({
    story: 'responder: take the public value and nonce, agree on a secret',
    from: 'sa-answered',
    message: 3,
    requires: ['KE', 'NONCE'],
    run(state, { KE, NONCE }, environment, payloads) {
      checkNonce(NONCE.data)
      return {
        next: { ...state, kind: 'answering', nonceI: NONCE.data, peerPublic: KE.data },
        ask: { kind: 'generate-and-agree', group: state.suite.keyExchange, peerPublic: KE.data },
        nat: readNat(payloads, state.suite.hash, environment),
      }
    },
  }),
  row({
    story: 'initiator: take the public value and nonce, agree on a secret',
    from: 'ke-sent',
    message: 4,
    requires: ['KE', 'NONCE'],
    run(state, { KE, NONCE }, environment, payloads) {
      checkNonce(NONCE.data)
      // Our own values back would make us prove our key to ourselves (reflection).
      if (equalOctets(KE.data, state.own.publicValue) || equalOctets(NONCE.data, state.nonceI)) {
        throw new PeerViolation('wrong-payload-content', 'message 4 reflects our own values')
      }
      return {
        next: { ...state, kind: 'agreeing', nonceR: NONCE.data, peerPublic: KE.data },
        ask: { kind: 'agree', group: state.suite.keyExchange, own: state.own, peerPublic: KE.data },
        nat: readNat(payloads, state.suite.hash, environment),
      }
    },
  }),
  row({
    story: 'responder: check who the initiator is, prove ourselves, the ISAKMP SA is up',
    from: 'ke-answered',
    message: 5,
    requires: ['ID', 'HASH'],
    run(state, { ID, HASH }, { crypto, tunnel }, payloads) {
      const peer = authenticatePeer(
        crypto,
        tunnel,
        'initiator',
        state,
        ID,
        bodyOf(payloads, ID),
        HASH,
      )
      const id = identityToPayload(tunnel.localId)
      return {
        next: { kind: 'authenticated', peer, from: state },
        send: [id, proveOurselves(crypto, 'responder', state, id)],
        initialContact: payloads.some(({ payload }) => isInitialContact(payload)),
      }
    },
  }),
  row({
    story: 'initiator: check who the responder is, the ISAKMP SA is up',
    from: 'id-sent',
    message: 6,
    requires: ['ID', 'HASH'],
    run(state, { ID, HASH }, { crypto, tunnel }, payloads) {
      const peer = authenticatePeer(
        crypto,
        tunnel,
        'responder',
        state,
        ID,
        bodyOf(payloads, ID),
        HASH,
      )
      return { next: { kind: 'authenticated', peer, from: state } }
    },
  }),
]

/** Message 1 as it reaches a responder; @throws NoAgreement when nothing of it suits us. */
export function answerMessage1(
  payloads: readonly PlacedPayload[],
  environment: Phase1Environment,
): Step {
  const { tunnel } = environment
  const { SA } = match('message 1', plainOf(payloads), ['SA'])
  const choice = choosePhase1(SA, tunnel.phase1.suites, tunnel.phase1.lifetime)
  if (choice === undefined) {
    const methods = [...offeredAuthentication(SA)]
    throw new NoAgreement(
      'no-proposal',
      methods.includes(PRE_SHARED_KEY)
        ? noPhase1Proposal(tunnel, describePhase1Offer(SA))
        : otherAuthentication(tunnel, methods),
    )
  }
  const { answer, suite, lifetime } = choice
  return {
    next: { kind: 'sa-answered', saBody: bodyOf(payloads, SA).slice(), suite, lifetime },
    send: [answer, ...ownVendorIds()],
  }
}

/** The key pair is there: message 3. */
export function sendMessage3(
  state: Extract<Phase1State, { kind: 'generating' }>,
  own: KeyPair,
  environment: Phase1Environment,
): Step {
  const nonceI = environment.crypto.random(NONCE_OCTETS)
  return {
    next: { ...state, kind: 'ke-sent', own, nonceI },
    send: [
      { type: 'KE', data: own.publicValue },
      { type: 'NONCE', data: nonceI },
      ...natPayloads(state.suite.hash, environment),
    ],
  }
}

/** The responder's secret is there: message 4, in clear, and the keys for what follows. */
export function sendMessage4(
  state: Extract<Phase1State, { kind: 'answering' }>,
  own: KeyPair,
  sharedSecret: Uint8Array,
  environment: Phase1Environment,
): Step {
  const nonceR = environment.crypto.random(NONCE_OCTETS)
  if (equalOctets(own.publicValue, state.peerPublic)) {
    throw new PeerViolation('wrong-payload-content', 'message 3 carries our own public value')
  }
  const keyed = keyedState(environment, state, sharedSecret, {
    nonceI: state.nonceI,
    nonceR,
    publicI: state.peerPublic,
    publicR: own.publicValue,
  })
  return {
    next: { kind: 'ke-answered', ...keyed },
    send: [
      { type: 'KE', data: own.publicValue },
      { type: 'NONCE', data: nonceR },
      ...natPayloads(state.suite.hash, environment),
    ],
  }
}

/** The initiator's secret is there: message 5, the first one encrypted. */
export function sendMessage5(
  state: Extract<Phase1State, { kind: 'agreeing' }>,
  own: KeyPair,
  sharedSecret: Uint8Array,
  environment: Phase1Environment,
): Step {
  const { crypto, tunnel, isFirstContact, cookies } = environment
  const keyed = keyedState(environment, state, sharedSecret, {
    nonceI: state.nonceI,
    nonceR: state.nonceR,
    publicI: own.publicValue,
    publicR: state.peerPublic,
  })
  const id = identityToPayload(tunnel.localId)
  return {
    next: { kind: 'id-sent', ...keyed },
    send: [
      id,
      proveOurselves(crypto, 'initiator', keyed, id),
      ...(isFirstContact() ? [phase1Notify('INITIAL-CONTACT', cookies.pair)] : []),
    ],
  }
}

function row<
  const Kind extends Phase1State['kind'],
  const Type extends Payload['type'],
>(definition: {
  readonly story: string
  readonly from: Kind
  readonly message: number
  readonly requires: readonly Type[]
  run(
    state: Extract<Phase1State, { kind: Kind }>,
    matched: { readonly [T in Type]: Extract<Payload, { type: T }> },
    environment: Phase1Environment,
    payloads: readonly PlacedPayload[],
  ): Step
}): Row {
  const { story, from, message, requires, run } = definition
  return {
    story,
    from,
    message,
    run(state, payloads, environment) {
      const matched = match(`message ${message}`, plainOf(payloads), requires)
      return run(state as Extract<Phase1State, { kind: Kind }>, matched, environment, payloads)
    },
  }
}

function keyedState(
  { crypto, tunnel, cookies }: Phase1Environment,
  { saBody, suite, lifetime }: Phase1Agreement,
  sharedSecret: Uint8Array,
  values: Pick<Keyed['transcript'], 'nonceI' | 'nonceR' | 'publicI' | 'publicR'>,
): Keyed {
  const transcript = {
    ...values,
    initiatorCookie: cookies.initiator,
    responderCookie: cookies.responder,
  }
  const skeyid = skeyidFromPsk(crypto, suite, tunnel.psk, values.nonceI, values.nonceR)
  return {
    saBody,
    suite,
    lifetime,
    transcript,
    keys: derivePhase1Keys(crypto, suite, skeyid, sharedSecret, transcript),
    iv: phase1Iv(crypto, suite, values.publicI, values.publicR),
  }
}

function bodyOf(payloads: readonly PlacedPayload[], payload: Payload): Uint8Array {
  return payloads.find((placed) => placed.payload === payload)?.body ?? new Uint8Array(0)
}

function isInitialContact(payload: Payload): boolean {
  return payload.type === 'N' && payload.notifyType === NotifyType.number('INITIAL-CONTACT')
}

/** RFC 2409 §5: between 8 and 256 octets. */
function checkNonce(nonce: Uint8Array): void {
  if (nonce.length < 8 || nonce.length > 256) {
    throw new PeerViolation(
      'wrong-payload-content',
      `a nonce has ${nonce.length} octets; 8 to 256 are allowed`,
    )
  }
}

const NONCE_OCTETS = 32
