import { equalSecret } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import type { Crypto } from '#crypto/port'
import { AuthenticationFailure } from '#ike/errors'
import { equalIdentity, formatIdentity, type Identity } from '#policy/identity'
import { identityFromPayload } from '#wire/v1/id-payload'
import { encodePayloadBody } from '#wire/v1/message'
import type { HashPayload, IdPayload } from '#wire/v1/payloads'
import { otherIdentity, wrongHash } from './failures.ts'
import { phase1Hash } from './keys.ts'
import type { Keyed, ShownProof } from './state.ts'

declare const proof: unique symbol

/** That the peer proved who it is. Only `authenticatePeer` makes one, and no `established` state can be built without. */
export type PeerAuthenticated = { readonly identity: Identity; readonly [proof]: true }

/** The hash that proves us: HASH_I or HASH_R over our ID payload (RFC 2409 §5). */
export function proveOurselves(
  crypto: Crypto,
  role: 'initiator' | 'responder',
  { keys, transcript, saBody }: Keyed,
  id: IdPayload,
): HashPayload {
  const data = phase1Hash(crypto, keys, role, transcript, saBody, encodePayloadBody(id))
  return { type: 'HASH', data }
}

/**
 * Checks the peer's hash, which proves the key, and then its identity, which the key is bound to. @throws AuthenticationFailure
 */
export function authenticatePeer(
  crypto: Crypto,
  tunnel: TunnelConfig,
  peerRole: 'initiator' | 'responder',
  { keys, transcript, saBody }: Keyed,
  { id, idBody, hash }: ShownProof,
): PeerAuthenticated {
  const expected = phase1Hash(crypto, keys, peerRole, transcript, saBody, idBody)
  if (!equalSecret(expected, hash.data))
    throw new AuthenticationFailure('bad-hash', wrongHash(tunnel))
  const identity = identityFromPayload(id)
  if (identity === undefined || !equalIdentity(identity, tunnel.remoteId)) {
    const shown =
      identity === undefined ? `an identity of type ${id.idType}` : formatIdentity(identity)
    throw new AuthenticationFailure('wrong-identity', otherIdentity(tunnel, shown, 'key proven'))
  }
  return { identity } as PeerAuthenticated
}
