import type { KeyPair } from '#crypto/port'
import type { Instant } from '#ike/effects'
import type { IkeSuite, Lifetime } from '#policy/proposal'
import type { SaPayload } from '#wire/v1/payloads'
import type { PeerAuthenticated } from './auth.ts'
import type { Phase1Keys, Phase1Transcript } from './keys.ts'

/** What the first two messages settled; `saBody` is SAi_b, the body of the initiator's SA payload as it was sent. */
export type Phase1Agreement = {
  readonly saBody: Uint8Array
  readonly suite: IkeSuite
  readonly lifetime: Lifetime
}

/** Keys exist, identities are still to be shown. `iv` is where the CBC chain of phase 1 stands. */
export type Keyed = Phase1Agreement & {
  readonly keys: Phase1Keys
  readonly transcript: Phase1Transcript
  readonly iv: Uint8Array
}

/** Phase 1 of one ISAKMP SA; a state holds exactly what is known in it. */
export type Phase1State =
  // Initiator
  | { readonly kind: 'sa-sent'; readonly offer: SaPayload; readonly saBody: Uint8Array }
  | ({ readonly kind: 'generating' } & Phase1Agreement)
  | ({
      readonly kind: 'ke-sent'
      readonly own: KeyPair
      readonly nonceI: Uint8Array
    } & Phase1Agreement)
  | ({
      readonly kind: 'agreeing'
      readonly nonceI: Uint8Array
      readonly nonceR: Uint8Array
      readonly peerPublic: Uint8Array
    } & Phase1Agreement)
  | ({ readonly kind: 'id-sent' } & Keyed)
  // Responder
  | ({ readonly kind: 'sa-answered' } & Phase1Agreement)
  | ({
      readonly kind: 'answering'
      readonly nonceI: Uint8Array
      readonly peerPublic: Uint8Array
    } & Phase1Agreement)
  | ({ readonly kind: 'ke-answered' } & Keyed)
  // Both
  | Established
  | { readonly kind: 'closed' }

export type Established = {
  readonly kind: 'established'
  readonly suite: IkeSuite
  readonly lifetime: Lifetime
  readonly keys: Phase1Keys
  /** Last CBC block of phase 1; every phase 2 IV starts from it (RFC 2409 appendix B). */
  readonly lastBlock: Uint8Array
  readonly peer: PeerAuthenticated
  readonly at: Instant
  readonly rekeyAt: Instant
  readonly expiresAt: Instant
}

/** What a peer's vendor IDs say it can do. */
export type PeerAbilities = {
  /** RFC 3947. */
  readonly natTraversal: boolean
  /** RFC 3706. */
  readonly dpd: boolean
  readonly vendor?: string
}
