import type { Moment } from './moment.ts'

/** What one CRL or OCSP response says of a certificate. */
export type SourceVerdict =
  | { readonly kind: 'good'; readonly source: string }
  | Revoked
  | { readonly kind: 'unknown'; readonly why: string }

export type Revoked = {
  readonly kind: 'revoked'
  readonly at: Moment
  readonly reason?: string
  /** `CRL of "CN=Plant CA"`, `OCSP`. */
  readonly source: string
}
