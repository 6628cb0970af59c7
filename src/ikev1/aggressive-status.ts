import type { NotificationPayload } from '#wire/v1/payloads'
import type { AgreedLifetime } from './attributes.ts'
import type { Phase1 } from './phase1.ts'
import { phase1ResponderLifetime } from './responder-lifetime.ts'
import { initialContact } from './transitions/phase1-steps.ts'

/**
 * What Main mode says beside its last messages. Aggressive mode does not protect it, so it goes into an Informational exchange
 * afterwards (RFC 2407 §4.6.3).
 */
export function toldAfterAggressiveMode(
  phase1: Phase1,
  lifetime: AgreedLifetime,
): readonly NotificationPayload[] {
  if (phase1.config.ike !== 'v1-aggressive') return []
  return phase1.role === 'initiator'
    ? initialContact(phase1)
    : phase1ResponderLifetime(phase1.cookies.pair, lifetime)
}
