import type { TunnelConfig } from '#config/config'
import { every } from '#ike/message-rules'
import { equalIdentity, type Identity } from '#policy/identity'
import { identityFromPayload } from '#wire/v1/id-payload'
import type { Payload, SaPayload } from '#wire/v1/payloads'
import { isAwaited } from './auth.ts'
import { choosePhase1 } from './phase1-proposals.ts'
import { phase1Wish } from './transitions/phase1-steps.ts'

/**
 * The tunnel an ISAKMP SA is for. Where several take a peer from anywhere, the first speaks for all until the peer shows its identity: in
 * Aggressive mode at once, in Main mode with message 5. Of those that wait for that identity, the one that says most about it takes it.
 */
export class TunnelChoice {
  readonly #candidates: readonly TunnelConfig[]
  #config: TunnelConfig

  constructor(first: TunnelConfig, candidates: readonly TunnelConfig[] = [first]) {
    this.#config = first
    this.#candidates = candidates
  }

  /**
   * The choice that message 1 leaves: of those that expect the identity it may show, the first that takes something of its offer, and those that
   * would take the same with the same key. Where none does, the first refuses for all.
   */
  static byMessage1(
    candidates: readonly [TunnelConfig, ...TunnelConfig[]],
    payloads: readonly Payload[],
  ): TunnelChoice {
    const identity = shownIdentity(payloads)
    const named = identity === undefined ? [] : awaiting(candidates, identity)
    const pool = named.length === 0 ? candidates : named
    const [offer] = every(payloads, 'SA')
    for (const first of pool) {
      const agreed = offer === undefined ? undefined : chosenOf(offer, first)
      if (agreed === undefined) continue
      const alike = pool.filter(
        (one) => chosenOf(agreed, one) !== undefined && haveOneKey(first, one),
      )
      return new TunnelChoice(first, alike)
    }
    return new TunnelChoice(pool[0] ?? candidates[0])
  }

  get config(): TunnelConfig {
    return this.#config
  }

  /** Follows the identity a message shows; one that no candidate expects changes nothing, and is refused where it is checked. */
  narrow(payloads: readonly Payload[]): void {
    if (this.#candidates.length < 2) return
    const identity = shownIdentity(payloads)
    if (identity === undefined) return
    const [found] = awaiting(this.#candidates, identity)
    if (found !== undefined) this.#config = found
  }
}

/** Those that wait for this identity, those first that name it. */
function awaiting(candidates: readonly TunnelConfig[], identity: Identity): TunnelConfig[] {
  return candidates
    .filter((one) => isAwaited(one, identity))
    .sort((a, b) => breadth(a, identity) - breadth(b, identity))
}

function breadth({ remoteId }: TunnelConfig, identity: Identity): number {
  if (remoteId.kind === 'any-of') return 2
  return equalIdentity(remoteId, identity) ? 0 : 1
}

/** RFC 2409 §5.4: the key is in use before message 5 says who the peer is, so what that message proves is this key and no other. */
function haveOneKey(a: TunnelConfig, b: TunnelConfig): boolean {
  if (a.authentication.kind !== 'psk' || b.authentication.kind !== 'psk') return true
  return a.authentication.psk.equals(b.authentication.psk)
}

function shownIdentity(payloads: readonly Payload[]): Identity | undefined {
  const [id] = every(payloads, 'ID')
  return id === undefined ? undefined : identityFromPayload(id)
}

function chosenOf(offer: SaPayload, tunnel: TunnelConfig): SaPayload | undefined {
  return choosePhase1(offer, phase1Wish(tunnel, 'responder'))?.answer
}
