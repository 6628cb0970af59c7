import { CertificationRequest } from 'pkijs'
import { checkDer, DER, DerError, derChildren, derExpect, readDer, readOid } from '#bytes/der'
import { guarded, MalformedPki, type Name, name } from './certificate.ts'
import { type GeneralName, OID, parseAltNames } from './extensions.ts'
import { verifyDocument } from './node-signatures.ts'
import { pemBlocks } from './pem.ts'
import { type PublicKey, parsePublicKey } from './public-key.ts'
import { signatureAlgorithm } from './signature-algorithm.ts'

/** What a PKCS #10 request (RFC 2986) asks to have certified. */
export type SigningRequest = {
  readonly subject: Name
  readonly names: readonly GeneralName[]
  readonly publicKey: PublicKey
}

/** PEM or DER; the request must be signed by the key it is for. @throws MalformedPki and nothing else */
export function parseSigningRequest(file: Uint8Array): SigningRequest {
  return guarded('certificate request', () => {
    if (file[0] === DER.sequence) return parse(file)
    const blocks = pemBlocks(new TextDecoder().decode(file))
    const block = blocks.find(({ label }) => label.endsWith('CERTIFICATE REQUEST'))
    if (block === undefined) throw new MalformedPki('there is no certificate request in it')
    return parse(block.octets)
  })
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

function parse(octets: Uint8Array): SigningRequest {
  checkDer(octets, { depth: 24, elements: 5_000 })
  const request = CertificationRequest.fromBER(octets.slice())
  const [tbs, algorithm] = derChildren(readDer(octets), 3)
  const [, subject, spki] = derChildren(derExpect(tbs, DER.sequence, 'the request'), 4)
  const publicKey = parsePublicKey(derExpect(spki, DER.sequence, 'the key').octets.slice())
  const { content } = derExpect(algorithm, DER.sequence, 'the signature algorithm')
  const signature = request.signatureValue.valueBlock.valueHexView.slice()
  const signed = tbs?.octets ?? octets
  if (!verifyDocument(publicKey, signatureAlgorithm({ content }), signed, signature))
    throw new DerError('it is not signed by the key it is for')
  return {
    subject: name(derExpect(subject, DER.sequence, 'the subject').octets.slice()),
    names: wishedNames(request),
    publicKey,
  }
}

function wishedNames({ attributes }: CertificationRequest): readonly GeneralName[] {
  const wish = attributes?.find(({ type }) => type === EXTENSION_REQUEST)?.values[0]
  if (wish === undefined) return []
  for (const extension of derChildren(readDer(new Uint8Array(wish.toBER())), 64)) {
    const [oid, ...rest] = derChildren(extension, 3)
    const value = rest[rest.length - 1]
    if (oid === undefined || value?.tag !== DER.octetString) continue
    if (readOid(oid) === OID.subjectAltName) return parseAltNames(value.content.slice())
  }
  return []
}
