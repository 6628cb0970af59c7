import type { ExpectedIdentity } from '#policy/expected-identity'
import type { Identity } from '#policy/identity'
import { type Certificate, MalformedPki, parseCertificate } from './certificate.ts'
import { isBound, isExpected } from './identity-match.ts'
import type { Moment } from './moment.ts'
import type { PrivateKey } from './node-private-key.ts'
import { verify } from './node-signatures.ts'
import { type CertificateFacts, certificateFacts, type PathProblem } from './path-problem.ts'
import { describeKey } from './public-key.ts'
import {
  checkRevocation,
  type Fetch,
  type Fetched,
  type RevocationPolicy,
  type RevocationSource,
} from './revocation.ts'
import type { BareEcdsa, SignatureScheme } from './signature-scheme.ts'
import { validatePath } from './validate-path.ts'

/** What a tunnel demands of a peer that proves itself by a certificate. */
export type PeerDemands = {
  readonly trust: readonly Certificate[]
  /** Certificates of ours that may help to build the peer's path. */
  readonly intermediates: readonly Certificate[]
  readonly remoteId: ExpectedIdentity
  readonly revocation: RevocationPolicy
  /** CRLs from files. */
  readonly crls: readonly Uint8Array[]
  readonly leastRsaBits?: number
}

/** What a tunnel that uses certificates is configured with. */
export type CertificateCredentials = {
  /** Ours, leaf first, then those between it and its CA. */
  readonly own: readonly Certificate[]
  readonly key: PrivateKey
  readonly trust: readonly Certificate[]
  readonly revocation: RevocationPolicy
  readonly crls: readonly Uint8Array[]
  /** Our certificates also where the peer did not ask for any. */
  readonly send?: 'always'
  /** Of RSA keys, where it is less or more than is good. */
  readonly leastRsaBits?: number
}

/** What a side has that only verifies. */
export type TrustAnchors = Pick<
  CertificateCredentials,
  'trust' | 'revocation' | 'crls' | 'leastRsaBits'
>

export function demandsOf(
  {
    own,
    trust,
    revocation,
    crls,
    leastRsaBits,
  }: TrustAnchors & Pick<CertificateCredentials, 'own'>,
  remoteId: ExpectedIdentity,
): PeerDemands {
  const demands = { trust, intermediates: own.slice(1), remoteId, revocation, crls }
  return { ...demands, ...(leastRsaBits === undefined ? {} : { leastRsaBits }) }
}

