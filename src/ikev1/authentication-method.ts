import type { TunnelConfig } from '#config/config'
import { AuthenticationMethod } from '#iana/ikev1'

/**
 * Number of the authentication method both sides use (RFC 2409 appendix A, RFC 4754 §4). With XAUTH it also says whose user will be asked
 * for: that of phase 1's initiator or responder (draft-beaulieu-ike-xauth-02 §7.2).
 */
export function authenticationMethod(
  { authentication, xauth }: TunnelConfig,
  role: 'initiator' | 'responder',
): number {
  const asked = xauth && ((xauth.role === 'client') === (role === 'initiator') ? 'Init' : 'Resp')
  if (authentication.kind === 'psk') {
    return AuthenticationMethod.number(asked ? `XAUTH${asked}PreShared` : 'pre-shared key')
  }
  if (authentication.kind !== 'certificate') {
    return AuthenticationMethod.number(asked === 'Resp' ? 'HybridRespRSA' : 'HybridInitRSA')
  }
  const key = authentication.key.publicKey
  if (key.kind === 'ec' && asked === undefined) return ECDSA_METHODS[key.curve]
  if (key.kind === 'ec') throw new TypeError('XAUTH has no number for ECDSA')
  return AuthenticationMethod.number(asked ? `XAUTH${asked}RSA` : 'RSA signatures')
}

/** RFC 4754 §4: the curve and the hash go together. */
export const ECDSA_METHODS: Readonly<Record<'P-256' | 'P-384' | 'P-521', number>> = {
  'P-256': AuthenticationMethod.number('ECDSA with SHA-256 on P-256'),
  'P-384': AuthenticationMethod.number('ECDSA with SHA-384 on P-384'),
  'P-521': AuthenticationMethod.number('ECDSA with SHA-512 on P-521'),
}
