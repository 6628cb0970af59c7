import type { Authentication } from '#config/config'
import { opensslEcdsa } from '#platform/openssl-ecdsa'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { type Holder, TODAY } from './sample-pki.ts'

export type CertificateAuthentication = Extract<Authentication, { kind: 'certificate' }>

/** Proof by a certificate, shown with its `chain`, to those who trust the same CAs; nobody asks for revocation. */
export function certifiedBy(
  { certificate, key }: Holder,
  trusted: readonly Holder[],
  chain: readonly Holder[] = [],
): CertificateAuthentication {
  return {
    kind: 'certificate',
    own: [certificate, ...chain.map((one) => one.certificate)],
    key,
    trust: trusted.map((one) => one.certificate),
    revocation: { crl: 'off', ocsp: 'off' },
    crls: [],
  }
}

/** What both gateways need to judge certificates: ECDSA without a hash, and the date on which the samples are valid. */
export function readyForCertificates({ gateways }: Rehearsal): void {
  for (const gateway of [gateways.a, gateways.b]) {
    gateway.bareEcdsa = opensslEcdsa()
    gateway.date = TODAY
  }
}
