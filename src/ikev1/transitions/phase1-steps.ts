/** What Main and Aggressive mode do alike (RFC 2409 §5). */
import { equalOctets } from '#bytes/equal'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import { NotifyType } from '#iana/isakmp'
import { NoAgreement, PeerViolation } from '#ike/errors'
import type { IkeSuite } from '#policy/proposal'
import type { PlacedPayload } from '#wire/v1/message'
import type { NotificationPayload, Payload, SaPayload } from '#wire/v1/payloads'
import { authenticationMethod } from '../authentication-method.ts'
import { otherAuthentication } from '../failures.ts'
import { derivePhase1Keys, phase1Iv, skeyidForSignatures, skeyidFromPsk } from '../keys.ts'
import { phase1Notify } from '../notify.ts'
import {
  choosePhase1,
  offeredAuthentication,
  type Phase1Choice,
  type Phase1Wish,
} from '../phase1-proposals.ts'
import { noPhase1Proposal } from '../proposal-failures.ts'
import type { Keyed, Phase1Agreement } from '../state.ts'
import type { Phase1Environment } from '../step.ts'

export function phase1Wish(tunnel: TunnelConfig, role: 'initiator' | 'responder'): Phase1Wish {
  return { ...tunnel.phase1, method: authenticationMethod(tunnel, role) }
}

/** The responder's choice. @throws NoAgreement when nothing offered suits us. */
export function chooseOrRefuse(
  offer: SaPayload,
  { tunnel, abilities }: Phase1Environment,
): Phase1Choice {
  const choice = choosePhase1(offer, phase1Wish(tunnel, 'responder'))
  if (choice !== undefined) return choice
  const methods = [...offeredAuthentication(offer)]
  throw new NoAgreement(
    'no-proposal',
    methods.includes(authenticationMethod(tunnel, 'responder'))
      ? noPhase1Proposal(tunnel, offer, abilities.vendor)
      : otherAuthentication(tunnel, methods),
  )
}

/** Values the peer sent, checked for what no group could tell. @throws PeerViolation */
export function checkPeerValues(
  message: number,
  peer: { readonly publicValue: Uint8Array; readonly nonce: Uint8Array },
  own?: { readonly publicValue: Uint8Array; readonly nonce: Uint8Array },
): void {
  // RFC 2409 §5: between 8 and 256 octets.
  if (peer.nonce.length < 8 || peer.nonce.length > 256) {
    const detail = `a nonce has ${peer.nonce.length} octets; 8 to 256 are allowed`
    throw new PeerViolation('wrong-payload-content', detail)
  }
  if (own === undefined) return
  // Our own values back would make us prove our key to ourselves (reflection).
  if (equalOctets(peer.publicValue, own.publicValue) || equalOctets(peer.nonce, own.nonce)) {
    throw new PeerViolation('wrong-payload-content', `message ${message} reflects our own values`)
  }
}

export function keyAndNonce(publicValue: Uint8Array, nonce: Uint8Array): readonly Payload[] {
  return [
    { type: 'KE', data: publicValue },
    { type: 'NONCE', data: nonce },
  ]
}

/** All keys of the ISAKMP SA, once the secret is agreed on. */
export function keyedState(
  environment: Phase1Environment,
  { saBody, suite, lifetime }: Phase1Agreement,
  sharedSecret: Uint8Array,
  values: Pick<Keyed['transcript'], 'nonceI' | 'nonceR' | 'publicI' | 'publicR'>,
): Keyed {
  const { crypto, cookies } = environment
  const { initiator: initiatorCookie, responder: responderCookie } = cookies
  const transcript = { ...values, initiatorCookie, responderCookie }
  const skeyid = skeyidOf(environment, suite, values, sharedSecret)
  return {
    saBody,
    suite,
    lifetime,
    transcript,
    sharedSecret: new Secret(sharedSecret),
    keys: derivePhase1Keys(crypto, suite, skeyid, sharedSecret, transcript),
    iv: phase1Iv(crypto, suite, values.publicI, values.publicR),
  }
}

function skeyidOf(
  { crypto, tunnel: { authentication } }: Phase1Environment,
  suite: IkeSuite,
  { nonceI, nonceR }: Pick<Keyed['transcript'], 'nonceI' | 'nonceR'>,
  sharedSecret: Uint8Array,
): Secret {
  return authentication.kind === 'psk'
    ? skeyidFromPsk(crypto, suite, authentication.psk, nonceI, nonceR)
    : skeyidForSignatures(crypto, suite, sharedSecret, nonceI, nonceR)
}

/** From the initiator, when it holds no older SA with the peer. */
export function initialContact({
  isFirstContact,
  cookies,
}: Pick<Phase1Environment, 'isFirstContact' | 'cookies'>): readonly NotificationPayload[] {
  return isFirstContact() ? [phase1Notify('INITIAL-CONTACT', cookies.pair)] : []
}

export function saysInitialContact(payloads: readonly PlacedPayload[]): boolean {
  const number = NotifyType.number('INITIAL-CONTACT')
  return payloads.some(({ payload }) => payload.type === 'N' && payload.notifyType === number)
}

/** A payload's octets as they were received, behind the generic header. */
export function bodyOf(payloads: readonly PlacedPayload[], payload: Payload): Uint8Array {
  return payloads.find((placed) => placed.payload === payload)?.body ?? new Uint8Array(0)
}

export const NONCE_OCTETS = 32
