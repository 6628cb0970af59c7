/** New Group Mode (RFC 2409 §5.6) would have us compute in a group of the peer's own making, so it is always refused. */
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { sendInformational } from './informational.ts'
import { openLone } from './lone-message.ts'
import { phase1Notify } from './notify.ts'
import type { Phase2Channel } from './phase2-channel.ts'

/** @returns whether the message was truly the peer's; only then it hears of the refusal. */
export function refuseNewGroup(
  channel: Phase2Channel,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): boolean {
  if (openLone(channel, datagram, header, 'New Group Mode', context) === undefined) return false
  channel.drop(datagram, 'out-of-state', 'New Group Mode is refused: no groups but ours', context)
  const refusal = phase1Notify('ATTRIBUTES-NOT-SUPPORTED', channel.cookies.pair)
  sendInformational(channel, [refusal], context)
  return true
}
