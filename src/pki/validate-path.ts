import { equalOctets } from '#bytes/equal'
import { equalDn } from '#policy/distinguished-name'
import { type Certificate, isSelfIssued } from './certificate.ts'
import { PURPOSE } from './extensions.ts'
import type { Moment } from './moment.ts'
import { constraintViolation } from './name-constraints.ts'
import { verifyDocument } from './node-signatures.ts'
import { certificateFacts, type PathProblem, type PathProblemKind } from './path-problem.ts'
import { describeKey, isShorterRsa, LEAST_RSA_BITS } from './public-key.ts'
import { describeAlgorithm } from './signature-algorithm.ts'

declare const proof: unique symbol

/** A path every link of which was checked. Only `validatePath` makes one. */
export type ValidPath = {
  readonly kind: 'valid-path'
  /** Leaf first, trust anchor last; one certificate alone when the leaf itself is trusted. */
  readonly chain: readonly Certificate[]
  readonly [proof]: true
}

export type PathRequest = {
  readonly leaf: Certificate
  /** Received from the peer or held by us; their order does not matter, and those of no use do no harm. */
  readonly intermediates: readonly Certificate[]
  readonly anchors: readonly Certificate[]
  readonly at: Moment
  /** Of RSA keys; 2048 unless told. */
  readonly leastRsaBits?: number
}

/**
 * Builds a path from the leaf to one of the anchors and checks it as RFC 5280 §6.1 and RFC 4945 §5.1 want. Work is bounded
 * whatever the peer sends. Of several paths that fail, the reason given is that of the longest.
 */
export function validatePath(request: PathRequest): ValidPath | PathProblem {
  const search = new Search(request)
  const found = search.run()
  return found ?? search.problem()
}

/** CAs below the anchor, at most. */
const LONGEST_PATH = 8
/** Certificates of the peer that are looked at; the rest is as if it had not come. */
const MOST_INTERMEDIATES = 24
/** Signatures checked for one leaf. */
const MOST_SIGNATURES = 32

class Search {
  readonly #request: PathRequest
  readonly #intermediates: readonly Certificate[]
  readonly #leastRsaBits: number
  #signatures = 0
  #worst: { readonly depth: number; readonly problem: PathProblem } | undefined

  constructor(request: PathRequest) {
    this.#request = request
    this.#leastRsaBits = request.leastRsaBits ?? LEAST_RSA_BITS
    this.#intermediates = distinct(request.intermediates.slice(0, MOST_INTERMEDIATES))
  }

  run(): ValidPath | undefined {
    const { leaf, anchors } = this.#request
    const problem = this.#leafProblem(leaf)
    if (problem !== undefined) return this.#fail(LONGEST_PATH + 2, problem)
    if (anchors.some(({ der }) => equalOctets(der, leaf.der))) return this.#whole([leaf])
    return this.#extend([leaf])
  }

  problem(): PathProblem {
    const { leaf, anchors, intermediates } = this.#request
    if (this.#worst !== undefined) return this.#worst.problem
    return {
      ...pathProblem('untrusted', leaf, 'no certificate of its issuer is there'),
      missingIssuer: leaf.issuer.text,
      received: intermediates.length + 1,
      trusted: anchors.map(({ subject }) => subject.text),
    }
  }

  /** Tries every issuer of the last certificate of `chain`; anchors first, so the shortest path wins. */
  #extend(chain: readonly Certificate[]): ValidPath | undefined {
    const last = chain[chain.length - 1]
    if (last === undefined) return undefined
    const { anchors, at } = this.#request
    const above = this.#intermediates.filter(
      (one) => !chain.some(({ der }) => equalOctets(der, one.der)),
    )
    for (const [issuer, isAnchor] of [
      ...anchors.map((one) => [one, true] as const),
      ...above.map((one) => [one, false] as const),
    ]) {
      if (!mayIssue(issuer, last)) continue
      if (this.#signatures >= MOST_SIGNATURES || chain.length > LONGEST_PATH) {
        return this.#fail(
          chain.length,
          pathProblem('too-complex', last, 'too many certificates to try'),
        )
      }
      this.#signatures++
      const problem =
        linkProblem(issuer, last, this.#leastRsaBits) ?? issuerProblem(issuer, chain, at, isAnchor)
      if (problem !== undefined) {
        this.#fail(chain.length, problem)
        continue
      }
      const longer = [...chain, issuer]
      const found = isAnchor ? this.#whole(longer) : this.#extend(longer)
      if (found !== undefined) return found
    }
    if (this.#worst === undefined || this.#worst.depth < chain.length) this.#untrusted(chain, last)
    return undefined
  }

