import { toHex } from '#bytes/hex'
import { type IpAddress, ipFamily, ipOctets } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { Ikev2Exchange } from '#iana/ikev2'
import { ExchangeType } from '#iana/isakmp'
import { equalIdentity } from '#policy/identity'
import { addressOfPeer, type PeerAddress } from '#policy/peer-address'
import type { IkeHeader } from '#wire/ike-header'
import type { Failure } from './events.ts'
import type { Tunnel } from './tunnel.ts'
import type { Datagram, IkeContext, IkeVersion, Likeness } from './version.ts'

/**
 * Why a first message finds no tunnel: another version (CW-106) or mode (CW-107) than its peer's tunnel has, or an address no tunnel expects
 * (CW-103). The tunnel it was very likely meant for hears of it, once a minute. Strangers knock at every gateway: for them only a tunnel that
 * is down, and that they come near to, is named.
 * @returns what to log
 */
export function turnAway(
  datagram: Datagram,
  header: IkeHeader,
  tunnels: readonly Tunnel[],
  version: IkeVersion | undefined,
  context: IkeContext,
): string {
  const { local, remote } = datagram
  const own = tunnels.find(
    ({ config }) => config.local === local.address && config.peer === remote.address,
  )
  if (own !== undefined && (own.children.all.length > 0 || isFirstOfIts(header, own, context))) {
    return `its tunnel answers no ${formOf(header)}`
  }
  const subject = `turned away: ${own?.config.name ?? 'strangers'}`
  let looked = false
  const known = context.rareWork.result(subject, context.now, () => {
    looked = true
    const { detail, nearest } =
      own === undefined
        ? ofStranger(datagram, header, tunnels, version)
        : ofPeer(own.config, header, version)
    if (nearest !== undefined) context.tell({ kind: 'refusal-hinted', ...nearest })
    return detail
  })
  return (own !== undefined || looked ? known : undefined) ?? NO_PEER
}

/**
 * Gateways that speak IKEv1 ask now and then whether the other one would answer IKEv2 (so do we) and ask once; who means it repeats itself.
 * @returns whether it may be such a question
 */
function isFirstOfIts({ majorVersion, initiatorSpi }: IkeHeader, own: Tunnel, context: IkeContext) {
  if (majorVersion === 1) return false
  const spi = toHex(initiatorSpi)
  let first = false
  const seen = context.rareWork.result(`asked ${own.config.name}`, context.now, () => {
    first = true
    return spi
  })
  return first || seen !== spi
}

type TurnedAway = {
  /** For the log, whoever it was. */
  readonly detail: string
  readonly nearest?: { readonly tunnel: string; readonly failure: Failure }
}

const NO_PEER = 'no tunnel has this peer'

/** CW-103. */
function ofStranger(
  datagram: Datagram,
  header: IkeHeader,
  tunnels: readonly Tunnel[],
  version: IkeVersion | undefined,
): TurnedAway {
  const near = nearest(datagram, header, tunnels, version)
  if (near === undefined) return { detail: NO_PEER }
  const { name } = near.config
  return {
    detail: `${NO_PEER}; closest is ${name}, ${near.distance}`,
    nearest: { tunnel: name, failure: unexpectedAddress(near, datagram) },
  }
}

/** CW-106 or CW-107: the address is right. */
function ofPeer(
  config: TunnelConfig,
  header: IkeHeader,
  version: IkeVersion | undefined,
): TurnedAway {
  const { name } = config
  const { majorVersion, exchangeType } = header
  if (version === undefined) {
    return {
      detail: `IKE version ${majorVersion} is not spoken here`,
      nearest: { tunnel: name, failure: otherVersion(config, majorVersion) },
    }
  }
  const detail = `its tunnel answers no ${formOf(header)}`
  const theirs = MODES.get(exchangeType)
  if (theirs === undefined || majorVersion !== 1) return { detail }
  return { detail, nearest: { tunnel: name, failure: otherMode(config, theirs) } }
}

function formOf({ majorVersion, exchangeType }: IkeHeader): string {
  const names = majorVersion === 1 ? ExchangeType : Ikev2Exchange
  return `IKEv${majorVersion} ${names.nameOf(exchangeType)}`
}

const MODES: ReadonlyMap<number, 'Main' | 'Aggressive'> = new Map([
  [ExchangeType.number('IDENTITY-PROTECTION'), 'Main'],
  [ExchangeType.number('AGGRESSIVE'), 'Aggressive'],
])

function otherVersion({ name, ike, local }: TunnelConfig, major: number): Failure {
  return {
    code: 'CW-106',
    summary: `${name} speaks IKEv${major} to us; this tunnel is set to ike: ${ike}`,
    ours: ike,
    theirs: `IKEv${major}`,
    evidence: 'version in the header of its first message',
    certainty: 'certain',
    key: 'ike',
    remedy: `have ${name} use IKEv1 for this tunnel`,
    forPeer: `Your gateway opens with IKEv${major}; ours (${local}) is set to IKEv1 for this tunnel. Please set yours to IKEv1, ${ike === 'v1-aggressive' ? 'Aggressive' : 'Main'} mode.`,
  }
}

