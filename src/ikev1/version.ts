import type { TunnelConfig } from '#config/config'
import { AuthenticationFailure, NoAgreement, PeerViolation } from '#ike/errors'
import type { Datagram, IkeContext, IkeSa, IkeVersion } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { decodeClear, freshCookie, plainOf, sendClearNotify } from './clear-message.ts'
import { FirstFragments } from './first-fragments.ts'
import { Ikev1Sa } from './ike-sa.ts'
import { likeness } from './likeness.ts'
import { FLAG_ENCRYPTION } from './protect.ts'
import { cookiesOf } from './step.ts'
import { EXCHANGE_NUMBERS, exchangeOf } from './transitions/phase1-exchanges.ts'
import { TunnelChoice } from './tunnel-choice.ts'

/** IKEv1 as the engine takes it. Spoken only with peers whose tunnel says so. */
export const ikev1: IkeVersion = {
  major: 1,
  initiates: (tunnel) => tunnel.ike === 'v1-main' || tunnel.ike === 'v1-aggressive',
  initiate: (tunnel, isFirstContact, context, along) =>
    Ikev1Sa.initiate(tunnel, isFirstContact, context, along),
  answers: ({ exchangeType, flags, messageId }, tunnel) =>
    exchangeType === EXCHANGE_NUMBERS[exchangeOf(tunnel)] &&
    messageId === 0 &&
    (flags & FLAG_ENCRYPTION) === 0,
  firstMessages: () => new FirstFragments(),
  likeness,
  accept,
}

function accept(
  datagram: Datagram,
  header: IkeHeader,
  tunnels: readonly TunnelConfig[],
  context: IkeContext,
): IkeSa | undefined {
  const [first, ...others] = tunnels
  if (first === undefined) return undefined
  const sameMode = others.filter((other) => exchangeOf(other) === exchangeOf(first))
  const candidates = [first, ...sameMode] as const
  try {
    return Ikev1Sa.accept(candidates, datagram, header, context)
  } catch (error) {
    const tunnel = meantTunnel(candidates, datagram, header)
    if (error instanceof NoAgreement) {
      const cookies = cookiesOf(header.initiatorSpi, freshCookie(context))
      sendClearNotify('NO-PROPOSAL-CHOSEN', cookies, new Uint8Array(0), datagram, context)
      context.outcomes.push({ kind: 'refused', tunnel, failure: error.failure })
      return undefined
    }
    if (error instanceof AuthenticationFailure) {
      // Nobody hears why: an answer would tell which identities there are.
      context.outcomes.push({ kind: 'refused', tunnel, failure: error.failure })
      return undefined
    }
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    const reason = error instanceof MalformedMessage ? 'malformed' : 'out-of-state'
    context.tell({
      kind: 'dropped',
      tunnel,
      remote: datagram.remote,
      reason,
      detail: error.message,
    })
    return undefined
  }
}

/** Which of them a refusal is about. */
function meantTunnel(
  candidates: readonly [TunnelConfig, ...TunnelConfig[]],
  datagram: Datagram,
  header: IkeHeader,
): string {
  try {
    const payloads = plainOf(decodeClear(datagram, header))
    return TunnelChoice.byMessage1(candidates, payloads).config.name
  } catch (error) {
    // What cannot be read says nothing.
    if (!(error instanceof MalformedMessage)) throw error
    return candidates[0].name
  }
}
