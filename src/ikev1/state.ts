import type { Secret } from '#bytes/secret'
import type { KeyPair } from '#crypto/port'
import type { FeatureName } from '#iana/vendor-ids'
import type { Instant } from '#ike/effects'
import type { IkeSuite } from '#policy/proposal'
import type { IdPayload, Payload, SaPayload } from '#wire/v1/payloads'
import type { AgreedLifetime } from './attributes.ts'
import type { PeerAuthenticated } from './auth.ts'
import type { Phase1Keys, Phase1Transcript } from './keys.ts'

/** What the first two messages settled; `saBody` is SAi_b, the body of the initiator's SA payload as it was sent. */
export type Phase1Agreement = {
  readonly saBody: Uint8Array
  readonly suite: IkeSuite
  readonly lifetime: AgreedLifetime
}

/** Keys exist, identities are still to be shown. `iv` is where the CBC chain of phase 1 stands. */
export type Keyed = Phase1Agreement & {
  readonly keys: Phase1Keys
  readonly transcript: Phase1Transcript
  /** g^xy; kept until the peer is known, to tell which other key it may have. */
  readonly sharedSecret: Secret
  readonly iv: Uint8Array
}

/** The identity a peer claims; `idBody` is IDii_b or IDir_b as received. */
export type ShownIdentity = { readonly id: IdPayload; readonly idBody: Uint8Array }

/** A claimed identity and its proof: a hash, or a signature and the certificates that came with it. */
export type ShownProof = ShownIdentity & {
  readonly octets: Uint8Array
  readonly certificates: readonly Uint8Array[]
}

/** The signature for our next message is being made. */
export type Proving = { readonly kind: 'proving'; readonly keyed: Keyed } & (
  | { readonly message: 'Main mode message 5' }
  | {
      readonly message: 'Aggressive mode message 2'
      readonly shown: ShownIdentity
      /** What stands before our identity. */
      readonly head: readonly Payload[]
    }
  | {
      readonly message: 'Main mode message 6' | 'Aggressive mode message 3'
      readonly peer: PeerAuthenticated
      readonly saysInitialContact: boolean
    }
)

/** The peer's proof in this message is being verified. */
export type Checking = {
  readonly kind: 'checking'
  readonly message: Proving['message']
  readonly keyed: Keyed
  readonly saysInitialContact: boolean
}

/** Phase 1 of one ISAKMP SA; a state holds exactly what is known in it. */
export type Phase1State =
  // Main mode, initiator
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
  // Main mode, responder
  | ({ readonly kind: 'sa-answered' } & Phase1Agreement)
  | ({
      readonly kind: 'answering'
      readonly nonceI: Uint8Array
      readonly peerPublic: Uint8Array
    } & Phase1Agreement)
  | ({ readonly kind: 'ke-answered' } & Keyed)
  // Aggressive mode, initiator
  | {
      readonly kind: 'aggressive-generating'
      readonly offer: SaPayload
      readonly saBody: Uint8Array
    }
  | {
      readonly kind: 'aggressive-sent'
      readonly offer: SaPayload
      readonly saBody: Uint8Array
      readonly own: KeyPair
      readonly nonceI: Uint8Array
    }
  | ({
      readonly kind: 'aggressive-agreeing'
      readonly nonceI: Uint8Array
      readonly nonceR: Uint8Array
      readonly peerPublic: Uint8Array
      readonly shown: ShownProof
    } & Phase1Agreement)
  // Aggressive mode, responder
  | ({
      readonly kind: 'aggressive-answering'
      readonly answer: SaPayload
      readonly nonceI: Uint8Array
      readonly peerPublic: Uint8Array
      readonly shown: ShownIdentity
    } & Phase1Agreement)
  | ({ readonly kind: 'aggressive-answered'; readonly shown: ShownIdentity } & Keyed)
  // Both
  | Proving
  | Checking
  | Established
  | { readonly kind: 'closed' }

export type Established = {
  readonly kind: 'established'
  readonly suite: IkeSuite
  readonly lifetime: AgreedLifetime
  readonly keys: Phase1Keys
  /** Last CBC block of phase 1; every phase 2 IV starts from it (RFC 2409 appendix B). */
  readonly lastBlock: Uint8Array
  readonly peer: PeerAuthenticated
  readonly at: Instant
}

/** What a peer's vendor IDs say it can do. */
export type PeerAbilities = {
  /** The private numbers of the drafts before RFC 3947, or those of the RFC. */
  readonly natTraversal: 'rfc3947' | 'draft' | 'none'
  /** Which of the drafts. */
  readonly natDraft?: FeatureName
  /** RFC 3706. */
  readonly dpd: boolean
  /** It joins fragments of IKE messages. */
  readonly fragmentation: boolean
  readonly vendor?: string
  /** Names of the CAs it asked for certificates of, in DER. */
  readonly asksFor?: readonly Uint8Array[]
}

/** Whether public-key work is under way that an answer waits for. */
export function awaitsWork({ kind }: Phase1State): boolean {
  return (
    kind === 'answering' ||
    kind === 'aggressive-answering' ||
    kind === 'proving' ||
    kind === 'checking'
  )
}
