import { type Certificate, isSelfIssued } from '#pki/certificate'
import { isEnding, leftText } from '#pki/expiry'
import { formatGeneralName } from '#pki/extensions'
import { isBound } from '#pki/identity-match'
import { formatMoment } from '#pki/moment'
import { LEAST_RSA_BITS } from '#pki/public-key'
import { validatePath } from '#pki/validate-path'
import { sameParts } from '#policy/distinguished-name'
import { formatIdentity } from '#policy/identity'
import type { Rule } from './checks.ts'
import type { ConfigProblem } from './problem.ts'
import { isWritten, type TunnelSource, tunnelProblem } from './tunnel-source.ts'

/** A tunnel proves itself one way; both sides must use the same. */
export const oneAuthentication: Rule = (tunnel) => {
  const { name } = tunnel
  const psk = isWritten(tunnel, 'psk')
  const certificate = isWritten(tunnel, 'certificate')
  if (psk && certificate) {
    return [
      tunnelProblem('error', tunnel, ['certificate'], {
        message: `tunnels.${name} has a pre-shared key and a certificate; it can prove itself by one only`,
        hints: ['both sides must use the same: remove psk, or certificate'],
      }),
    ]
  }
  if (psk || certificate) return []
  return [
    tunnelProblem('error', tunnel, [], {
      code: 'CW-305',
      message: `tunnels.${name} has no pre-shared key`,
      hints: [
        'psk: file:PATH, env:NAME or "the key in quotes"',
        'or certificate: with own, key and trust',
      ],
    }),
  ]
}

/** The keys of `certificate` take the place of those of the tunnel. */
export const oneIdentity: Rule = (tunnel) =>
  (['id', 'peer-id'] as const).flatMap((key) => {
    if (!isWritten(tunnel, key) || !isInCertificate(tunnel, key)) return []
    const message = `${key} is there twice, here and under certificate`
    return [tunnelProblem('error', tunnel, [key], { message, hints: ['remove one of them'] })]
  })

export const ownIdentity: Rule = (tunnel) => {
  const { credentials, draft } = tunnel
  const [leaf] = credentials?.own ?? []
  if (leaf === undefined || draft.id === undefined || isBound(draft.id, leaf)) return []
  const written = formatIdentity(draft.id)
  const names = [leaf.subject.text, ...leaf.subjectAltNames.map(formatGeneralName)].filter(Boolean)
  const isTurned = draft.id.kind === 'dn' && sameParts(draft.id.der, leaf.subject.der)
  return [
    tunnelProblem('error', tunnel, idKeys(tunnel), {
      code: 'CW-308',
      message: `our certificate does not say that we are ${written}`,
      hints: isTurned
        ? [
            'its parts stand in the other order (RFC 4514: the last one first):',
            `$ id: "${leaf.subject.text}"`,
          ]
        : [`it says ${names.slice(0, 10).join(', ')}`],
    }),
  ]
}

/** What a peer would find wrong with our certificate, and what is about to be. */
export const ownCertificate: Rule = (tunnel) => {
  const { credentials, now } = tunnel
  const [leaf, ...others] = credentials?.own ?? []
  if (credentials === undefined || leaf === undefined) return []
  const roots = others.filter(isSelfIssued)
  const path = validatePath({
    leaf,
    intermediates: others,
    anchors: [...credentials.trust, ...roots],
    at: now,
    ...(credentials.leastRsaBits === undefined ? {} : { leastRsaBits: credentials.leastRsaBits }),
  })
  if (path.kind !== 'valid-path' && path.kind !== 'untrusted') {
    const { certificate, detail, kind } = path
    const outOfTime = kind === 'expired' || kind === 'not-yet-valid'
    const validity = `valid from ${formatMoment(certificate.notBefore)} to ${formatMoment(certificate.notAfter)}; it is now ${formatMoment(now)}`
    // Time alone must not keep a gateway with other tunnels from starting; the clock may be what is wrong.
    return [
      tunnelProblem(outOfTime ? 'warning' : 'error', tunnel, ['certificate', 'own'], {
        code: outOfTime ? 'CW-307' : 'CW-306',
        message: outOfTime
          ? `the certificate ${certificate.subject} is ${detail}: the peer of tunnels.${tunnel.name} will refuse us`
          : `the certificate ${certificate.subject} is not usable: ${detail}`,
        hints: [validity],
      }),
    ]
  }
  // Another CA may have issued ours than the one we trust for the peer; but what is sent along must belong to it.
  const links =
    path.kind === 'untrusted' && others.length > 0 ? brokenChain(tunnel, leaf, others) : []
  return [...links, ...expiries(tunnel, 'own', [leaf, ...others], now)]
}

export const trustedCertificates: Rule = (tunnel) => {
  const { credentials, now } = tunnel
  if (credentials === undefined) return []
  const { trust } = credentials
  const expired = trust.filter(({ notAfter }) => notAfter < now)
  const effect =
    expired.length === trust.length ? `: tunnels.${tunnel.name} will refuse every peer` : ''
  const gone = expired.map(({ subject, notAfter }) =>
    tunnelProblem('warning', tunnel, ['certificate', 'trust'], {
      code: 'CW-307',
      message: `the CA ${subject.text} expired on ${formatMoment(notAfter)}${effect}`,
    }),
  )
  const live = trust.filter(({ notAfter }) => notAfter >= now)
  return [...gone, ...expiries(tunnel, 'trust', live, now)]
}

/** CW-206: said on purpose, and still to be said. */
export const shortRsaKeys: Rule = (tunnel) => {
  const bits = tunnel.draft.certificate?.['least-rsa-bits'] ?? LEAST_RSA_BITS
  if (bits >= LEAST_RSA_BITS) return []
  const message = `RSA keys of ${bits} bits are accepted; RFC 8247 §3.1.1 advises against fewer than ${LEAST_RSA_BITS}. (tunnels.${tunnel.name})`
  return [
    tunnelProblem('warning', tunnel, ['certificate', 'least-rsa-bits'], {
      code: 'CW-206',
      message,
    }),
  ]
}

function expiries(
  tunnel: TunnelSource,
  key: 'own' | 'trust',
  certificates: readonly Certificate[],
  now: number,
): readonly ConfigProblem[] {
  return certificates
    .filter(({ notAfter }) => notAfter >= now && isEnding(notAfter, now))
    .map(({ subject, notAfter }) => {
      return tunnelProblem('warning', tunnel, ['certificate', key], {
        code: 'CW-307',
        message: `the certificate ${subject.text} expires ${leftText(notAfter, now)} (${formatMoment(notAfter)}). (tunnels.${tunnel.name})`,
      })
    })
}

function brokenChain(
  tunnel: TunnelSource,
  leaf: Certificate,
  others: readonly Certificate[],
): readonly ConfigProblem[] {
  const path = validatePath({ leaf, intermediates: others, anchors: others, at: tunnel.now })
  if (path.kind === 'valid-path') return []
  return [
    tunnelProblem('warning', tunnel, ['certificate', 'own'], {
      code: 'CW-306',
      message: `what stands beside our certificate ${leaf.subject.text} did not issue it; its issuer is ${leaf.issuer.text}`,
      hints: ['put the certificates between ours and the CA into the file, ours first'],
    }),
  ]
}

function idKeys(tunnel: TunnelSource): readonly string[] {
  return isInCertificate(tunnel, 'id') ? ['certificate', 'id'] : ['id']
}

function isInCertificate(tunnel: TunnelSource, key: 'id' | 'peer-id'): boolean {
  return isWritten(tunnel, 'certificate') && isWritten(tunnel, 'certificate', key)
}
