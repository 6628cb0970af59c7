import { formatIdentity, type Identity } from './identity.ts'

/** Whom a tunnel takes: one party, those a distinguished name with `*` fits, or all that have what proves them. */
export type ExpectedIdentity = Identity | AnyOf

/** `trust`: holders of certificates of the tunnel's CAs. `psk`: holders of its key. Who they say they are decides nothing. */
export type AnyOf = { readonly kind: 'any-of'; readonly proof: 'trust' | 'psk' }

/** As the configuration file has it. */
export function formatExpected(expected: ExpectedIdentity): string {
  return expected.kind === 'any-of' ? `{any-of: ${expected.proof}}` : formatIdentity(expected)
}
