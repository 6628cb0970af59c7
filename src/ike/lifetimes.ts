import type { Crypto } from '#crypto/port'
import type { Instant } from './effects.ts'

/**
 * When to replace an SA and when it ends. Who initiated it goes first, at a random point between 80 and 88 % of the lifetime; the other
 * side, between 90 and 95 %, only steps in where that failed. So both rarely begin at once, and tunnels made together drift apart.
 */
export function lifeOf(
  seconds: number,
  role: 'initiator' | 'responder',
  now: Instant,
  crypto: Crypto,
): { readonly rekeyAt: Instant; readonly expiresAt: Instant } {
  const share = role === 'initiator' ? 0.8 + 0.08 * fraction(crypto) : 0.9 + 0.05 * fraction(crypto)
  return { rekeyAt: now + seconds * 1_000 * share, expiresAt: now + seconds * 1_000 }
}

/** Evenly spread over 0…1. */
export function fraction(crypto: Crypto): number {
  const octets = crypto.random(2)
  return ((octets[0] ?? 0) * 256 + (octets[1] ?? 0)) / 65_536
}
