import { generateKeyPairSync } from 'node:crypto'
import { DER, der, derChildren, derExpect, readDer } from '#bytes/der'
import { type Certificate, parseCertificate } from '#pki/certificate'
import type { GeneralName } from '#pki/extensions'
import {
  authorityExtensions,
  type CertificateDraft,
  gatewayExtensions,
  issueCertificate,
} from '#pki/issue'
import { generateKey, type KeyType, PrivateKey } from '#pki/node-private-key'
import { parseDn } from '#policy/distinguished-name'
import { isTextProblem } from '#policy/text-problem'

/** The date of every sample: 2026-11-23. */
export const TODAY: number = Date.UTC(2026, 10, 23)
export const A_DAY = 86_400_000

export type Holder = { readonly certificate: Certificate; readonly key: PrivateKey }

export function dn(text: string): Uint8Array {
  const found = parseDn(text)
  if (isTextProblem(found)) throw new TypeError(found.message)
  return found
}

/** Keys are made once each and shared by the samples of a process: making them is what costs time. */
export function sampleKey(name: string, type: SampleKeyType = 'p256'): PrivateKey {
  const known = keys.get(`${name} ${type}`)
  if (known !== undefined) return known
  const made =
    type === 'rsa1024'
      ? new PrivateKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
      : generateKey(type)
  keys.set(`${name} ${type}`, made)
  return made
}

/** What old devices have, too. */
export type SampleKeyType = KeyType | 'rsa1024'

const keys = new Map<string, PrivateKey>()

type Changes = Partial<CertificateDraft> & { readonly keyType?: SampleKeyType }

/** @param issuer absent: a root */
export function sampleAuthority(name: string, issuer?: Holder, changes: Changes = {}): Holder {
  const key = sampleKey(name, changes.keyType)
  const by = issuer?.key ?? key
  return holder(name, key, issuer, {
    extensions: authorityExtensions(key.publicKey, by.publicKey),
    ...changes,
  })
}

/** What its issuer would have given in version 1, which has no extensions; its signature is not made anew. */
export function inVersion1({ der: octets }: Certificate): Uint8Array {
  const [tbs, ...signature] = derChildren(readDer(octets), 3)
  const fields = derChildren(derExpect(tbs, DER.sequence, 'tbsCertificate'), 12)
  // [0] is the version, [3] the extensions (RFC 5280 §4.1).
  const old = fields.filter(({ tag }) => tag !== 0xa0 && tag !== 0xa3)
  const parts = [
    der(DER.sequence, ...old.map((one) => one.octets)),
    ...signature.map((one) => one.octets),
  ]
  return der(DER.sequence, ...parts)
}

export const GATEWAY_NAME: GeneralName = { kind: 'dns', name: 'gw.example.net' }

export function sampleGateway(name: string, issuer: Holder, changes: Changes = {}): Holder {
  const key = sampleKey(name, changes.keyType)
  const purposes = ['1.3.6.1.5.5.7.3.17']
  return holder(name, key, issuer, {
    extensions: gatewayExtensions(key.publicKey, issuer.key.publicKey, [GATEWAY_NAME], purposes),
    ...changes,
  })
}

function holder(
  name: string,
  key: PrivateKey,
  issuer: Holder | undefined,
  changes: Changes,
): Holder {
  const subject = changes.subject ?? dn(`CN=${name}, O=Example`)
  const draft: CertificateDraft = {
    publicKey: key.publicKey,
    serial: Uint8Array.of(1 + (serial++ % 120)),
    notBefore: TODAY - A_DAY,
    notAfter: TODAY + 365 * A_DAY,
    extensions: [],
    ...changes,
    subject,
  }
  const by = { name: issuer?.certificate.subject.der ?? subject, key: issuer?.key ?? key }
  return { certificate: parseCertificate(issueCertificate(draft, by)), key }
}

let serial = 0
