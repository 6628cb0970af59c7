import { toHex } from '#bytes/hex'
import { type Certificate, MalformedPki, parseCertificate } from '#pki/certificate'
import { parseCrl, revokedCount } from '#pki/crl'
import { isEnding } from '#pki/expiry'
import { formatGeneralName, PURPOSE } from '#pki/extensions'
import { DAY, formatMoment } from '#pki/moment'
import { sha256 } from '#pki/node-signatures'
import { pemBlocks, toPem } from '#pki/pem'
import { describeKey } from '#pki/public-key'
import { describeAlgorithm } from '#pki/signature-algorithm'
import { parseSigningRequest } from '#pki/signing-request'
import { validatePath } from '#pki/validate-path'
import type { Terminal } from './terminal.ts'

type Style = Terminal['style']

/** Everything a file holds, in words. @throws MalformedPki */
export function describeFile(octets: Uint8Array, now: number, style: Style): string {
  const text =
    octets[0] === 0x30 ? toPem(derLabel(octets), octets) : new TextDecoder().decode(octets)
  const blocks = pemBlocks(text)
  const certificates: Certificate[] = []
  const parts = blocks.map(({ label, octets: der }) => {
    if (label.endsWith('CERTIFICATE')) {
      const certificate = parseCertificate(der)
      certificates.push(certificate)
      return certificateText(certificate, now, style)
    }
    if (label === 'X509 CRL') return crlText(der, now, style)
    if (label.endsWith('CERTIFICATE REQUEST')) return requestText(der)
    return label.endsWith('PRIVATE KEY') ? 'private key (not shown)\n' : `${label} (not shown)\n`
  })
  if (parts.length === 0) throw new MalformedPki('no certificate, CRL, request or key is in it')
  const chain = certificates.length === 0 ? [] : [chainText(certificates, now, style)]
  return [...parts, ...chain].join('\n')
}

function certificateText(certificate: Certificate, now: number, style: Style): string {
  const { subject, issuer, serial, notBefore, notAfter, publicKey, subjectAltNames } = certificate
  const names = subjectAltNames.map(formatGeneralName).join(', ')
  const ca = certificate.basicConstraints?.ca === true
  return lines(style('bold', subject.text || '(no subject)'), [
    ['issuer', issuer.text],
    ['serial', serial],
    ['valid', `${formatMoment(notBefore)} to ${formatMoment(notAfter)}`],
    ['', expiryText(notBefore, notAfter, now, style)],
    [
      'key',
      `${describeKey(publicKey)}, signed by ${describeAlgorithm(certificate.signatureAlgorithm)}`,
    ],
    ['names', names === '' ? 'none beside the subject' : names],
    [
      'use',
      [ca ? 'CA' : '', ...(certificate.keyUsage ?? []), ...purposes(certificate)]
        .filter(Boolean)
        .join(', '),
    ],
    ['crl', certificate.crlUrls.join(', ')],
    ['ocsp', certificate.ocspUrls.join(', ')],
    ['sha256', toHex(sha256(certificate.der))],
  ])
}

function crlText(der: Uint8Array, now: number, style: Style): string {
  const crl = parseCrl(der)
  const { issuer, thisUpdate, nextUpdate } = crl
  const count = revokedCount(crl)
  const until = nextUpdate === undefined ? 'no end given' : formatMoment(nextUpdate)
  const late = nextUpdate !== undefined && nextUpdate < now
  return lines(style('bold', `CRL of ${issuer.text}`), [
    ['valid', `${formatMoment(thisUpdate)} to ${until}`],
    ['', late ? style('red', 'out of date') : style('green', 'current')],
    ['revoked', count === 0 ? 'none' : `${count} ${count === 1 ? 'certificate' : 'certificates'}`],
  ])
}

function requestText(der: Uint8Array): string {
  const { subject, names, publicKey } = parseSigningRequest(der)
  return lines(`request of ${subject.text}`, [
    ['key', describeKey(publicKey)],
    ['names', names.map(formatGeneralName).join(', ')],
  ])
}

/** Leaf first, each issuer below the one it issued, to where the file ends. */
function chainText(certificates: readonly Certificate[], now: number, style: Style): string {
  const [leaf] = certificates
  if (leaf === undefined) return ''
  const path = validatePath({
    leaf,
    intermediates: certificates,
    anchors: certificates.slice(1),
    at: now,
  })
  const isSelfSigned = leaf.subject.text === leaf.issuer.text
  const chain = path.kind === 'valid-path' ? path.chain : [leaf]
  const last = chain[chain.length - 1] ?? leaf
  const steps = chain.map(({ subject }, i) => `  ${draw(i)}${subject.text}`)
  const isWhole = last.subject.text === last.issuer.text
  if (!isWhole)
    steps.push(`  ${draw(chain.length)}${style('dim', `${last.issuer.text} (not in this file)`)}`)
  const problem =
    path.kind === 'valid-path' || path.kind === 'untrusted' || isSelfSigned
      ? []
      : [`  ${style('red', `not usable: ${path.certificate.subject}: ${path.detail}`)}`]
  return ['chain', ...steps, ...problem, ''].join('\n')
}

function draw(depth: number): string {
  return depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `
}

export function expiryText(notBefore: number, notAfter: number, now: number, style: Style): string {
  if (now < notBefore) return style('red', 'not valid yet')
  if (now > notAfter) return style('red', `expired ${Math.ceil((now - notAfter) / DAY)} days ago`)
  const days = Math.floor((notAfter - now) / DAY)
  const text = `expires in ${days} ${days === 1 ? 'day' : 'days'}`
  return isEnding(notAfter, now) ? style('yellow', text) : style('green', text)
}

function purposes({ extendedKeyUsage = [] }: Certificate): readonly string[] {
  return extendedKeyUsage.map(
    (oid) => Object.entries(PURPOSE).find(([, one]) => one === oid)?.[0] ?? oid,
  )
}

/** Which of the three a DER file is. */
function derLabel(octets: Uint8Array): string {
  for (const [label, parse] of [
    ['CERTIFICATE', parseCertificate],
    ['X509 CRL', parseCrl],
    ['CERTIFICATE REQUEST', parseSigningRequest],
  ] as const) {
    try {
      parse(octets)
      return label
    } catch {
      // Another kind then.
    }
  }
  return 'DER'
}

function lines(title: string, fields: readonly (readonly [string, string])[]): string {
  const shown = fields.filter(([, value]) => value !== '')
  return [title, ...shown.map(([name, value]) => `  ${name.padEnd(8)}${value}`), ''].join('\n')
}