function otherMode({ name, ike, local }: TunnelConfig, theirs: 'Main' | 'Aggressive'): Failure {
  const ours = ike === 'v1-aggressive' ? 'Aggressive' : 'Main'
  return {
    code: 'CW-107',
    summary: `${name} opens with ${theirs} mode; we allow ${ours} mode only for this tunnel`,
    ours: `${ours} mode`,
    theirs: `${theirs} mode`,
    evidence: 'exchange type in the header of its first message',
    certainty: 'certain',
    key: 'ike',
    remedy:
      theirs === 'Aggressive'
        ? `have ${name} use Main mode: Aggressive mode lets whoever listens guess the pre-shared key at home; or set ike: v1-aggressive knowingly`
        : `set ike: v1-main here, which is the safer of the two, or have ${name} use Aggressive mode`,
    forPeer: `Your gateway opens phase 1 in ${theirs} mode, ours (${local}) takes ${ours} mode only. Please set ${ours} mode.`,
  }
}

type Near = {
  readonly config: TunnelConfig
  readonly why: 'address' | 'identity' | 'network' | 'offer'
  readonly distance: string
}

/** The first of what tells most: our own address mistaken, the identity, the neighbourhood, at last a proposal only one tunnel takes. */
function nearest(
  datagram: Datagram,
  header: IkeHeader,
  tunnels: readonly Tunnel[],
  version: IkeVersion | undefined,
): Near | undefined {
  const { remote } = datagram
  const down = tunnels
    .filter(
      ({ children, config }) => children.all.length === 0 && addressOfPeer(config) !== undefined,
    )
    .slice(0, MOST_COMPARED)
  const elsewhere = down.find(({ config }) => config.peer === remote.address)
  if (elsewhere !== undefined) {
    const distance = `which is at our address ${elsewhere.config.local}`
    return { config: elsewhere.config, why: 'address', distance }
  }
  const here = down.filter(({ config }) => config.local === datagram.local.address)
  const known = here.flatMap(({ config }) => {
    const likeness = version?.likeness(datagram, header, config)
    return likeness === undefined ? [] : [{ config, likeness }]
  })
  const byIdentity = known.find(({ config, likeness: { identity } }) =>
    identity === undefined || config.remoteId.kind === 'any-of'
      ? false
      : equalIdentity(identity, config.remoteId),
  )
  if (byIdentity !== undefined) return near(byIdentity, 'identity')
  const neighbours = known.filter(({ config }) => areNeighbours(config.peer, remote.address))
  const [closest] = [...neighbours].sort(
    (a, b) => a.likeness.differs.length - b.likeness.differs.length,
  )
  if (closest !== undefined) return near(closest, 'network')
  const suited = known.filter(({ likeness }) => likeness.differs.length === 0)
  const [only] = suited
  return suited.length === 1 && only !== undefined ? near(only, 'offer') : undefined
}

function near(
  { config, likeness: { differs } }: { config: TunnelConfig; likeness: Likeness },
  why: Near['why'],
): Near {
  const also =
    differs.length === 0 ? 'only its address differs' : `and ${differs.join(', ')} differ`
  return { config, why, distance: `which expects ${config.peer}; ${also}` }
}

function unexpectedAddress({ config, why, distance }: Near, { local, remote }: Datagram): Failure {
  const { name, peer } = config
  if (why === 'address') {
    return {
      code: 'CW-103',
      summary: `${name} (${peer}) sends to our address ${local.address}; its tunnel is at ${config.local}`,
      ours: config.local,
      theirs: local.address,
      evidence: 'addresses of its first message',
      certainty: 'certain',
      key: 'address',
      remedy: `set address: ${local.address} for this tunnel, or have ${name} name ${config.local}`,
      forPeer: `Your gateway sends to our address ${local.address}. Please set ${config.local} as the address of our gateway.`,
    }
  }
  return {
    code: 'CW-103',
    summary: `a peer at ${remote.address} asks for a tunnel, and none has that address; closest is ${name}, ${distance}`,
    ours: peer,
    theirs: remote.address,
    evidence: EVIDENCE[why],
    certainty: why === 'offer' ? 'possible' : 'very likely',
    key: 'peer',
    remedy:
      config.peerName === undefined
        ? `if ${name} has moved, set peer: ${remote.address}; if not, it is a stranger`
        : `if ${name} has moved, ${config.peerName.name} has to lead to ${remote.address}; if not, it is a stranger`,
    forPeer: `A gateway at ${remote.address} calls ours (${local.address}), which expects you at ${peer}. Is it yours? Has your address changed, or is a NAT before your gateway?`,
  }
}

const EVIDENCE: Readonly<Record<Exclude<Near['why'], 'address'>, string>> = {
  identity: 'its first message shows the identity this tunnel expects',
  network: 'its address is in the same network as the one this tunnel expects',
  offer: 'its first message offers what this tunnel alone, of those that are down, would take',
}

/** The same /24, or the same /64. */
function areNeighbours(peer: PeerAddress, b: IpAddress): boolean {
  const a = addressOfPeer({ peer })
  if (a === undefined || ipFamily(a) !== ipFamily(b)) return false
  const [left, right] = [ipOctets(a), ipOctets(b)]
  return left.slice(0, ipFamily(a) === 4 ? 3 : 8).every((octet, i) => octet === right[i])
}

/** Anyone may ask for this work; with more tunnels than that, most are up. */
const MOST_COMPARED = 64
