import { Certificate as PkijsCertificate } from 'pkijs'
import { checkDer, DER, DerError, derChildren, derExpect, readDer } from '#bytes/der'
import { equalOctets } from '#bytes/equal'
import { toHex } from '#bytes/hex'
import { formatDn } from '#policy/distinguished-name'
import { type CertificateExtensions, parseExtensions } from './extensions.ts'
import { type Moment, parseTimeText } from './moment.ts'
import { pemBlocks } from './pem.ts'
import { type PublicKey, parsePublicKey } from './public-key.ts'
import { type SignatureAlgorithm, signatureAlgorithm } from './signature-algorithm.ts'

/** An X.509 certificate as plain data; nothing in it is believed before `validatePath` says so. */
export type Certificate = CertificateExtensions & {
  readonly der: Uint8Array
  /** What is signed. */
  readonly tbs: Uint8Array
  readonly version: number
  /** Hexadecimal, as it is encoded. */
  readonly serial: string
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: Moment
  readonly notAfter: Moment
  readonly publicKey: PublicKey
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
}

/** A distinguished name: `der` to compare, `text` (RFC 4514) to show. */
export type Name = { readonly der: Uint8Array; readonly text: string }

/** Octets that are no certificate, CRL, OCSP response or key we take. */
export class MalformedPki extends Error {
  override readonly name = 'MalformedPki'
  readonly code = 'malformed-pki'
}

/** No CERT payload can carry more (RFC 2408 §3.9). */
const LONGEST_CERTIFICATE = 65_531

/** @throws MalformedPki and nothing else, whatever the octets are. */
export function parseCertificate(der: Uint8Array): Certificate {
  return guarded('certificate', () => {
    if (der.length > LONGEST_CERTIFICATE) throw new DerError(`${der.length} octets`)
    checkDer(der, { depth: 24, elements: 5_000 })
    // A copy of its own: the library wants the buffer whole, and what is kept must not hang on a datagram.
    const octets = der.slice()
    const parsed = PkijsCertificate.fromBER(octets)
    const [tbs, algorithm] = derChildren(readDer(octets), 3)
    const fields = tbsFields(derExpect(tbs, DER.sequence, 'tbsCertificate'))
    // RFC 5280 §4.1.1.2: both must be the same, or the signature says nothing of the algorithm used.
    if (!equalOctets(fields.signature.octets, algorithm?.octets ?? new Uint8Array(0)))
      throw new DerError('two different signature algorithms')
    return {
      der: octets,
      tbs: tbs?.octets ?? octets,
      version: parsed.version + 1,
      serial: toHex(parsed.serialNumber.valueBlock.valueHexView.slice(0, 64)),
      issuer: name(fields.issuer.octets),
      subject: name(fields.subject.octets),
      notBefore: validity(fields.validity, 0),
      notAfter: validity(fields.validity, 1),
      publicKey: parsePublicKey(fields.publicKey.octets),
      signatureAlgorithm: signatureAlgorithm(fields.signature),
      signature: parsed.signatureValue.valueBlock.valueHexView.slice(),
      ...parseExtensions(parsed.extensions ?? []),
    }
  })
}

/** All certificates of a file, PEM or a single DER. @throws MalformedPki, also when there is none */
export function parseCertificates(file: Uint8Array): readonly Certificate[] {
  if (file[0] === DER.sequence) return [parseCertificate(file)]
  const blocks = pemBlocks(new TextDecoder().decode(file)).filter(({ label }) =>
    /^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label),
  )
  if (blocks.length === 0) throw new MalformedPki('there is no certificate in it')
  return blocks.map(({ octets }) => parseCertificate(octets))
}

/** `subject` is `issuer` too; whether it signed itself is for the signature to say. */
export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return equalOctets(subject.der, issuer.der)
}

/** A Name as it stands in a certificate. @throws DerError */
export function name(der: Uint8Array): Name {
  const text = formatDn(der)
  if (text === undefined) throw new DerError('a distinguished name that cannot be read')
  return { der, text }
}

/** Turns whatever a library throws at hostile octets, stack exhaustion included, into the one typed error. */
export function guarded<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedPki) throw error
    const reason = error instanceof DerError ? `: ${error.message}` : ''
    throw new MalformedPki(`not a ${what} that can be read${reason}`)
  }
}

/** RFC 5280 §4.1; the context tag 0 of the version is left out of version 1. */
function tbsFields(tbs: { readonly content: Uint8Array }) {
  const children = derChildren(tbs, 12)
  const at = children[0]?.tag === 0xa0 ? 1 : 0
  const [serial, signature, issuer, valid, subject, publicKey] = children.slice(at)
  derExpect(serial, DER.integer, 'the serial number')
  return {
    signature: derExpect(signature, DER.sequence, 'the signature algorithm'),
    issuer: derExpect(issuer, DER.sequence, 'the issuer'),
    validity: derExpect(valid, DER.sequence, 'the validity'),
    subject: derExpect(subject, DER.sequence, 'the subject'),
    publicKey: derExpect(publicKey, DER.sequence, 'the public key'),
  }
}

function validity(sequence: { readonly content: Uint8Array }, index: 0 | 1): Moment {
  return readTime(derChildren(sequence, 2)[index])
}

/** @throws DerError */
export function readTime(
  element: { readonly tag: number; readonly content: Uint8Array } | undefined,
): Moment {
  const isTime = element?.tag === DER.utcTime || element?.tag === DER.generalizedTime
  const octets = isTime ? element.content : new Uint8Array(0)
  const moment = parseTimeText(new TextDecoder().decode(octets))
  if (moment === undefined || (element?.tag === DER.utcTime) !== (octets.length === 13))
    throw new DerError('a date that is none')
  return moment
}
