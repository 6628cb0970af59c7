import type { TunnelConfig } from '#config/config'
import { every } from '#ike/message-rules'
import { isExpected } from '#pki/identity-match'
import { identityFromPayload } from '#wire/v1/id-payload'
import type { Payload } from '#wire/v1/payloads'

/**
 * The tunnel an ISAKMP SA is for. Where several take a peer from anywhere, the first speaks for all until the peer shows its identity: in
 * Aggressive mode at once, in Main mode with message 5.
 */
export class TunnelChoice {
  readonly #candidates: readonly TunnelConfig[]
  #config: TunnelConfig

  constructor(first: TunnelConfig, candidates: readonly TunnelConfig[] = [first]) {
    this.#config = first
    this.#candidates = candidates
  }

  get config(): TunnelConfig {
    return this.#config
  }

  /** Follows the identity a message shows; one that no candidate expects changes nothing, and is refused where it is checked. */
  narrow(payloads: readonly Payload[]): void {
    if (this.#candidates.length < 2) return
    const [id] = every(payloads, 'ID')
    const identity = id === undefined ? undefined : identityFromPayload(id)
    if (identity === undefined) return
    const found = this.#candidates.find(({ remoteId }) => isExpected(remoteId, identity))
    if (found !== undefined) this.#config = found
  }
}
