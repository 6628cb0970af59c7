import { ipFamily } from '#bytes/ip'
import { equalIdentity, formatIdentity } from '#policy/identity'
import type { CrossRule, Rule } from './checks.ts'
import { lineOf, tunnelProblem } from './tunnel-source.ts'

const BY_ADDRESS = 'RFC 2409 §5.4: the key can only be found by the address the packets come from.'
const REMEDIES =
  'use certificates, or ike: v2, or ike: v1-aggressive (exposes the key to offline guessing).'
const NOT_YET = 'These three are not in this version yet.'

/** The responder needs the key before it can read who the initiator says it is. */
export const mainModePeer: Rule = (tunnel) => {
  const { peer } = tunnel.draft
  if (peer === undefined || peer.kind === 'address') return []
  const instead = peer.kind === 'name' ? 'a host name' : '"any"'
  return [
    tunnelProblem('error', tunnel, ['peer'], {
      message: `a pre-shared key in Main mode needs a static peer address, not ${instead}`,
      hints: [`${BY_ADDRESS} Either give the address, or ${REMEDIES}`, NOT_YET],
    }),
  ]
}

export const peerIdentity: Rule = (tunnel) => {
  const { peer, 'peer-id': peerId } = tunnel.draft
  if (peerId === undefined || peerId.knowingly || peer?.kind !== 'address') return []
  if (equalIdentity(peerId.identity, { kind: 'address', address: peer.address })) return []
  const identity = formatIdentity(peerId.identity)
  return [
    tunnelProblem('error', tunnel, ['peer-id'], {
      message: `a pre-shared key in Main mode needs the peer's address as its identity, not ${identity}`,
      hints: [
        `${BY_ADDRESS} Either have the peer send ${peer.address}, or ${REMEDIES} ${NOT_YET}`,
        'If this device sends another identity from its static address and you mean to accept that one:',
        `$ peer-id: {sends: ${identity}}`,
      ],
    }),
  ]
}

export const sentIdentity: Rule = (tunnel) => {
  const { id } = tunnel.draft
  if (id === undefined || id.kind === 'address') return []
  return [
    tunnelProblem('warning', tunnel, ['id'], {
      message: `we send ${formatIdentity(id)} as our identity; in Main mode with a pre-shared key most peers accept only our address (RFC 2409 §5.4)`,
    }),
  ]
}

export const ownAddress: Rule = (tunnel) => {
  const { local, withoutAddress, name } = tunnel
  const { peer } = tunnel.draft
  if (withoutAddress) {
    return [
      tunnelProblem('error', tunnel, [], {
        message: `tunnels.${name} has no address of ours`,
        hints: ['say it for all tunnels as gateway.address, or here as address'],
      }),
    ]
  }
  if (local === undefined || peer?.kind !== 'address') return []
  if (local === peer.address) {
    return [tunnelProblem('error', tunnel, ['peer'], { message: `${local} is our own address` })]
  }
  if (ipFamily(local) === ipFamily(peer.address)) return []
  return [
    tunnelProblem('error', tunnel, ['peer'], {
      message: `the peer is IPv${ipFamily(peer.address)}, our address ${local} is not`,
      hints: [`give this tunnel an address: of ours in IPv${ipFamily(peer.address)}`],
    }),
  ]
}

/** Two tunnels between the same two addresses look the same to whoever finds the key by address. */
export const gatewayPairs: CrossRule = (tunnels) => {
  const first = new Map<string, (typeof tunnels)[number]>()
  return tunnels.flatMap((tunnel) => {
    const { local, psk, name } = tunnel
    const { peer } = tunnel.draft
    if (local === undefined || peer?.kind !== 'address' || psk === undefined) return []
    const gateways = `${local} ${peer.address}`
    const earlier = first.get(gateways)
    if (earlier?.psk === undefined) {
      first.set(gateways, tunnel)
      return []
    }
    const same = earlier.psk.equals(psk)
    const where = `${earlier.name} (${lineOf(earlier.at, tunnel.at)})`
    const problem = tunnelProblem(same ? 'warning' : 'error', tunnel, ['peer'], {
      message: same
        ? `${name} has the same two gateways as ${where}; write all networks in one tunnel (RFC 2409 §5.4: the address alone tells whose negotiation it is)`
        : `${name} has the same two gateways as ${where}, but another key`,
      hints: same ? [] : [`${BY_ADDRESS} It cannot tell the two apart: write one tunnel.`],
    })
    return [[tunnel, problem] as const]
  })
}