  #untrusted(chain: readonly Certificate[], last: Certificate): void {
    const { anchors, intermediates } = this.#request
    const detail = `issued by "${last.issuer.text}", of which no certificate is trusted or was sent`
    this.#fail(chain.length - 0.5, {
      ...pathProblem('untrusted', last, detail),
      missingIssuer: last.issuer.text,
      received: intermediates.length + 1,
      trusted: anchors.map(({ subject }) => subject.text),
    })
  }

  #whole(chain: readonly Certificate[]): ValidPath | undefined {
    const problem = constraintsProblem(chain)
    if (problem !== undefined) return this.#fail(chain.length, problem)
    return { kind: 'valid-path', chain } as Omit<ValidPath, typeof proof> as ValidPath
  }

  #fail(depth: number, problem: PathProblem): undefined {
    if (this.#worst === undefined || depth > this.#worst.depth) this.#worst = { depth, problem }
    return undefined
  }

  #leafProblem(leaf: Certificate): PathProblem | undefined {
    return (
      weakness(leaf, this.#leastRsaBits) ??
      criticalProblem(leaf) ??
      validityProblem(leaf, this.#request.at) ??
      leafUsageProblem(leaf)
    )
  }
}

/** Names and key identifiers (RFC 5280 §4.2.1.1) say which are worth a signature check. */
function mayIssue(issuer: Certificate, issued: Certificate): boolean {
  if (!equalDn(issuer.subject.der, issued.issuer.der)) return false
  const { subjectKeyId } = issuer
  const { authorityKeyId } = issued
  if (subjectKeyId === undefined || authorityKeyId === undefined) return true
  return equalOctets(subjectKeyId, authorityKeyId)
}

function linkProblem(
  issuer: Certificate,
  issued: Certificate,
  leastRsaBits: number,
): PathProblem | undefined {
  const { signatureAlgorithm: algorithm } = issued
  if (algorithm.kind === 'broken' || algorithm.kind === 'unknown') {
    const detail = `signed with ${describeAlgorithm(algorithm)}, which ${algorithm.kind === 'broken' ? 'can be forged' : 'is not known here'}`
    return pathProblem('weak-signature', issued, detail)
  }
  const weak = weakness(issuer, leastRsaBits)
  if (weak !== undefined) return weak
  if (verifyDocument(issuer.publicKey, algorithm, issued.tbs, issued.signature)) return undefined
  return pathProblem('bad-signature', issued, `not signed by the key of "${issuer.subject.text}"`)
}

function issuerProblem(
  issuer: Certificate,
  below: readonly Certificate[],
  at: Moment,
  isAnchor: boolean,
): PathProblem | undefined {
  return (
    criticalProblem(issuer) ??
    validityProblem(issuer, at) ??
    authorityProblem(issuer, below, isAnchor)
  )
}

/** RFC 5280 §6.1.4 (k) to (n). */
function authorityProblem(
  issuer: Certificate,
  below: readonly Certificate[],
  isAnchor: boolean,
): PathProblem | undefined {
  const { basicConstraints, keyUsage, version } = issuer
  // A root of version 1 cannot say that it is a CA; trusting it by configuration says so.
  const isOldRoot = isAnchor && version === 1
  if (!isOldRoot && basicConstraints?.ca !== true)
    return pathProblem('not-a-ca', issuer, 'it does not say that it is a CA (basic constraints)')
  if (keyUsage !== undefined && !keyUsage.includes('keyCertSign'))
    return pathProblem(
      'wrong-key-usage',
      issuer,
      'its key usage does not allow to sign certificates',
    )
  const between = below.slice(1).filter((one) => !isSelfIssued(one)).length
  const most = basicConstraints?.pathLength
  if (most === undefined || between <= most) return undefined
  return pathProblem(
    'path-too-long',
    issuer,
    `it allows ${most} CAs below itself, there are ${between}`,
  )
}

