import { basename } from 'node:path'
import type { TunnelSettings } from './gateway.ts'
import { causewaySide, type Link, strongswanSide } from './interop.ts'
import type { Papers } from './pki.ts'
import type { SwanControl } from './strongswan.ts'
import type { SwanCertificate, SwanConnection } from './swan-conf.ts'

/** What both ends of a link prove themselves by. Identities as each side writes them; a host name is the same in both. */
export type CertificateLink = {
  readonly causeway: Papers & { readonly id: string }
  readonly strongswan: Papers & { readonly id: string }
  /** The CA, as a file; both sides trust it alone. */
  readonly trust: string
}

export function certifiedCausewaySide(
  link: Link,
  { causeway, strongswan, trust }: CertificateLink,
  certificate: Readonly<Record<string, unknown>> = {},
  more: Partial<TunnelSettings> = {},
): TunnelSettings {
  const { psk: _, ...side } = causewaySide(link, more)
  return {
    ...side,
    certificate: {
      own: causeway.own,
      key: causeway.key,
      trust: [trust],
      id: causeway.id,
      'peer-id': strongswan.id,
      ...certificate,
    },
  }
}

export function certifiedStrongswanSide(
  link: Link,
  { causeway, strongswan, trust }: CertificateLink,
  more: Partial<SwanConnection> = {},
  certificate: Partial<SwanCertificate> = {},
): SwanConnection {
  return strongswanSide(link, {
    psk: undefined,
    localId: strongswan.id,
    remoteId: causeway.id,
    certificate: { own: placed(strongswan.own), trust: placed(trust), ...certificate },
    ...more,
  })
}

/** Puts strongSwan's papers, and the CA, where it looks for them. */
export function givePapers(swan: SwanControl, { strongswan, trust }: CertificateLink): void {
  swan.give('x509', placed(strongswan.own), strongswan.own)
  swan.give('private', placed(strongswan.key), strongswan.key)
  swan.give('x509ca', placed(trust), trust)
}

/** A name of its own: several CAs have a `ca.pem`. */
function placed(file: string): string {
  return `${file.split('/').at(-2)}-${basename(file)}`
}
