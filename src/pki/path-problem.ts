import type { Certificate } from './certificate.ts'
import { formatGeneralName } from './extensions.ts'
import type { Moment } from './moment.ts'

/** What a message says of a certificate. */
export type CertificateFacts = {
  readonly subject: string
  readonly issuer: string
  /** Hexadecimal. */
  readonly serial: string
  readonly notBefore: Moment
  readonly notAfter: Moment
  readonly names: readonly string[]
}

export type PathProblemKind =
  | 'untrusted'
  | 'expired'
  | 'not-yet-valid'
  | 'not-a-ca'
  | 'path-too-long'
  | 'wrong-key-usage'
  | 'wrong-extended-key-usage'
  | 'name-constraint'
  | 'weak-key'
  | 'weak-signature'
  | 'bad-signature'
  | 'unknown-critical-extension'
  | 'too-complex'

/** Why a certificate is not believed, and which one of its path it is about. */
export type PathProblem = {
  readonly kind: PathProblemKind
  readonly certificate: CertificateFacts
  readonly detail: string
  /** Of `untrusted`: whose certificate would have been needed, how many came, and who is trusted. */
  readonly missingIssuer?: string
  readonly received?: number
  readonly trusted?: readonly string[]
}

export function certificateFacts(certificate: Certificate): CertificateFacts {
  const { subject, issuer, serial, notBefore, notAfter, subjectAltNames } = certificate
  return {
    subject: subject.text,
    issuer: issuer.text,
    serial,
    notBefore,
    notAfter,
    names: subjectAltNames.slice(0, 20).map(formatGeneralName),
  }
}
