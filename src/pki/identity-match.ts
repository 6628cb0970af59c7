import { equalDn, matchesDn } from '#policy/distinguished-name'
import type { ExpectedIdentity } from '#policy/expected-identity'
import { equalIdentity, type Identity } from '#policy/identity'
import type { Certificate } from './certificate.ts'
import type { GeneralName } from './extensions.ts'

/**
 * Whether the identity a peer sent is one its certificate vouches for (RFC 4945 §3.1): an address by an iPAddress, a name by a
 * dNSName, user@host by an rfc822Name, a distinguished name by the subject. A name in the subject's CN is none
 * (RFC 4945 §3.1.9), and a `*` in a certificate stands for nothing but itself.
 */
export function isBound(identity: Identity, { subject, subjectAltNames }: Certificate): boolean {
  if (identity.kind === 'dn') {
    // An empty subject vouches for nobody.
    return subject.der.length > 2 && equalDn(identity.der, subject.der)
  }
  return subjectAltNames.some((name) => {
    const vouched = identityOf(name)
    return vouched !== undefined && equalIdentity(vouched, identity)
  })
}

/** Whether the identity a peer sent is one its tunnel expects; in a DN, a value written as `*` takes any. */
export function isExpected(expected: ExpectedIdentity, identity: Identity): boolean {
  if (expected.kind === 'any-of') return expected.proof === 'trust'
  if (expected.kind === 'dn') return identity.kind === 'dn' && matchesDn(expected.der, identity.der)
  return equalIdentity(expected, identity)
}

function identityOf(name: GeneralName): Identity | undefined {
  if (name.kind === 'dns') return { kind: 'fqdn', name: name.name }
  if (name.kind === 'email') return { kind: 'user-fqdn', name: name.name }
  return name.kind === 'address' ? name : undefined
}
