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
  const rekeyAfter = seconds * 1_000 * shareOf(role, crypto)
  return { rekeyAt: now + rekeyAfter, expiresAt: now + seconds * 1_000 }
}

/** The same of its volume; `kilobytes` have 1,024 octets. */
export function volumeOf(
  kilobytes: number | undefined,
  role: 'initiator' | 'responder',
  crypto: Crypto,
): { readonly volume?: { readonly soft: number; readonly hard: number } } {
  if (kilobytes === undefined) return {}
  const hard = kilobytes * 1_024
  return { volume: { soft: Math.floor(hard * shareOf(role, crypto)), hard } }
}

function shareOf(role: 'initiator' | 'responder', crypto: Crypto): number {
  return role === 'initiator' ? 0.8 + 0.08 * fraction(crypto) : 0.9 + 0.05 * fraction(crypto)
}

/** Evenly spread over 0…1. */
export function fraction(crypto: Crypto): number {
  const octets = crypto.random(2)
  return ((octets[0] ?? 0) * 256 + (octets[1] ?? 0)) / 65_536
}
