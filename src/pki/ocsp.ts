import { BasicOCSPResponse, OCSPResponse, type SingleResponse } from 'pkijs'
import { checkDer, DER, DerError, der, derChildren, derOid, readDer, readOid } from '#bytes/der'
import { equalOctets } from '#bytes/equal'
import { fromHex } from '#bytes/hex'
import {
  type Certificate,
  guarded,
  MalformedPki,
  parseCertificate,
  readTime,
} from './certificate.ts'
import { reasonText } from './crl.ts'
import { PURPOSE } from './extensions.ts'
import { DAY, type Moment } from './moment.ts'
import { sha1, verifyDocument } from './node-signatures.ts'
import { isShorterRsa, keyBits, LEAST_RSA_BITS } from './public-key.ts'
import type { SourceVerdict } from './revocation-verdict.ts'
import { signatureAlgorithm } from './signature-algorithm.ts'

export const LONGEST_OCSP_RESPONSE: number = 256 * 1024

/**
 * The request for one certificate (RFC 6960 §4.1.1). Without a nonce, as RFC 5019 §2.1.1 has it, so that responders may answer
 * from store; the dates of the response say how fresh it is.
 */
export function ocspRequest(certificate: Certificate, issuer: Certificate): Uint8Array {
  const request = der(DER.sequence, certId(certificate, issuer))
  return der(DER.sequence, der(DER.sequence, der(DER.sequence, request)))
}

/** What a response says of the certificate at a date. Never throws: what cannot be used is `unknown`, with the reason. */
export function ocspVerdict(
  response: Uint8Array,
  certificate: Certificate,
  issuer: Certificate,
  at: Moment,
): SourceVerdict {
  try {
    return guarded('OCSP response', () => judge(response, certificate, issuer, at))
  } catch (error) {
    if (error instanceof MalformedPki) return unknown(error.message)
    throw error
  }
}

/** Clocks of responders may be ahead of ours. */
const AHEAD = 5 * 60_000
/** A response that does not say how long it is good for (RFC 6960 §4.2.2.1) is good for a day. */
const WITHOUT_NEXT_UPDATE = DAY

function judge(
  response: Uint8Array,
  certificate: Certificate,
  issuer: Certificate,
  at: Moment,
): SourceVerdict {
  if (response.length > LONGEST_OCSP_RESPONSE) throw new DerError(`${response.length} octets`)
  checkDer(response, { depth: 32, elements: 10_000 })
  const { responseStatus, responseBytes } = OCSPResponse.fromBER(response.slice())
  const status = responseStatus.valueBlock.valueDec
  if (status !== 0 || responseBytes === undefined)
    return unknown(`the OCSP responder refused: ${STATUSES[status] ?? `status ${status}`}`)
  const octets = responseBytes.response.valueBlock.valueHexView.slice()
  checkDer(octets, { depth: 32, elements: 10_000 })
  const basic = BasicOCSPResponse.fromBER(octets)
  if (!isAuthorized(basic, octets, issuer, at)) {
    return unknown('the OCSP response is not signed by the issuer, nor by one it authorized')
  }
  const wanted = certId(certificate, issuer)
  const single = basic.tbsResponseData.responses.find((one) => isAbout(one, wanted))
  if (single === undefined) return unknown('the OCSP response is about other certificates')
  const thisUpdate = single.thisUpdate.getTime()
  const nextUpdate = single.nextUpdate?.getTime() ?? thisUpdate + WITHOUT_NEXT_UPDATE
  if (thisUpdate > at + AHEAD) return unknown('the OCSP response is from the future')
  return statusOf(single, at > nextUpdate)
}

function statusOf(single: SingleResponse, isStale: boolean): SourceVerdict {
  const status = readDer(new Uint8Array(single.certStatus.toBER()))
  const kind = status.tag & 0x1f
  if (kind === 1) {
    const [date, reason] = derChildren(status, 2)
    const number = reason === undefined ? undefined : derChildren(reason, 1)[0]?.content[0]
    return {
      kind: 'revoked',
      at: readTime(date),
      ...(number === undefined ? {} : { reason: reasonText(number) }),
      source: 'OCSP',
    }
  }
  if (isStale) return unknown('the OCSP response is out of date')
  return kind === 0
    ? { kind: 'good', source: 'OCSP' }
    : unknown('the OCSP responder does not know it')
}

/** RFC 6960 §4.2.2.2: the issuer itself, or a certificate it issued for this one purpose. */
function isAuthorized(
  basic: BasicOCSPResponse,
  octets: Uint8Array,
  issuer: Certificate,
  at: Moment,
): boolean {
  // Of the octets as they came: the library would encode them anew.
  const [tbs, algorithmElement] = derChildren(readDer(octets), 4)
  if (tbs === undefined || algorithmElement === undefined) return false
  const algorithm = signatureAlgorithm(algorithmElement)
  const signature = basic.signature.valueBlock.valueHexView.slice()
  const isSigner = ({ publicKey }: Certificate) =>
    verifyDocument(publicKey, algorithm, tbs.octets, signature)
  if (isSigner(issuer)) return true
  return (basic.certs ?? []).slice(0, MOST_RESPONDERS).some((one) => {
    const responder = parseCertificate(new Uint8Array(one.toSchema().toBER()))
    return (
      responder.extendedKeyUsage?.includes(PURPOSE.ocspSigning) === true &&
      responder.unknownCritical.length === 0 &&
      !isShorterRsa(responder.publicKey, leastBits(issuer)) &&
      responder.notBefore <= at &&
      at <= responder.notAfter &&
      equalOctets(responder.issuer.der, issuer.subject.der) &&
      verifyDocument(
        issuer.publicKey,
        responder.signatureAlgorithm,
        responder.tbs,
        responder.signature,
      ) &&
      isSigner(responder)
    )
  })
}

/** Whoever answers for a CA need not have a longer key than the CA, where that was accepted. */
function leastBits({ publicKey }: Certificate): number {
  return publicKey.kind === 'rsa' ? Math.min(publicKey.bits, LEAST_RSA_BITS) : LEAST_RSA_BITS
}

const MOST_RESPONDERS = 4

/** Other hashes for the same CertID are not asked for, so a right response has this one. */
function isAbout({ certID }: SingleResponse, wanted: Uint8Array): boolean {
  const [algorithm, ...own] = derChildren(readDer(new Uint8Array(certID.toSchema().toBER())), 4)
  const [, ...others] = derChildren(readDer(wanted), 4)
  const [oid] = derChildren(algorithm ?? { content: new Uint8Array(0) }, 2)
  if (oid === undefined || readOid(oid) !== SHA1) return false
  return (
    own.length === 3 &&
    own.every(({ octets }, i) => equalOctets(octets, others[i]?.octets ?? EMPTY))
  )
}

function certId(certificate: Certificate, issuer: Certificate): Uint8Array {
  return der(
    DER.sequence,
    der(DER.sequence, derOid(SHA1), der(DER.null)),
    der(DER.octetString, sha1(issuer.subject.der)),
    der(DER.octetString, sha1(keyBits(issuer.publicKey))),
    der(DER.integer, fromHex(certificate.serial)),
  )
}

function unknown(why: string): SourceVerdict {
  return { kind: 'unknown', why }
}

const EMPTY = new Uint8Array(0)
const SHA1 = '1.3.14.3.2.26'
const STATUSES: Readonly<Record<number, string>> = {
  1: 'malformed request',
  2: 'internal error',
  3: 'try later',
  5: 'the request must be signed',
  6: 'not authorized',
}
