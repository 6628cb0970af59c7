import { ipFamily } from '#bytes/ip'
import { ANY_PROTOCOL, covers, selectorFromPrefix } from '#policy/traffic-selector'
import type { Rule } from './checks.ts'
import { pairsOf } from './networks.ts'
import { isWritten, tunnelProblem } from './tunnel-source.ts'

/** Each role has keys of its own. */
export const xauthKeys: Rule = (tunnel) => {
  const role = tunnel.draft.xauth?.role
  if (role === undefined) return []
  const keys = { client: ['user', 'password'], server: ['users'] }
  const other = role === 'client' ? 'server' : 'client'
  const missing = keys[role].filter((key) => !isWritten(tunnel, 'xauth', key))
  const strange = keys[other].filter((key) => isWritten(tunnel, 'xauth', key))
  return [
    ...missing.map((key) =>
      tunnelProblem('error', tunnel, ['xauth'], { message: `xauth as a ${role} needs "${key}"` }),
    ),
    ...strange.map((key) =>
      tunnelProblem('error', tunnel, ['xauth', key], {
        message: `${key} belongs to a ${other}; we are the ${role}`,
      }),
    ),
  ]
}

export const modeConfigKeys: Rule = (tunnel) => {
  const modeConfig = tunnel.draft['mode-config']
  if (modeConfig === undefined) return []
  if (modeConfig.role === 'server') {
    const [one, other] = ['address', 'pool'].map((key) => isWritten(tunnel, 'mode-config', key))
    if (one !== other) return []
    const message = one
      ? 'address and pool both say what the peer gets: write one of them'
      : 'mode-config as a server needs "address" or "pool"'
    return [tunnelProblem('error', tunnel, ['mode-config'], { message })]
  }
  const strange = ['address', 'pool', 'dns', 'networks'].filter((key) =>
    isWritten(tunnel, 'mode-config', key),
  )
  return strange.map((key) =>
    tunnelProblem('error', tunnel, ['mode-config', key], {
      message: `${key} is what a server gives; we are the client`,
      hints: ['leave it out'],
    }),
  )
}

/** XAUTH has numbers for keys and for RSA, none for ECDSA (draft-beaulieu-ike-xauth-02 §7.2). */
export const xauthWithRsa: Rule = (tunnel) => {
  if (tunnel.draft.xauth === undefined || tunnel.credentials === undefined) return []
  if (tunnel.credentials.key.publicKey.kind === 'rsa') return []
  return [
    tunnelProblem('error', tunnel, ['xauth'], {
      message: 'XAUTH with certificates needs an RSA key; ours is another',
      hints: ['a certificate with an RSA key, or no xauth: certificates are the better proof'],
    }),
  ]
}

/** Without a key only the peer signs, without trust only we do; the other side logs in (draft-zegman-ike-hybrid-auth-01). */
export const certificateParts: Rule = (tunnel) => {
  const { certificate, xauth } = tunnel.draft
  if (certificate === undefined) return []
  const needs = (key: 'key' | 'trust', role: 'client' | 'server') =>
    tunnelProblem('error', tunnel, ['certificate'], {
      message: `certificate needs "${key}"`,
      hints: [`it may be left out only beside xauth: {role: ${role}}, for hybrid authentication`],
    })
  const withoutKey = certificate.key === undefined
  const withoutTrust = certificate.trust.length === 0
  if (withoutKey && (xauth?.role !== 'client' || withoutTrust)) return [needs('key', 'client')]
  if (withoutTrust && xauth?.role !== 'server') return [needs('trust', 'server')]
  if (!withoutKey || certificate.own === undefined) return []
  const message = 'own belongs to a key; without key we have no certificate'
  return [tunnelProblem('error', tunnel, ['certificate', 'own'], { message })]
}

/** The client's side of its networks is not known before it is given. */
export const assignedNetworks: Rule = (tunnel) => {
  const { networks, mode } = tunnel.draft
  if (tunnel.draft['mode-config']?.role !== 'client') return []
  if (mode === 'transport') {
    const message = 'an address inside the tunnel needs mode: tunnel'
    return [tunnelProblem('error', tunnel, ['mode'], { message })]
  }
  if (networks === undefined || networks === 'any') return []
  return networks.flatMap(({ local }, i) => {
    const wide = { ...local, ...ANY_PROTOCOL }
    if (covers(wide, selectorFromPrefix(local.start, 0))) return []
    return [
      tunnelProblem('error', tunnel, ['networks', i], {
        message: 'with mode-config our side is the address we are given: write any',
        hints: ['any <-> 10.1.0.0/16'],
      }),
    ]
  })
}

/** What we give and what we then agree to should be the same. */
export const givenAddress: Rule = (tunnel) => {
  const modeConfig = tunnel.draft['mode-config']
  const pairs = pairsOf(tunnel.draft)
  if (modeConfig?.role !== 'server' || pairs.length === 0) return []
  const key = isWritten(tunnel, 'mode-config', 'pool') ? 'pool' : 'address'
  return (modeConfig.address ?? []).flatMap((address) => {
    const host = selectorFromPrefix(address)
    if (pairs.some(({ remote }) => covers({ ...remote, ...ANY_PROTOCOL }, host))) return []
    const example = ipFamily(address) === 4 ? '10.1.0.0/16' : 'fd00:1::/64'
    return [
      tunnelProblem('warning', tunnel, ['mode-config', key], {
        message: `no pair of networks has ${address} on the side of the peer, which will ask for it`,
        hints: [`networks: ["${example} <-> ${address}"]`],
      }),
    ]
  })
}
