import { toHex } from '#bytes/hex'
import { equalDn } from '#policy/distinguished-name'
import type { Certificate } from './certificate.ts'
import { type Crl, outOfScope, parseCrl, revokedEntry } from './crl.ts'
import { formatMoment, type Moment } from './moment.ts'
import { verifyDocument } from './node-signatures.ts'
import { ocspRequest, ocspVerdict } from './ocsp.ts'
import { type CertificateFacts, certificateFacts } from './path-problem.ts'
import type { SourceVerdict } from './revocation-verdict.ts'

/**
 * `if-present`: what can be had is honoured, and when nothing can, the peer is let in with a note. `required`: without a good
 * verdict for every certificate below the anchor it is refused.
 */
export type RevocationMode = 'off' | 'if-present' | 'required'
export type RevocationSource = 'crl' | 'ocsp'
export type RevocationPolicy = { readonly crl: RevocationMode; readonly ocsp: RevocationMode }

/** What is to be fetched over HTTP; `key` names it among what was fetched. */
export type Fetch = { readonly key: string; readonly url: string } & (
  | { readonly kind: 'crl' }
  | { readonly kind: 'ocsp'; readonly request: Uint8Array }
)

/** The content, or why there is none. */
export type Fetched = { readonly content: Uint8Array } | { readonly problem: string }

export type RevocationMaterial = {
  /** CRLs of the configuration, as their files hold them. */
  readonly crls: readonly Uint8Array[]
  readonly fetched: ReadonlyMap<string, Fetched>
}

export type RevocationVerdict =
  | { readonly kind: 'good'; readonly notes: readonly string[] }
  | {
      readonly kind: 'revoked'
      readonly certificate: CertificateFacts
      readonly at: Moment
      readonly reason?: string
      readonly source: string
    }
  | {
      readonly kind: 'unknown'
      readonly certificate: CertificateFacts
      readonly why: string
      readonly source: RevocationSource
    }
  /** These are wanted first; ask again with them. */
  | { readonly kind: 'fetch'; readonly wanted: readonly Fetch[] }

/** Judges every certificate of a valid path but its anchor. */
export function checkRevocation(
  chain: readonly Certificate[],
  policy: RevocationPolicy,
  material: RevocationMaterial,
  at: Moment,
): RevocationVerdict {
  if (policy.crl === 'off' && policy.ocsp === 'off') return { kind: 'good', notes: [] }
  const crls = material.crls.flatMap(readable)
  const notes: string[] = []
  const wanted: Fetch[] = []
  for (const [i, certificate] of chain.entries()) {
    const issuer = chain[i + 1]
    if (issuer === undefined) continue
    const judged = [
      judge('crl', policy.crl, crlSources(crls, certificate, issuer, material, at, policy.crl)),
      judge('ocsp', policy.ocsp, ocspSources(certificate, issuer, material, at, policy.ocsp)),
    ]
    for (const { fetch } of judged) wanted.push(...fetch)
    for (const { verdict, mode, name, isThere } of judged) {
      if (verdict.kind === 'revoked')
        return { ...verdict, certificate: certificateFacts(certificate) }
      if (verdict.kind !== 'unknown' || mode === 'off') continue
      // A list that is yet to come may say more.
      if (wanted.length > 0) continue
      if (mode === 'required') {
        const facts = certificateFacts(certificate)
        return { kind: 'unknown', certificate: facts, why: verdict.why, source: name }
      }
      // Who has no lists knows that; who has them wants to know that one does not serve.
      if (isThere && judged.every((one) => one.verdict.kind !== 'good'))
        notes.push(
          `whether ${certificate.subject.text} was revoked cannot be told: ${verdict.why}; accepted, as the tunnel says ${SAID[name]}`,
        )
    }
  }
  return wanted.length > 0 ? { kind: 'fetch', wanted } : { kind: 'good', notes }
}

type Sources = { readonly verdicts: readonly SourceVerdict[]; readonly fetch: readonly Fetch[] }

const NOTHING_THERE: Readonly<Record<RevocationSource, string>> = {
  crl: 'no CRL of its issuer is there',
  ocsp: 'it names no OCSP responder',
}

/** What the configuration has where what cannot be had is done without. */
const SAID: Readonly<Record<RevocationSource, string>> = {
  crl: 'revocation: crl-if-present',
  ocsp: 'ocsp: if-present',
}

