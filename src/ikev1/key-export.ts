import type { Effect } from '#ike/effects'
import type { Phase1Keys } from './keys.ts'
import type { Cookies, Step } from './step.ts'

/** The cipher key of an ISAKMP SA as an effect, in the one step that brings it; the daemon drops it unless it was asked to keep it. */
export function exportedKeys(
  before: Step['next'],
  next: Step['next'],
  tunnel: string,
  cookies: Cookies,
): readonly Effect[] {
  const keys = keysOf(next)
  if (keys === undefined || keysOf(before) !== undefined) return []
  const { cipherKey } = keys
  return [{ kind: 'ike-keys', tunnel, initiatorSpi: cookies.initiator, cipherKey }]
}

function keysOf(state: Step['next']): Phase1Keys | undefined {
  if ('keys' in state) return state.keys
  if ('keyed' in state) return state.keyed.keys
  return state.kind === 'authenticated' ? state.from.keys : undefined
}
