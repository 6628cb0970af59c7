import type { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'

/** The key of a tunnel that authenticates by one. @throws TypeError for another */
export function pskOf({ authentication }: Pick<TunnelConfig, 'authentication'>): Secret {
  if (authentication.kind === 'psk') return authentication.psk
  throw new TypeError('this tunnel has no pre-shared key')
}
