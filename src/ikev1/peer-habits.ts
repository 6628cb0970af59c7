import type { IkeContext } from '#ike/version'
import { formatDuration } from '#policy/lifetime'
import type { Payload } from '#wire/v1/payloads'
import type { QuickHost } from './quick-exchange.ts'
import { isResponderLifetime } from './responder-lifetime.ts'
import type { ChildTerms } from './transitions/quick-mode.ts'

/** CW-407: the peer has Quick mode wait for its CONNECTED (RFC 2408 §3.1); we do. */
export function tellCommitBit({ tunnel }: QuickHost, context: IkeContext): void {
  const { name } = tunnel
  const text = `${name} sets the commit bit in Quick mode: we wait for its CONNECTED before we send, a few seconds at most`
  context.tell({ kind: 'peer-habit', tunnel: name, code: 'CW-407', text })
}

/** CW-407: the peer keeps the Child SA for less than we asked, and says so beside its answer (RFC 2407 §4.6.3.1). */
export function tellLifetime(
  { tunnel }: QuickHost,
  { choice, wish }: ChildTerms,
  payloads: readonly Payload[],
  context: IkeContext,
): void {
  const { seconds, kilobytes } = choice.lifetime
  const said = payloads.some(
    (payload) => payload.type === 'N' && isResponderLifetime(payload, 'ESP'),
  )
  const less =
    seconds < wish.lifetime.seconds || (kilobytes ?? 0) !== (wish.lifetime.kilobytes ?? 0)
  if (!said || !less) return
  const { name } = tunnel
  const volume = kilobytes === undefined ? '' : ` or ${kilobytes.toLocaleString('en')} KB`
  const text = `${name} keeps phase 2 for ${formatDuration(seconds)}${volume}, where we have ${formatDuration(wish.lifetime.seconds)}, and told us by a RESPONDER-LIFETIME notify: we keep to it`
  context.tell({ kind: 'peer-habit', tunnel: name, code: 'CW-407', text })
}
