import type { NotificationPayload } from '#wire/v1/payloads'
import type { Phase1 } from './phase1.ts'
import { phase1ResponderLifetime } from './responder-lifetime.ts'
import { initialContact } from './transitions/phase1-steps.ts'

/**
 * What Main mode says beside its last messages. Aggressive mode does not protect it, so it goes into an Informational exchange
 * afterwards (RFC 2407 §4.6.3); where a login comes between, behind that: before it nobody is believed.
 */
export function toldAfterAggressiveMode(phase1: Phase1): readonly NotificationPayload[] {
  const { config, state, role, cookies } = phase1
  if (config.ike !== 'v1-aggressive' || state.kind !== 'established') return []
  return role === 'initiator'
    ? initialContact(phase1)
    : phase1ResponderLifetime(cookies.pair, state.lifetime)
}
