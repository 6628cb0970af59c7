import type { DropReason } from './events.ts'
import type { Tunnel } from './tunnel.ts'
import type { Datagram, IkeContext } from './version.ts'

/**
 * Whether one more first message may get state. Someone may flood in the peer's name: what had its turn and did nothing makes room, the
 * rest is not even answered.
 */
export function makeRoom({ ikeSas }: Tunnel, datagram: Datagram, context: IkeContext): boolean {
  const { address } = datagram.remote
  const ofPeer = ikeSas.halfOpen.filter(({ remote }) => remote.address === address)
  // Where peers come from anywhere, an attacker has as many addresses as it likes.
  const [oldest] = ofPeer.length >= MAX_HALF_OPEN ? ofPeer : ikeSas.halfOpen
  if (oldest === undefined) return true
  if (ofPeer.length < MAX_HALF_OPEN && ikeSas.halfOpen.length < MAX_HALF_OPEN_IN_ALL) return true
  if (context.now < oldest.startedAt + HALF_OPEN_TURN) {
    drop(datagram, 'admission', `${ofPeer.length} negotiations of this peer are half open`, context)
    return false
  }
  oldest.close('failed', [], context)
  return true
}

/** What led nowhere is told, never answered at length. */
export function drop(
  { remote }: Datagram,
  reason: DropReason,
  detail: string,
  context: IkeContext,
): void {
  context.tell({ kind: 'dropped', remote, reason, detail })
}

/** Half-open SAs one peer may have, all peers of a tunnel together, and the milliseconds each has at least to go on. */
const MAX_HALF_OPEN = 16
const MAX_HALF_OPEN_IN_ALL = 256
const HALF_OPEN_TURN = 1_000
