import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import { NoAgreement, PeerViolation } from '#ike/errors'
import type { Datagram, IkeContext, IkeSa, IkeVersion } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { Ikev1Sa } from './ike-sa.ts'
import { phase1Notify } from './notify.ts'
import { freshMessageId } from './phase2-channel.ts'
import { encodePlain, FLAG_ENCRYPTION } from './protect.ts'

/** IKEv1 as the engine takes it. Spoken only with peers whose tunnel says so. */
export const ikev1: IkeVersion = {
  major: 1,
  initiates: (tunnel) => tunnel.ike === 'v1-main',
  initiate: (tunnel, isFirstContact, context) => Ikev1Sa.initiate(tunnel, isFirstContact, context),
  answers: ({ exchangeType, flags, messageId }, tunnel) =>
    tunnel.ike === 'v1-main' &&
    exchangeType === ExchangeType.number('IDENTITY-PROTECTION') &&
    messageId === 0 &&
    (flags & FLAG_ENCRYPTION) === 0,
  accept,
}

function accept(
  datagram: Datagram,
  header: IkeHeader,
  tunnel: TunnelConfig,
  context: IkeContext,
): IkeSa | undefined {
  try {
    return Ikev1Sa.accept(tunnel, datagram, header, context)
  } catch (error) {
    if (error instanceof NoAgreement) {
      sayNoProposalChosen(datagram, header, context)
      context.outcomes.push({ kind: 'refused', tunnel: tunnel.name, failure: error.failure })
      return undefined
    }
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    const reason = error instanceof MalformedMessage ? 'malformed' : 'out-of-state'
    context.tell({
      kind: 'dropped',
      tunnel: tunnel.name,
      remote: datagram.remote,
      reason,
      detail: error.message,
    })
    return undefined
  }
}

/** In clear, since there are no keys; a word the peer may take as a hint (RFC 2408 §5.4). Shorter than what provoked it. */
function sayNoProposalChosen(
  datagram: Datagram,
  { initiatorSpi }: IkeHeader,
  context: IkeContext,
): void {
  const responderSpi = context.crypto.random(8)
  const header = {
    initiatorSpi,
    responderSpi,
    exchangeType: ExchangeType.number('INFORMATIONAL'),
    messageId: freshMessageId(context),
  }
  const octets = encodePlain(header, [phase1Notify('NO-PROPOSAL-CHOSEN', new Uint8Array(0))])
  context.effects.push({ kind: 'send', octets, local: datagram.local, remote: datagram.remote })
}