function judge(name: RevocationSource, mode: RevocationMode, { verdicts, fetch }: Sources) {
  const verdict = verdicts.find(({ kind }) => kind === 'revoked') ??
    verdicts.find(({ kind }) => kind === 'good') ??
    verdicts[0] ?? {
      kind: 'unknown' as const,
      why: NOTHING_THERE[name],
    }
  const isThere = verdicts.length > 0
  return { name, mode, verdict, isThere, fetch: verdict.kind === 'unknown' ? fetch : [] }
}

function crlSources(
  files: readonly Crl[],
  certificate: Certificate,
  issuer: Certificate,
  { fetched }: RevocationMaterial,
  at: Moment,
  mode: RevocationMode,
): Sources {
  if (mode === 'off') return NONE
  const verdicts = files
    .filter((crl) => equalDn(crl.issuer.der, certificate.issuer.der))
    .map((crl) => crlVerdict(crl, certificate, issuer, at))
  const urls = certificate.crlUrls.filter(isHttp)
  const fetch = urls.flatMap((url): Fetch[] =>
    fetched.has(url) ? [] : [{ kind: 'crl', key: url, url }],
  )
  for (const url of urls) {
    const got = fetched.get(url)
    if (got === undefined) continue
    if ('problem' in got) verdicts.push({ kind: 'unknown', why: `${url}: ${got.problem}` })
    else
      verdicts.push(...readable(got.content).map((crl) => crlVerdict(crl, certificate, issuer, at)))
  }
  return { verdicts, fetch: fetch.slice(0, MOST_FETCHES) }
}

function ocspSources(
  certificate: Certificate,
  issuer: Certificate,
  { fetched }: RevocationMaterial,
  at: Moment,
  mode: RevocationMode,
): Sources {
  if (mode === 'off') return NONE
  const [url] = certificate.ocspUrls.filter(isHttp)
  if (url === undefined) return NONE
  const request = ocspRequest(certificate, issuer)
  const key = `${url} ${toHex(request)}`
  const got = fetched.get(key)
  if (got === undefined) return { verdicts: [], fetch: [{ kind: 'ocsp', key, url, request }] }
  if ('problem' in got)
    return { verdicts: [{ kind: 'unknown', why: `${url}: ${got.problem}` }], fetch: [] }
  return { verdicts: [ocspVerdict(got.content, certificate, issuer, at)], fetch: [] }
}

/** What one CRL says: only its issuer's signature counts, and what is out of date can still revoke but no longer clear. */
function crlVerdict(
  crl: Crl,
  certificate: Certificate,
  issuer: Certificate,
  at: Moment,
): SourceVerdict {
  const source = `CRL of "${crl.issuer.text}"`
  if (!equalDn(crl.issuer.der, certificate.issuer.der))
    return { kind: 'unknown', why: `the ${source} is of another CA` }
  const mayNotSign = issuer.keyUsage !== undefined && !issuer.keyUsage.includes('cRLSign')
  if (
    mayNotSign ||
    !verifyDocument(issuer.publicKey, crl.signatureAlgorithm, crl.tbs, crl.signature)
  )
    return { kind: 'unknown', why: `the ${source} is not signed by it` }
  const why = outOfScope(crl, certificate)
  if (why !== undefined) return { kind: 'unknown', why }
  const entry = revokedEntry(crl, certificate.serial)
  // "removed from CRL" stands in delta CRLs only (RFC 5280 §5.3.1).
  if (entry !== undefined) return { kind: 'revoked', source, ...entry }
  if (crl.thisUpdate > at + AHEAD)
    return { kind: 'unknown', why: `the ${source} is from the future` }
  if (crl.nextUpdate === undefined || at <= crl.nextUpdate) return { kind: 'good', source }
  return {
    kind: 'unknown',
    why: `the ${source} is out of date since ${formatMoment(crl.nextUpdate)}`,
  }
}

const NONE: Sources = { verdicts: [], fetch: [] }
const AHEAD = 5 * 60_000
/** Of one certificate. */
const MOST_FETCHES = 2

function isHttp(url: string): boolean {
  return /^http:\/\//i.test(url)
}

function readable(file: Uint8Array): readonly Crl[] {
  try {
    return [parseCrl(file)]
  } catch {
    return []
  }
}
