import { ExchangeType, isErrorNotify } from '#iana/isakmp'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { identityRefused } from './identity-failures.ts'
import { readInformational } from './informational.ts'
import type { Phase1 } from './phase1.ts'

/**
 * Who refuses the proof in our message 5, or in our message 2 of Aggressive mode, may say so under the keys both already have; then it is no
 * hint but a fact.
 */
export function handleEarlyInformational(
  phase1: Phase1,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): void {
  const { state, config } = phase1
  const proven = state.kind === 'id-sent' || state.kind === 'aggressive-answered'
  if (!proven || header.exchangeType !== ExchangeType.number('INFORMATIONAL')) {
    phase1.drop(datagram, 'out-of-state', `an encrypted message while ${state.kind}`, context)
    return
  }
  const news = readInformational(phase1.channel(state, state.iv), datagram, header, context)
  if (news === undefined) phase1.hints.unreadable(state, datagram, context)
  const refusal = news?.notifies.find(({ notifyType }) => isErrorNotify(notifyType))
  if (refusal !== undefined) phase1.fail(identityRefused(config, refusal.notifyType))
}
