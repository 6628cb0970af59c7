import { ipFamily } from '#bytes/ip'
import { formatExpected } from '#policy/expected-identity'
import { equalIdentity, formatIdentity } from '#policy/identity'
import type { CrossRule, Rule } from './checks.ts'
import { isWritten, lineOf, type TunnelSource, tunnelProblem } from './tunnel-source.ts'

const BY_ADDRESS = 'RFC 2409 §5.4: the key can only be found by the address the packets come from.'
const REMEDIES =
  'use certificates, or ike: v2, or ike: v1-aggressive (exposes the key to offline guessing).'
const NOT_YET = 'ike: v2 is not in this version yet.'

/** RFC 2409 §5.4: the hash that proves the key crosses in clear, with all that went into it but the key. */
export const aggressiveMode: Rule = (tunnel) => {
  const { ike, peer, 'peer-moves': moves } = tunnel.draft
  if (ike !== 'v1-aggressive') return []
  const shown = hasKey(tunnel)
    ? 'shows both identities to whoever listens, and lets him guess the pre-shared key offline; only a long random key withstands (causeway keygen)'
    : 'shows both identities to whoever listens'
  const advice = hasKey(tunnel) ? 'certificates do without it' : 'ike: v1-main does without it'
  const better =
    peer?.kind === 'address' && moves !== 'allow'
      ? 'and this peer has one: ike: v1-main hides both'
      : `and ${advice}, where the peer can`
  return [
    tunnelProblem('warning', tunnel, ['ike'], {
      message: `Aggressive mode ${shown}. It is right only for a peer without a static address, ${better} (RFC 2409 §5.4). (tunnels.${tunnel.name})`,
    }),
  ]
}

/** Wherever it comes from, the peer is known by what it says and proves, and nobody but it can begin. */
export const anywherePeer: Rule = (tunnel) => {
  const { peer, start, 'peer-id': peerId } = tunnel.draft
  if (peer?.kind !== 'any') return []
  const problems = []
  if (peerId === undefined && !isWritten(tunnel, 'peer-id')) {
    problems.push(
      tunnelProblem('error', tunnel, ['peer'], {
        message: 'peer: any needs the identity that tells this peer from all others',
        hints: [
          'peer-id: branch7.example',
          hasKey(tunnel)
            ? 'or, of whoever has the key, peer-id: {any-of: psk}'
            : 'or, of whoever has a certificate of its CA, peer-id: {any-of: trust}',
        ],
      }),
    )
  }
  if (start !== undefined && start !== 'respond') {
    problems.push(
      tunnelProblem('error', tunnel, ['start'], {
        message: `start: ${start} needs an address to call; with peer: any the peer begins`,
        hints: ['start: respond, or leave it out'],
      }),
    )
  }
  return problems
}

/** Elsewhere than at its address, too, the peer is known by its identity alone. */
export const movingPeer: Rule = (tunnel) => {
  const { peer, 'peer-moves': moves, 'peer-id': peerId } = tunnel.draft
  if (moves !== 'allow') return []
  const problem = (message: string, hint: string) => [
    tunnelProblem('error', tunnel, ['peer-moves'], { message, hints: [hint] }),
  ]
  if (peer?.kind === 'any') return problem('peer: any comes from anywhere already', 'leave it out')
  if (isFoundByAddress(tunnel)) {
    const message = 'a pre-shared key in Main mode needs a static peer address, not one that moves'
    return problem(message, `${BY_ADDRESS} Either leave it out, or ${REMEDIES}`)
  }
  if (peerId !== undefined || isWritten(tunnel, 'peer-id')) return []
  // A certificate then vouches for the name.
  if (peer?.kind === 'name' && !hasKey(tunnel)) return []
  return problem(
    'a peer that moves needs an identity other than its address',
    'peer-id: branch7.example',
  )
}

export const peerIdentity: Rule = (tunnel) => {
  const { peer, 'peer-id': peerId } = tunnel.draft
  if (peerId === undefined || peerId.knowingly || !isFoundByAddress(tunnel)) return []
  if (peerId.identity.kind === 'any-of') return []
  if (peer?.kind !== 'address' && peer?.kind !== 'name') return []
  const address = peer.kind === 'address' ? peer.address : `the address of ${peer.name}`
  if (peer.kind === 'address' && equalIdentity(peerId.identity, peer)) return []
  const identity = formatIdentity(peerId.identity)
  return [
    tunnelProblem('error', tunnel, ['peer-id'], {
      message: `a pre-shared key in Main mode needs the peer's address as its identity, not ${identity}`,
      hints: [
        `${BY_ADDRESS} Either have the peer send ${address}, or ${REMEDIES} ${NOT_YET}`,
        'If this device sends another identity from its address and you mean to accept that one:',
        `$ peer-id: {sends: ${identity}}`,
      ],
    }),
  ]
}

export const sentIdentity: Rule = (tunnel) => {
  const { id } = tunnel.draft
  if (id === undefined || id.kind === 'address' || !isFoundByAddress(tunnel)) return []
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

/** Two peers from anywhere are told apart by what they say they are. */
export const anywherePairs: CrossRule = (tunnels) => {
  const first = new Map<string, TunnelSource>()
  return tunnels.flatMap((tunnel) => {
    const { local, draft } = tunnel
    const identity = draft['peer-id']?.identity
    const roams = draft.peer?.kind === 'any' || draft['peer-moves'] === 'allow'
    if (local === undefined || !roams || identity === undefined) return []
    const key = `${draft.ike} ${local} ${formatExpected(identity)}`
    const earlier = first.get(key)
    if (earlier === undefined) {
      first.set(key, tunnel)
      return []
    }
    const where = `${earlier.name} (${lineOf(earlier.at, tunnel.at)})`
    const problem = tunnelProblem('error', tunnel, ['peer-id'], {
      message: `${tunnel.name} waits for the same peer as ${where}, ${formatExpected(identity)} from anywhere`,
      hints: ['write all networks in one tunnel, or give the peers different identities'],
    })
    return [[tunnel, problem] as const]
  })
}

/** Two tunnels between the same two addresses look the same to whoever finds the key by address. */
export const gatewayPairs: CrossRule = (tunnels) => {
  const first = new Map<string, (typeof tunnels)[number]>()
  return tunnels.flatMap((tunnel) => {
    const { local, psk, name } = tunnel
    const { peer } = tunnel.draft
    if (local === undefined || psk === undefined || !isFoundByAddress(tunnel)) return []
    if (peer?.kind !== 'address' && peer?.kind !== 'name') return []
    const gateways = `${local} ${peer.kind === 'address' ? peer.address : peer.name.toLowerCase()}`
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

/** In Main mode with a pre-shared key there is nothing to know the peer by but its address (RFC 2409 §5.4). */
function isFoundByAddress(tunnel: TunnelSource): boolean {
  return tunnel.draft.ike !== 'v1-aggressive' && hasKey(tunnel)
}

function hasKey(tunnel: TunnelSource): boolean {
  return !isWritten(tunnel, 'certificate')
}
