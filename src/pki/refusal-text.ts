import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import { formatMoment, type Moment } from './moment.ts'
import type { CertificateFacts, PathProblem } from './path-problem.ts'
import type { RevocationSource } from './revocation.ts'
import type { PeerRefusal } from './verify-peer.ts'

/** A refusal in the catalogue's terms; `key` is the configuration key that decides. */
export type RefusalText = {
  readonly code: 'CW-306' | 'CW-307' | 'CW-308' | 'CW-309' | 'CW-310'
  readonly summary: string
  readonly ours?: string
  readonly theirs?: string
  readonly remedy: string
  readonly key: string
  /** What to write to the peer's administrator. */
  readonly forPeer?: string
}

/**
 * @param peer how the operator calls the peer: the name of its tunnel
 * @param clockIsKept whether anything keeps our clock right, as far as that is known
 */
export function refusalText(
  refusal: PeerRefusal,
  peer: string,
  clockIsKept?: boolean,
): RefusalText {
  switch (refusal.kind) {
    case 'no-certificate':
      return {
        code: 'CW-310',
        summary: `${peer} sent no certificate`,
        remedy: `have ${peer} send its certificate (and those between it and the CA)`,
        key: 'certificate',
        forPeer:
          'Your gateway sends no certificate in phase 1. Please set it to send its own always, and those between it and the CA.',
      }
    case 'unreadable-certificate':
      return {
        code: 'CW-306',
        summary: `${peer}'s certificate cannot be read: ${refusal.detail}`,
        remedy: `have ${peer} send an X.509 certificate`,
        key: 'certificate',
      }
    case 'path':
      return pathText(refusal.problem, refusal.at, peer, clockIsKept)
    case 'unbound-identity':
      return {
        code: 'CW-308',
        summary: `${peer} calls itself ${formatIdentity(refusal.identity)}, but its certificate does not say so: it is for ${namesIn(refusal.certificate)}`,
        ours: formatExpected(refusal.expected),
        theirs: formatIdentity(refusal.identity),
        remedy: `have ${peer} send one of those as its identity, or use a certificate that names ${formatIdentity(refusal.identity)}`,
        key: 'certificate.peer-id',
        forPeer: `Your gateway calls itself ${formatIdentity(refusal.identity)}, which its certificate does not say: it is for ${namesIn(refusal.certificate)}. Please have it send one of these.`,
      }
    case 'other-identity':
      return {
        code: 'CW-308',
        summary: `${peer} proves to be ${formatIdentity(refusal.identity)}; we expect ${formatExpected(refusal.expected)}`,
        ours: formatExpected(refusal.expected),
        theirs: formatIdentity(refusal.identity),
        remedy: `if that is ${peer}, write peer-id: "${formatIdentity(refusal.identity)}"`,
        key: 'certificate.peer-id',
      }
    case 'wrong-signature':
      return {
        code: 'CW-306',
        summary: `${peer}'s signature was not made with the ${refusal.key} key of its certificate (${refusal.certificate.subject})`,
        remedy: `have ${peer} check that its key and its certificate belong together`,
        key: 'certificate',
        forPeer: `The signature of your gateway was not made with the key of its certificate (${refusal.certificate.subject}). Do the two belong together?`,
      }
    case 'revoked':
      return {
        code: 'CW-309',
        summary: `${named(refusal.certificate)} was revoked on ${formatMoment(refusal.at)}${refusal.reason === undefined ? '' : ` (${refusal.reason})`}, says ${refusal.source}`,
        remedy: `${peer} needs a new certificate`,
        key: 'certificate.revocation',
        forPeer: `Your certificate ${refusal.certificate.subject} (serial ${refusal.certificate.serial}) was revoked on ${formatMoment(refusal.at)}. Please install a new one.`,
      }
    case 'revocation-unknown':
      return {
        code: 'CW-309',
        summary: `whether ${named(refusal.certificate)} was revoked cannot be told: ${refusal.why}`,
        ...WANTED[refusal.source],
      }
  }
}

const WANTED: Readonly<
  Record<RevocationSource, { readonly ours: string; readonly remedy: string; readonly key: string }>
> = {
  crl: {
    ours: 'revocation: crl-required',
    remedy:
      'put a list of that CA that is in date into a file and name it under certificate.crl (a CA of your own writes one with causeway pki crl), or make the one that the certificate names reachable; or set revocation: crl-if-present',
    key: 'certificate.revocation',
  },
  ocsp: {
    ours: 'ocsp: required',
    remedy:
      'see that the certificate names a responder of its CA, and that it answers for this certificate; or set ocsp: if-present',
    key: 'certificate.ocsp',
  },
}

function pathText(
  problem: PathProblem,
  at: Moment,
  peer: string,
  clockIsKept: boolean | undefined,
): RefusalText {
  const { certificate, detail, kind } = problem
  if (kind === 'untrusted') {
    const trusted = problem.trusted?.map((one) => `"${one}"`).join(', ') ?? ''
    const count = problem.received ?? 1
    return {
      code: 'CW-306',
      summary: `${peer}'s certificate ${certificate.subject} leads to issuer "${problem.missingIssuer ?? certificate.issuer}" (serial ${certificate.serial}); the tunnel trusts ${trusted}`,
      ours: trusted,
      theirs: problem.missingIssuer ?? certificate.issuer,
      remedy: `if a CA in between is missing, have ${peer} send it (${count} ${count === 1 ? 'certificate' : 'certificates'} came); otherwise add the issuer's CA to trust`,
      key: 'certificate.trust',
      forPeer: `Your certificate ${certificate.subject} leads to the issuer "${problem.missingIssuer ?? certificate.issuer}", and we trust ${trusted}. Please send the CA certificates in between, or tell us which CA to trust.`,
    }
  }
  if (kind === 'expired' || kind === 'not-yet-valid') {
    const validity = `valid from ${formatMoment(certificate.notBefore)} to ${formatMoment(certificate.notAfter)}`
    const early = kind === 'not-yet-valid'
    return {
      code: 'CW-307',
      summary: `${named(certificate)} is ${detail}: ${validity}, our clock says ${formatMoment(at)}${clockIsKept === false ? ' and nothing keeps it right (no NTP)' : ''}`,
      ours: formatMoment(at),
      theirs: validity,
      remedy: early
        ? `${clockIsKept === true ? 'our clock is kept right, so' : 'check our clock (NTP) first; if it is right,'} the clock of the CA is ahead, or the certificate is meant for later: wait, or have ${peer} use another`
        : `${clockIsKept === false ? 'check our clock first; if it is right, ' : ''}it must be renewed; if it was, ${peer} still sends the old one`,
      key: 'certificate',
      ...(early
        ? {}
        : {
            forPeer: `Your certificate ${certificate.subject} is good until ${formatMoment(certificate.notAfter)} only. Please renew it, or have your gateway send the new one.`,
          }),
    }
  }
  return {
    code: 'CW-306',
    summary: `${named(certificate)} is not accepted: ${detail}`,
    theirs: detail,
    remedy: `the CA "${certificate.issuer}" must issue one that fits`,
    key: 'certificate.trust',
  }
}

function named({ subject, serial }: CertificateFacts): string {
  return `the certificate ${subject} (serial ${serial})`
}

function namesIn({ subject, names }: CertificateFacts): string {
  return [subject, ...names].filter((name) => name !== '').join(', ')
}
