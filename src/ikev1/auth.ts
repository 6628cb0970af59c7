import { equalSecret } from '#bytes/equal'
import type { TunnelConfig } from '#config/config'
import type { HashName } from '#crypto/registry'
import { CertEncoding } from '#iana/isakmp'
import type { Question } from '#ike/effects'
import { AuthenticationFailure, PeerViolation } from '#ike/errors'
import type { IkeSaFacts } from '#ike/events'
import { every } from '#ike/message-rules'
import { certificatesToSend } from '#pki/certificate-request'
import { isExpected } from '#pki/identity-match'
import type { PublicKey } from '#pki/public-key'
import { CURVE_HASH, type SignatureScheme } from '#pki/signature-scheme'
import { demandsOf, type VerifiedPeer } from '#pki/verify-peer'
import { equalIdentity, type Identity } from '#policy/identity'
import { identityFromPayload } from '#wire/v1/id-payload'
import { encodePayloadBody } from '#wire/v1/message'
import type { IdPayload, Payload } from '#wire/v1/payloads'
import { certificatesFor } from './certificate-requests.ts'
import { otherIdentity } from './identity-failures.ts'
import { wrongHash } from './key-failures.ts'
import { givesHash } from './key-search.ts'
import { phase1Hash } from './keys.ts'
import type { Keyed, ShownIdentity, ShownProof } from './state.ts'
import type { Phase1Environment } from './step.ts'

declare const proof: unique symbol

/** That the peer proved who it is. Only this file makes one, and no `established` state can be built without. */
export type PeerAuthenticated = {
  readonly identity: Identity
  /** Absent where a shared key was the proof. */
  readonly certificate?: NonNullable<IkeSaFacts['peerCertificate']>
  readonly [proof]: true
}

type Role = 'initiator' | 'responder'

/** What proves us: HASH_I or HASH_R itself, or a signature over it that has to be made first. */
export function ownProof(
  { crypto, tunnel }: Phase1Environment,
  role: Role,
  { keys, transcript, saBody }: Keyed,
  id: IdPayload,
):
  | { readonly kind: 'ready'; readonly payloads: readonly Payload[] }
  | { readonly kind: 'sign'; readonly question: Question } {
  const idBody = encodePayloadBody(id)
  const data = phase1Hash(crypto, keys, role, transcript, saBody, idBody, tiedHash(tunnel))
  const { authentication } = tunnel
  if (!('key' in authentication)) return { kind: 'ready', payloads: [{ type: 'HASH', data }] }
  const { key } = authentication
  return { kind: 'sign', question: { kind: 'sign', key, scheme: schemeOf(key.publicKey), data } }
}

/** The signature made with our key, and our certificates where they are wanted. */
export function signedProof(
  { tunnel, abilities }: Phase1Environment,
  signature: Uint8Array,
): readonly Payload[] {
  const chain = certificatesFor(tunnel, abilities.asksFor)
  const certificates = certificatesToSend(chain).map((data) => ({
    type: 'CERT' as const,
    encoding: X509_SIGNATURE,
    data,
  }))
  return [...certificates, { type: 'SIG', data: signature }]
}

/** The proof of the kind this tunnel wants, as a message carries it. @throws PeerViolation where it is missing */
export function readProof(
  { authentication }: TunnelConfig,
  shown: ShownIdentity,
  payloads: readonly Payload[],
): ShownProof {
  const type = 'trust' in authentication ? 'SIG' : 'HASH'
  const [found, second] = every<'HASH' | 'SIG'>(payloads, type)
  if (found === undefined || second !== undefined) {
    throw new PeerViolation('missing-payload', `the message has not exactly one ${type} payload`)
  }
  const certificates = every(payloads, 'CERT')
    .filter(({ encoding }) => encoding === X509_SIGNATURE)
    .map(({ data }) => data.slice())
  return { ...shown, octets: found.data.slice(), certificates }
}

/**
 * Checks the peer's hash, which proves the key, and then its identity, which the key is bound to (of a client in hybrid authentication it
 * proves nothing: that is left to XAUTH); or says what has to be verified
 * elsewhere. @throws AuthenticationFailure
 */
export function peerProof(
  { crypto, tunnel, findKey, abilities }: Phase1Environment,
  peerRole: Role,
  keyed: Keyed,
  shown: ShownProof,
):
  | { readonly kind: 'checked'; readonly peer: PeerAuthenticated }
  | { readonly kind: 'verify'; readonly question: Question } {
  const { keys, transcript, saBody } = keyed
  const { id, idBody, octets, certificates } = shown
  const data = phase1Hash(crypto, keys, peerRole, transcript, saBody, idBody, tiedHash(tunnel))
  const { authentication } = tunnel
  const identity = identityFromPayload(id)
  if ('trust' in authentication) {
    if (identity === undefined) throw refusedIdentity(tunnel, id, abilities.vendor)
    const demands = demandsOf({ own: [], ...authentication }, tunnel.remoteId)
    // RFC 2409 §5.1, RFC 4754 §4: both sides sign by the same method, so with the same kind of key.
    const scheme = 'key' in authentication ? schemeOf(authentication.key.publicKey) : RSA
    const evidence = { certificates, identity, scheme, data, signature: octets }
    return { kind: 'verify', question: { kind: 'verify-peer', demands, evidence } }
  }
  if (!equalSecret(data, octets)) {
    const theirs = findKey((key) => givesHash(crypto, keyed, peerRole, shown, key))
    throw new AuthenticationFailure('bad-hash', wrongHash(tunnel, theirs))
  }
  if (identity === undefined || !isAwaited(tunnel, identity)) {
    throw refusedIdentity(tunnel, id, abilities.vendor)
  }
  return { kind: 'checked', peer: { identity } as PeerAuthenticated }
}

/** Whether the identity a peer shows is one its tunnel waits for; a wildcard stands in distinguished names of certificates only. */
export function isAwaited({ authentication, remoteId }: TunnelConfig, identity: Identity): boolean {
  if ('trust' in authentication) return isExpected(remoteId, identity)
  if (remoteId.kind !== 'any-of') return equalIdentity(identity, remoteId)
  // Who has the key is whoever it says it is: nobody else can tell.
  return remoteId.proof === 'psk' && authentication.kind === 'psk'
}

/** The verification asked for went well. */
export function verifiedPeer({ identity, certificate }: VerifiedPeer): PeerAuthenticated {
  const { subject, notAfter } = certificate
  return { identity, certificate: { subject, notAfter } } as PeerAuthenticated
}

function refusedIdentity(
  tunnel: TunnelConfig,
  id: IdPayload,
  vendor: string | undefined,
): AuthenticationFailure {
  const failure = otherIdentity(tunnel, id, 'under the key', vendor)
  return new AuthenticationFailure('wrong-identity', failure)
}

function schemeOf(key: PublicKey): SignatureScheme {
  return key.kind === 'ec' ? { kind: 'ecdsa-bare', curve: key.curve } : RSA
}

/** RFC 4754 §4: the curve and the hash go together, whatever was negotiated. */
function tiedHash({ authentication }: TunnelConfig): HashName | undefined {
  if (!('key' in authentication)) return undefined
  const { publicKey } = authentication.key
  return publicKey.kind === 'ec' ? CURVE_HASH[publicKey.curve] : undefined
}

/** What hybrid authentication has numbers for, and every other key than those of RFC 4754 signs by. */
const RSA: SignatureScheme = { kind: 'rsa-pkcs1-bare' }
const X509_SIGNATURE = CertEncoding.number('X509-SIGNATURE')
