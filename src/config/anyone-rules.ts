import { hasWildcard } from '#policy/distinguished-name'
import { formatExpected } from '#policy/expected-identity'
import type { CrossRule, Rule } from './checks.ts'
import { isPublicAuthority } from './public-authority.ts'
import { isWritten, lineOf, type TunnelSource, tunnelProblem } from './tunnel-source.ts'

/** Whoever a CA has given a certificate comes in: right for a CA of one's own, for others a danger to be named. */
export const anyCertificate: Rule = (tunnel) => {
  if (!takesAny(tunnel, 'trust')) return []
  const keys = peerIdKeys(tunnel)
  if (tunnel.anchors !== undefined || tunnel.draft.certificate?.trust.length === 0) {
    const message = 'any-of: trust needs certificates of both sides, not hybrid authentication'
    return [tunnelProblem('error', tunnel, keys, { message, hints: [NAME_IT] })]
  }
  if (!isWritten(tunnel, 'certificate')) {
    const message = 'any-of: trust is about certificates, and this tunnel has none'
    return [tunnelProblem('error', tunnel, keys, { message, hints: ['any-of: psk, or a name'] })]
  }
  const trust = tunnel.credentials?.trust ?? []
  // A certificate of the peer itself, alone, is as good as a name. One of version 1 cannot say that it is no CA, and is trusted as one.
  const authorities = trust.filter(
    ({ basicConstraints, version }) => basicConstraints?.ca === true || version === 1,
  )
  if (trust.length > 0 && authorities.length === 0) return []
  const open = authorities.find(({ der }) => isPublicAuthority(der))
  if (open !== undefined) {
    const message = `${open.subject.text} is a public CA: anybody can have a certificate of it, so any-of: trust would let anybody in`
    return [tunnelProblem('error', tunnel, keys, { message, hints: [NAME_IT] })]
  }
  const issuers = authorities.map(({ subject }) => subject.text).join(', ')
  return [
    tunnelProblem('warning', tunnel, keys, {
      message: `any certificate of ${issuers === '' ? 'its CAs' : issuers} opens ${tunnel.name}, whoever holds it: right only where that CA is yours and issues to nobody but the peers of this tunnel. (tunnels.${tunnel.name})`,
    }),
  ]
}

/** A CA that vouches for the peers of another tunnel lets those in here as well. */
export const sharedAuthorities: CrossRule = (tunnels) =>
  tunnels
    .filter((tunnel) => takesAny(tunnel, 'trust'))
    .flatMap((tunnel) => {
      const own = new Set((tunnel.credentials?.trust ?? []).map(derText))
      const others = tunnels.filter(
        (other) =>
          other !== tunnel && (other.credentials?.trust ?? []).some((ca) => own.has(derText(ca))),
      )
      const [first] = others
      if (first === undefined) return []
      const names = others.slice(0, 5).map(({ name }) => name)
      const more = others.length > 5 ? ` and ${others.length - 5} more` : ''
      const problem = tunnelProblem('warning', tunnel, peerIdKeys(tunnel), {
        message: `the peers of ${names.join(', ')}${more} have certificates of the same CA: each of them can take ${tunnel.name} and its networks. (tunnels.${tunnel.name})`,
        hints: ['a CA of its own for this tunnel, or a peer-id that names its peer'],
      })
      return [[tunnel, problem] as const]
    })

/** One key for all, used before anyone has said who he is. */
export const sharedKey: Rule = (tunnel) => {
  const peerId = tunnel.draft['peer-id']
  if (takesAny(tunnel, 'psk') && isWritten(tunnel, 'certificate')) {
    const message = 'any-of: psk is about a pre-shared key, and this tunnel has a certificate'
    const hints = ['any-of: trust, or a name']
    return [tunnelProblem('error', tunnel, peerIdKeys(tunnel), { message, hints })]
  }
  if (takesAny(tunnel, 'psk') && tunnel.draft.ike === 'v1-aggressive') {
    const message = `any-of: psk in Aggressive mode hands a hash of the key to whoever asks, under any name, to guess at: only a key of causeway keygen withstands, and ike: v1-main does not do that. (tunnels.${tunnel.name})`
    return [tunnelProblem('warning', tunnel, peerIdKeys(tunnel), { message })]
  }
  if (!isKeyedFromAnywhere(tunnel) || peerId === undefined) return []
  const who =
    peerId.identity.kind === 'any-of'
      ? 'whoever has the key comes in, from anywhere'
      : `whoever has the key can come from anywhere as ${formatExpected(peerId.identity)}`
  return [
    tunnelProblem('warning', tunnel, ['peer'], {
      message: `peer: any with a pre-shared key in Main mode: ${who}, and can pose as this gateway to the others that have it; all such tunnels at one address of ours share one key (RFC 2409 §5.4). Certificates do without. (tunnels.${tunnel.name})`,
    }),
  ]
}

/** RFC 2409 §5.4: the key is in use before the identity can be read. */
export const oneKeyForAll: CrossRule = (tunnels) => {
  const first = new Map<string, TunnelSource>()
  return tunnels.flatMap((tunnel) => {
    const { local, psk, name } = tunnel
    if (local === undefined || psk === undefined || !isKeyedFromAnywhere(tunnel)) return []
    const earlier = first.get(local)
    if (earlier?.psk === undefined) {
      first.set(local, tunnel)
      return []
    }
    if (earlier.psk.equals(psk)) return []
    const where = `${earlier.name} (${lineOf(earlier.at, tunnel.at)})`
    const problem = tunnelProblem('error', tunnel, ['psk'], {
      message: `${name} has another key than ${where}; both wait at ${local} for peers from anywhere`,
      hints: [
        'RFC 2409 §5.4: in Main mode the key is needed before the peer has said who it is. Give both the same key, or one of them another address of ours, or certificates, or ike: v1-aggressive (exposes the key to offline guessing).',
      ],
    })
    return [[tunnel, problem] as const]
  })
}

/** Whether more than one party can come into a tunnel: by any certificate, by one of several names, or by a key that others have too. */
export function isOpenToSeveral(tunnel: TunnelSource): boolean {
  const { 'peer-id': peerId, peer, 'peer-moves': moves } = tunnel.draft
  if (peerId?.identity.kind === 'any-of' || isKeyedFromAnywhere(tunnel)) return true
  const isFromAnywhere = peer?.kind === 'any' || moves === 'allow'
  return isFromAnywhere && peerId?.identity.kind === 'dn' && hasWildcard(peerId.identity.der)
}

function takesAny({ draft }: TunnelSource, proof: 'trust' | 'psk'): boolean {
  const identity = draft['peer-id']?.identity
  return identity?.kind === 'any-of' && identity.proof === proof
}

function isKeyedFromAnywhere(tunnel: TunnelSource): boolean {
  const { peer, ike } = tunnel.draft
  return peer?.kind === 'any' && ike === 'v1-main' && !isWritten(tunnel, 'certificate')
}

function peerIdKeys(tunnel: TunnelSource): readonly string[] {
  return isWritten(tunnel, 'certificate', 'peer-id') ? ['certificate', 'peer-id'] : ['peer-id']
}

function derText({ der }: { readonly der: Uint8Array }): string {
  return Buffer.from(der).toString('base64')
}

const NAME_IT = 'name the peer: peer-id: branch7.example'
