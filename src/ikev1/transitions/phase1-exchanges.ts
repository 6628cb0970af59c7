import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import type { Answer } from '#ike/effects'
import type { RefusedPeer, VerifiedPeer } from '#pki/verify-peer'
import { encodePayloadBody, type PlacedPayload } from '#wire/v1/message'
import { offerPhase1 } from '../phase1-proposals.ts'
import type { Checking, Phase1State, Proving } from '../state.ts'
import type { Phase1Environment, Step } from '../step.ts'
import { ownVendorIds } from '../vendor-ids.ts'
import {
  aggressiveModeRows,
  readAggressive1,
  sendAggressive1,
  sendAggressive2,
  sendAggressive3,
} from './aggressive-mode.ts'
import {
  answerMessage1,
  mainModeRows,
  sendMessage3,
  sendMessage4,
  sendMessage5,
} from './main-mode.ts'
import { phase1Wish } from './phase1-steps.ts'
import { signed, verified } from './proofs.ts'
import type { Row } from './row.ts'

/** The exchange phase 1 of a tunnel is; an operator chooses one, and no other is answered. */
export function exchangeOf({ ike }: TunnelConfig): Row['exchange'] {
  return ike === 'v1-aggressive' ? 'aggressive' : 'main'
}

export const EXCHANGE_NUMBERS: Readonly<Record<Row['exchange'], number>> = {
  main: ExchangeType.number('IDENTITY-PROTECTION'),
  aggressive: ExchangeType.number('AGGRESSIVE'),
}

/** The row a message leads to; undefined when none is waited for in this state. */
export function rowFor({ kind }: Phase1State, exchangeType: number): Row | undefined {
  return ROWS.find(
    ({ from, exchange }) => from === kind && EXCHANGE_NUMBERS[exchange] === exchangeType,
  )
}

/** An initiator's first step. */
export function begin({ tunnel }: Phase1Environment): Step {
  const wish = phase1Wish(tunnel, 'initiator')
  if (exchangeOf(tunnel) === 'main') {
    const offer = offerPhase1(wish)
    return {
      next: { kind: 'sa-sent', offer, saBody: encodePayloadBody(offer) },
      send: { payloads: [offer, ...ownVendorIds(tunnel)] },
    }
  }
  const group = wish.suites[0]?.keyExchange ?? 'modp2048'
  const suites = wish.suites.filter(({ keyExchange }) => keyExchange === group)
  const offer = offerPhase1({ ...wish, suites })
  return {
    next: { kind: 'aggressive-generating', offer, saBody: encodePayloadBody(offer) },
    ask: { kind: 'generate-key-pair', group },
  }
}

/** A responder's first step. @throws NoAgreement, AuthenticationFailure, PeerViolation */
export function firstAnswer(
  payloads: readonly PlacedPayload[],
  environment: Phase1Environment,
): Step {
  return exchangeOf(environment.tunnel) === 'main'
    ? answerMessage1(payloads, environment)
    : readAggressive1(payloads, environment)
}

/** Where public-key work leads, and after which message it was asked for. @throws AuthenticationFailure, PeerViolation */
export function stepAfterWork(
  state: Phase1State,
  answer: Exclude<Answer, { kind: 'refused' }>,
  environment: Phase1Environment,
): { readonly after: number; readonly step: Step } | undefined {
  if (state.kind === 'proving' && answer.kind === 'signed') {
    return { after: numberOf(state) - 1, step: signed(state, answer.signature, environment) }
  }
  if (state.kind === 'checking' && isVerdict(answer)) {
    return { after: numberOf(state), step: verified(state, answer, environment) }
  }
  if (answer.kind !== 'key-pair' && answer.kind !== 'agreed') return undefined
  const { own } = answer
  if (state.kind === 'generating') return { after: 2, step: sendMessage3(state, own, environment) }
  if (state.kind === 'aggressive-generating') {
    return { after: 0, step: sendAggressive1(state, own, environment) }
  }
  if (answer.kind !== 'agreed') return undefined
  const { sharedSecret } = answer
  switch (state.kind) {
    case 'answering':
      return { after: 3, step: sendMessage4(state, own, sharedSecret, environment) }
    case 'agreeing':
      return { after: 4, step: sendMessage5(state, own, sharedSecret, environment) }
    case 'aggressive-answering':
      return { after: 1, step: sendAggressive2(state, own, sharedSecret, environment) }
    case 'aggressive-agreeing':
      return { after: 2, step: sendAggressive3(state, own, sharedSecret, environment) }
    default:
      return undefined
  }
}

function isVerdict(answer: Answer): answer is VerifiedPeer | RefusedPeer {
  return answer.kind === 'peer-verified' || answer.kind === 'peer-refused'
}

function numberOf({ message }: Proving | Checking): number {
  return Number(message.slice(-1))
}

const ROWS: readonly Row[] = [...mainModeRows, ...aggressiveModeRows]