/** What a peer showed, as received. */
export type PeerEvidence = {
  /** Contents of its CERT payloads with encoding "X.509 certificate - signature", in order. */
  readonly certificates: readonly Uint8Array[]
  readonly identity: Identity
  readonly scheme: SignatureScheme
  /** What was signed: HASH_I or HASH_R in IKEv1. */
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

export type VerifiedPeer = {
  readonly kind: 'peer-verified'
  readonly identity: Identity
  readonly certificate: CertificateFacts
  /** Subjects, leaf first, anchor last. */
  readonly chain: readonly string[]
  /** What was tolerated, for the operator. */
  readonly notes: readonly string[]
}

/** Why a peer was not believed, with all that a diagnosis needs. Nothing of it is for the peer. */
export type PeerRefusal =
  | { readonly kind: 'no-certificate' }
  | { readonly kind: 'unreadable-certificate'; readonly detail: string }
  | { readonly kind: 'path'; readonly problem: PathProblem; readonly at: Moment }
  | {
      readonly kind: 'unbound-identity' | 'other-identity'
      readonly identity: Identity
      readonly expected: ExpectedIdentity
      readonly certificate: CertificateFacts
    }
  | {
      readonly kind: 'wrong-signature'
      readonly key: string
      readonly certificate: CertificateFacts
    }
  | {
      readonly kind: 'revoked'
      readonly certificate: CertificateFacts
      readonly at: Moment
      readonly reason?: string
      readonly source: string
    }
  | {
      readonly kind: 'revocation-unknown'
      readonly certificate: CertificateFacts
      readonly why: string
      readonly source: RevocationSource
    }

export type RefusedPeer = {
  readonly kind: 'peer-refused'
  readonly refusal: PeerRefusal
  /** Where it was about the date: whether anything keeps our clock right. */
  readonly clockIsKept?: boolean
}

/** Not decided yet: these are wanted first. Only a peer that proved everything else makes us fetch (CVE-2022-40617). */
export type WantedFetches = { readonly kind: 'fetch'; readonly wanted: readonly Fetch[] }

/**
 * Checks path, identity, signature and revocation, in this order. Pure: the date, and what was fetched before, are arguments.
 */
export function verifyPeer(
  demands: PeerDemands,
  evidence: PeerEvidence,
  at: Moment,
  fetched: ReadonlyMap<string, Fetched> = new Map(),
  bareEcdsa?: BareEcdsa,
): VerifiedPeer | RefusedPeer | WantedFetches {
  const { identity, scheme, data, signature } = evidence
  if (evidence.certificates.length === 0) return refused({ kind: 'no-certificate' })
  const received = parseAll(evidence.certificates)
  const [first] = received.certificates
  if (first === undefined)
    return refused({ kind: 'unreadable-certificate', detail: received.problem })
  // The one that vouches for the identity, wherever it stands (RFC 4945 §3.3.10.3 leaves the order to the sender).
  const bound = received.certificates
    .filter((one) => !isCa(one) && isBound(identity, one))
    .slice(0, MOST_CANDIDATES)
  const isSigner = ({ publicKey }: Certificate) =>
    verify(publicKey, scheme, data, signature, bareEcdsa)
  // Of an old and a renewed one, the one that signed.
  const leaf = bound.find(isSigner) ?? bound[0] ?? first
  const others = received.certificates.filter((one) => one !== leaf)
  const path = validatePath({
    leaf,
    intermediates: [...others, ...demands.intermediates],
    anchors: demands.trust,
    at,
    ...(demands.leastRsaBits === undefined ? {} : { leastRsaBits: demands.leastRsaBits }),
  })
  if (path.kind !== 'valid-path') return refused({ kind: 'path', problem: path, at })
  const certificate = certificateFacts(leaf)
  const { remoteId: expected } = demands
  if (!isBound(identity, leaf))
    return refused({ kind: 'unbound-identity', identity, expected, certificate })
  if (!isExpected(expected, identity))
    return refused({ kind: 'other-identity', identity, expected, certificate })
  if (!isSigner(leaf))
    return refused({ kind: 'wrong-signature', key: describeKey(leaf.publicKey), certificate })
  const { revocation, crls } = demands
  const verdict = checkRevocation(path.chain, revocation, { crls, fetched }, at)
  if (verdict.kind === 'fetch') return verdict
  if (verdict.kind === 'revoked') return refused(verdict)
  if (verdict.kind === 'unknown') return refused({ ...verdict, kind: 'revocation-unknown' })
  return {
    kind: 'peer-verified',
    identity,
    certificate,
    chain: path.chain.map(({ subject }) => subject.text),
    notes: verdict.notes,
  }
}

/** RFC 4945 §3.3.10.5: what is irrelevant or damaged beside the right ones does no harm. */
function parseAll(received: readonly Uint8Array[]): {
  readonly certificates: readonly Certificate[]
  readonly problem: string
} {
  const certificates: Certificate[] = []
  let problem = ''
  for (const octets of received.slice(0, MOST_CERTIFICATES)) {
    try {
      certificates.push(parseCertificate(octets))
    } catch (error) {
      if (!(error instanceof MalformedPki)) throw error
      problem = error.message
    }
  }
  return { certificates, problem }
}

const MOST_CERTIFICATES = 32
const MOST_CANDIDATES = 4

function isCa({ basicConstraints }: Certificate): boolean {
  return basicConstraints?.ca === true
}

function refused(refusal: PeerRefusal): RefusedPeer {
  return { kind: 'peer-refused', refusal }
}
