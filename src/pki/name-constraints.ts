import { ipOctets } from '#bytes/ip'
import { dnValues, EMAIL_ADDRESS, isBelowDn } from '#policy/distinguished-name'
import type { Certificate } from './certificate.ts'
import {
  type CertificateExtensions,
  formatGeneralName,
  type GeneralName,
  type Subtree,
} from './extensions.ts'

type NameConstraints = NonNullable<CertificateExtensions['nameConstraints']>

/**
 * Whether a certificate has a name that a CA above it may not certify (RFC 5280 §4.2.1.10).
 *
 * @returns which name, in words, or undefined
 */
export function constraintViolation(
  { permitted, excluded }: NameConstraints,
  certificate: Certificate,
): string | undefined {
  for (const name of namesOf(certificate)) {
    // RFC 5280 §4.2.1.10: where a constraint is of a kind that we cannot compare, names of that kind are refused.
    if (name.kind === 'other' && [...permitted, ...excluded].some((one) => isSameOther(one, name)))
      return `${formatGeneralName(name)} is constrained in a way not known here`
    const kind = constraintKind(name)
    const ofItsKind = permitted.filter((one) => one.kind === kind && one.kind !== 'other')
    if (excluded.some((subtree) => isWithin(name, subtree)))
      return `its name ${formatGeneralName(name)} is excluded`
    if (ofItsKind.length > 0 && !ofItsKind.some((subtree) => isWithin(name, subtree)))
      return `its name ${formatGeneralName(name)} is outside what is permitted`
  }
  return undefined
}

/** The subject counts as a name too, and its e-mail addresses where no other is named. */
function namesOf({ subject, subjectAltNames }: Certificate): readonly GeneralName[] {
  const names: GeneralName[] = [...subjectAltNames]
  const emails = dnValues(subject.der, EMAIL_ADDRESS)
  if (!names.some(({ kind }) => kind === 'email'))
    names.push(...emails.map((name) => ({ kind: 'email', name }) as const))
  // An empty Name is a SEQUENCE without content.
  if (subject.der.length > 2) names.push({ kind: 'directory', ...subject })
  return names
}

function isSameOther(subtree: Subtree, { tag }: Extract<GeneralName, { kind: 'other' }>): boolean {
  return subtree.kind === 'other' && subtree.tag === tag
}

function constraintKind(name: GeneralName): Subtree['kind'] {
  return name.kind === 'address' ? 'network' : name.kind
}

function isWithin(name: GeneralName, subtree: Subtree): boolean {
  if (name.kind === 'dns') return subtree.kind === 'dns' && isHostWithin(name.name, subtree.name)
  if (name.kind === 'email')
    return subtree.kind === 'email' && isEmailWithin(name.name, subtree.name)
  if (name.kind === 'uri') {
    return subtree.kind === 'uri' && isUriWithin(name.name, subtree.name)
  }
  if (name.kind === 'address') return subtree.kind === 'network' && isAddressWithin(name, subtree)
  if (name.kind === 'directory')
    return subtree.kind === 'directory' && isBelowDn(subtree.der, name.der)
  return false
}

/** `example.net` covers itself and everything below. A leading dot, which older CAs write, covers what is below. */
function isHostWithin(host: string, base: string): boolean {
  const [name, above] = [lower(host), lower(base)]
  if (above === '') return true
  if (above.startsWith('.')) return name.endsWith(above)
  return name === above || name.endsWith(`.${above}`)
}

/** A mailbox, a host, or with a leading dot every host below a domain. */
function isEmailWithin(email: string, base: string): boolean {
  if (base === '') return true
  const at = email.lastIndexOf('@')
  const host = lower(email.slice(at + 1))
  if (base.includes('@')) {
    const baseAt = base.lastIndexOf('@')
    return email.slice(0, at) === base.slice(0, baseAt) && host === lower(base.slice(baseAt + 1))
  }
  return base.startsWith('.') ? host.endsWith(lower(base)) : host === lower(base)
}

function isUriWithin(uri: string, base: string): boolean {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?([^:/?#]+)/i.exec(uri)?.[1]
  if (host === undefined) return false
  return base.startsWith('.') ? lower(host).endsWith(lower(base)) : lower(host) === lower(base)
}

function isAddressWithin(
  { address }: Extract<GeneralName, { kind: 'address' }>,
  { address: base, mask }: Extract<Subtree, { kind: 'network' }>,
): boolean {
  const octets = ipOctets(address)
  if (octets.length !== base.length) return false
  return octets.every((octet, i) => ((octet ^ (base[i] ?? 0)) & (mask[i] ?? 0)) === 0)
}

function lower(text: string): string {
  return text.toLowerCase().replace(/\.$/, '')
}
