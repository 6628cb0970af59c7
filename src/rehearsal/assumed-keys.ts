import { equalSecret } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import { nodeCrypto } from '#crypto/node'
import type { Meeting } from './pairing.ts'

export type Keys = 'compared' | 'assumed'

/** The key of no one, in the place of one that is not at hand. */
export const STAND_IN_KEY: string = `a key that is not here ${nodeCrypto.random(16).join('.')}`

/** Gives an end whose key is not at hand that of the other. */
export function withAssumedKeys(meeting: Meeting): {
  readonly meeting: Meeting
  readonly keys: Keys
} {
  const { a, b } = meeting
  if (isStandIn(b) && a.authentication.kind === 'psk') {
    const assumed = { ...b, authentication: a.authentication }
    return { meeting: { ...meeting, b: assumed }, keys: 'assumed' }
  }
  if (isStandIn(a) && b.authentication.kind === 'psk') {
    const assumed = { ...a, authentication: b.authentication }
    return { meeting: { ...meeting, a: assumed }, keys: 'assumed' }
  }
  return { meeting, keys: 'compared' }
}

function isStandIn({ authentication }: TunnelConfig): boolean {
  if (authentication.kind !== 'psk') return false
  return equalSecret(authentication.psk.reveal(), new TextEncoder().encode(STAND_IN_KEY))
}
