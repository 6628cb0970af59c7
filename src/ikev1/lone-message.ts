import { PeerViolation } from '#ike/errors'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { Payload } from '#wire/v1/payloads'
import { boundTo, type Phase2Channel } from './phase2-channel.ts'

/**
 * The first message of an exchange that is not carried on, read only to know that the peer has sent it.
 * @returns undefined, and it is dropped, where that is not certain
 */
export function openLone(
  channel: Phase2Channel,
  datagram: Datagram,
  header: IkeHeader,
  name: string,
  context: IkeContext,
): readonly Payload[] | undefined {
  const { messageId } = header
  try {
    const iv = channel.firstIv(messageId, context)
    return channel.open(datagram, header, iv, boundTo(messageId), context).payloads
  } catch (error) {
    if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
    const reason = error instanceof MalformedMessage ? 'undecryptable' : 'bad-hash'
    channel.drop(datagram, reason, `${name}: ${error.message}`, context)
    return undefined
  }
}
