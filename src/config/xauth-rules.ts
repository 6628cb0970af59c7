import { ipFamily } from '#bytes/ip'
import { ANY_PROTOCOL, covers, selectorFromPrefix } from '#policy/traffic-selector'
import type { Rule } from './checks.ts'
import { pairsOf } from './networks.ts'
import { isWritten, type TunnelSource, tunnelProblem } from './tunnel-source.ts'

/** Each role has keys of its own. */
export const xauthKeys: Rule = (tunnel) => {
  const role = tunnel.draft.xauth?.role
  if (role === undefined) return []
  return keysOfRole(tunnel, 'xauth', role, {
    client: ['user', 'password'],
    server: ['users'],
  })
}

export const modeConfigKeys: Rule = (tunnel) => {
  const modeConfig = tunnel.draft['mode-config']
  if (modeConfig === undefined) return []
  const only = { client: [], server: ['address'] }
  const problems = keysOfRole(tunnel, 'mode-config', modeConfig.role, only)
  if (modeConfig.role === 'server') return problems
  const strange = ['dns', 'networks'].filter((key) => isWritten(tunnel, 'mode-config', key))
  return [
    ...problems,
    ...strange.map((key) =>
      tunnelProblem('error', tunnel, ['mode-config', key], {
        message: `${key} is what a server gives; we are the client`,
        hints: ['leave it out'],
      }),
    ),
  ]
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
  return (modeConfig.address ?? []).flatMap((address) => {
    const host = selectorFromPrefix(address)
    if (pairs.some(({ remote }) => covers({ ...remote, ...ANY_PROTOCOL }, host))) return []
    const example = ipFamily(address) === 4 ? '10.1.0.0/16' : 'fd00:1::/64'
    return [
      tunnelProblem('warning', tunnel, ['mode-config', 'address'], {
        message: `no pair of networks has ${address} on the side of the peer, which will ask for it`,
        hints: [`networks: ["${example} <-> ${address}"]`],
      }),
    ]
  })
}

/** What the role needs and lacks, and what only the other role has. */
function keysOfRole(
  tunnel: TunnelSource,
  group: 'xauth' | 'mode-config',
  role: 'client' | 'server',
  keys: Readonly<Record<'client' | 'server', readonly string[]>>,
) {
  const other = role === 'client' ? 'server' : 'client'
  const missing = keys[role].filter((key) => !isWritten(tunnel, group, key))
  const strange = keys[other].filter((key) => isWritten(tunnel, group, key))
  return [
    ...missing.map((key) =>
      tunnelProblem('error', tunnel, [group], { message: `${group} as a ${role} needs "${key}"` }),
    ),
    ...strange.map((key) =>
      tunnelProblem('error', tunnel, [group, key], {
        message: `${key} belongs to a ${other}; we are the ${role}`,
      }),
    ),
  ]
}
