import { AttributeMessage } from '#iana/mode-config'
import { every } from '#ike/message-rules'
import type { Datagram, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { openLone } from './lone-message.ts'
import type { Phase2Channel } from './phase2-channel.ts'
import { isXauth } from './xauth.ts'

/**
 * A tunnel without XAUTH and Mode Config speaks no transactions. What the peer wants by one is told, since it may wait for an answer, or
 * give up, without a word. @returns whether the message was truly the peer's
 */
export function readUnserved(
  channel: Phase2Channel,
  datagram: Datagram,
  header: IkeHeader,
  context: IkeContext,
): boolean {
  const payloads = openLone(channel, datagram, header, 'transaction', context)
  if (payloads === undefined) return false
  channel.drop(datagram, 'out-of-state', 'a transaction, which this tunnel has none of', context)
  const asked = every(payloads, 'ATTR').find(({ message }) => message === REQUEST)
  if (asked === undefined) return true
  const text = isXauth(asked) ? userAsked(channel.tunnel) : addressAsked(channel.tunnel)
  context.tell({ kind: 'warning', tunnel: channel.tunnel, text })
  return true
}

export function addressAsked(name: string): string {
  return `${name} asks for an address (Mode Config), and this tunnel has none to give: have ${name} ask for none (strongSwan: no vips), or set mode-config: {role: server} with addresses here`
}

function userAsked(name: string): string {
  return `${name} asks for a user name and password (XAUTH), which this tunnel does not have: set xauth: {role: client} with both here, or have ${name} ask for none`
}

const REQUEST = AttributeMessage.number('REQUEST')