function validityProblem(certificate: Certificate, at: Moment): PathProblem | undefined {
  if (at < certificate.notBefore) return pathProblem('not-yet-valid', certificate, 'not valid yet')
  if (at > certificate.notAfter) return pathProblem('expired', certificate, 'no longer valid')
  return undefined
}

function criticalProblem(certificate: Certificate): PathProblem | undefined {
  const [oid] = certificate.unknownCritical
  if (oid === undefined) return undefined
  return pathProblem(
    'unknown-critical-extension',
    certificate,
    `critical extension ${oid} is not known here`,
  )
}

function weakness(certificate: Certificate, leastRsaBits: number): PathProblem | undefined {
  const { publicKey: key } = certificate
  if (key.kind === 'other') {
    return pathProblem(
      'weak-key',
      certificate,
      `its key is of type ${key.algorithm}, which is not known here`,
    )
  }
  if (key.kind !== 'rsa') return undefined
  if (key.flaw !== undefined)
    return pathProblem('weak-key', certificate, `its RSA key has ${key.flaw}`)
  if (!isShorterRsa(key, leastRsaBits)) return undefined
  return pathProblem(
    'weak-key',
    certificate,
    `its key is ${describeKey(key)}; ${leastRsaBits} bits are the least (RFC 8247 §3.1.1)`,
  )
}

/** RFC 4945 §5.1.3.2 and §5.1.3.12. */
function leafUsageProblem(leaf: Certificate): PathProblem | undefined {
  const { keyUsage, extendedKeyUsage } = leaf
  if (
    keyUsage !== undefined &&
    !keyUsage.includes('digitalSignature') &&
    !keyUsage.includes('nonRepudiation')
  ) {
    const detail = `its key usage is ${keyUsage.join(', ') || 'empty'}; digitalSignature or nonRepudiation is needed`
    return pathProblem('wrong-key-usage', leaf, detail)
  }
  if (extendedKeyUsage === undefined || extendedKeyUsage.some((oid) => IKE_PURPOSES.has(oid)))
    return undefined
  if (extendedKeyUsage.some((oid) => TOLERATED_PURPOSES.has(oid))) return undefined
  const detail = `its extended key usage names other purposes only (${extendedKeyUsage.slice(0, 5).join(', ')})`
  return pathProblem('wrong-extended-key-usage', leaf, detail)
}

const IKE_PURPOSES: ReadonlySet<string> = new Set([PURPOSE.ipsecIke, PURPOSE.any])
/** What CAs put into certificates of gateways all the same: those for TLS, and what older devices ask for. */
const TOLERATED_PURPOSES: ReadonlySet<string> = new Set([
  PURPOSE.serverAuth,
  PURPOSE.clientAuth,
  PURPOSE.ikeIntermediate,
  PURPOSE.ipsecEndSystem,
  PURPOSE.ipsecTunnel,
  PURPOSE.ipsecUser,
])

/** Of every CA, the anchor too, over all that is below it (RFC 5280 §6.1.3 (b) and (c)). */
function constraintsProblem(chain: readonly Certificate[]): PathProblem | undefined {
  for (const [i, { nameConstraints, subject }] of chain.entries()) {
    if (nameConstraints === undefined) continue
    for (const [j, below] of chain.slice(0, i).entries()) {
      // Self-issued CAs, made when a CA changes its key, are exempt.
      if (j > 0 && isSelfIssued(below)) continue
      const detail = constraintViolation(nameConstraints, below)
      if (detail !== undefined)
        return pathProblem('name-constraint', below, `${detail} by "${subject.text}"`)
    }
  }
  return undefined
}

function pathProblem(kind: PathProblemKind, certificate: Certificate, detail: string): PathProblem {
  return { kind, certificate: certificateFacts(certificate), detail }
}

function distinct(certificates: readonly Certificate[]): readonly Certificate[] {
  return certificates.filter(
    ({ der }, i) => certificates.findIndex((one) => equalOctets(one.der, der)) === i,
  )
}
