import type { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import { PeerViolation } from '#ike/errors'

/** The key of a tunnel that authenticates by one. @throws PeerViolation where another method was agreed on */
export function pskOf({ authentication }: Pick<TunnelConfig, 'authentication'>): Secret {
  if (authentication.kind === 'psk') return authentication.psk
  throw new PeerViolation('out-of-state', 'this tunnel has no pre-shared key')
}
