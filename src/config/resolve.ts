import type { IpAddress } from '#bytes/ip'
import type { Identity } from '#policy/identity'
import type { Lifetime } from '#policy/proposal'
import { type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { Authentication, PeerName, Position, TunnelConfig } from './config.ts'
import type { YamlNode } from './document.ts'
import type { PeerDraft, Phase1Draft } from './draft.ts'
import { derivedInterfaceName } from './interface-name.ts'
import { pairsOf } from './networks.ts'
import type { Place } from './problem.ts'
import type { TunnelSource } from './tunnel-source.ts'
import { writtenIn } from './written.ts'

/** @returns undefined when a key without default is missing; a problem has then been reported. */
export function resolveTunnel({
  name,
  at,
  node,
  draft,
  local,
  psk,
  credentials,
  anchors,
  xauth,
}: TunnelSource): TunnelConfig | undefined {
  const { ike, peer, phase1, phase2, mode, encapsulation } = draft
  const deadPeer = draft['dead-peer']
  const replayWindow = draft['replay-window']
  const peerName = peerNameOf(draft)
  const networks = peerName?.isNetwork === true ? [] : selectorPairs({ draft, local })
  const authentication = authenticationOf({ psk, credentials, anchors, xauth })
  const remoteId = draft['peer-id']?.identity ?? identityOf(peer)
  if (
    ike === undefined ||
    peer === undefined ||
    remoteId === undefined ||
    phase1 === undefined ||
    phase2 === undefined ||
    mode === undefined ||
    encapsulation === undefined ||
    deadPeer === undefined ||
    replayWindow === undefined ||
    networks === undefined ||
    local === undefined ||
    authentication === undefined
  ) {
    return undefined
  }
  const start = draft.start ?? (peer.kind === 'any' ? 'respond' : 'always')
  return {
    name,
    ...(draft.note === undefined ? {} : { note: draft.note }),
    ...(draft.preset === undefined ? {} : { preset: draft.preset }),
    ike,
    local,
    peer: peer.kind === 'address' ? peer.address : peer.kind === 'any' ? 'any' : 'unresolved',
    ...(peerName === undefined ? {} : { peerName }),
    ...(draft['peer-moves'] === 'allow' ? { peerMoves: 'allow' as const } : {}),
    localId: localIdentity(draft.id, local, authentication),
    remoteId,
    authentication,
    ...(xauth === undefined ? {} : { xauth }),
    ...modeConfigOf(draft),
    phase1: { suites: phase1.suites, lifetime: lifetimeOf(phase1) },
    phase2: {
      suites: phase2.suites,
      pfs: phase2.pfs,
      lifetime: lifetimeOf(phase2),
    },
    mode,
    networks,
    ...(draft.narrow === 'allow' ? { narrow: 'allow' as const } : {}),
    start,
    encapsulation,
    ...(draft.proof === 'auto' && start === 'always' ? { proof: 'on' as const } : {}),
    replayWindow,
    ...(draft.quirks === undefined || draft.quirks.length === 0 ? {} : { quirks: draft.quirks }),
    deadPeer: {
      probeEvery: deadPeer['probe-every'] * 1000,
      giveUpAfter: deadPeer['give-up-after'] * 1000,
    },
    interfaceName: draft.interface?.name ?? derivedInterfaceName(name),
    ...(draft.interface?.mtu === undefined ? {} : { mtu: draft.interface.mtu }),
    ...(draft.interface?.address === undefined ? {} : { addresses: draft.interface.address }),
    ...routesOf(draft),
    ...(draft.watch === undefined ? {} : { watch: draft.watch }),
    ...(draft['ike-v1-until'] === undefined ? {} : { ikeV1Until: draft['ike-v1-until'] }),
    probeV2: draft['probe-v2'] !== 'off' && peer.kind !== 'any',
    secondLook: draft['second-look'] === 'on',
    positions: positionsOf(at, node),
    written: writtenIn(node),
  }
}

/** Who the peer is where its identity is not written. A name has its address for one, unless a certificate vouches for the name. */
function identityOf(peer: PeerDraft | undefined): Identity | undefined {
  if (peer?.kind === 'address') return { kind: 'address', address: peer.address }
  return peer?.kind === 'name' ? { kind: 'fqdn', name: peer.name.replace(/\.$/, '') } : undefined
}

function peerNameOf({
  peer,
  certificate,
  mode,
  networks,
  'peer-id': peerId,
}: TunnelSource['draft']): PeerName | undefined {
  if (peer?.kind !== 'name') return undefined
  return {
    name: peer.name,
    isIdentity: peerId === undefined && certificate === undefined,
    isNetwork: mode === 'transport' && networks === undefined,
  }
}

function lifetimeOf({
  lifetime: seconds,
  kilobytes,
}: Pick<Phase1Draft, 'lifetime' | 'kilobytes'>): Lifetime {
  return { seconds, ...(kilobytes === undefined ? {} : { kilobytes }) }
}

function authenticationOf({
  psk,
  credentials,
  anchors,
  xauth,
}: Pick<TunnelSource, 'psk' | 'credentials' | 'anchors' | 'xauth'>): Authentication | undefined {
  if (psk !== undefined) return { kind: 'psk', psk }
  if (anchors !== undefined) return { kind: 'hybrid-client', ...anchors }
  if (credentials?.trust.length === 0 && xauth?.role === 'server') {
    const { own, key } = credentials
    return { kind: 'hybrid-server', own, key }
  }
  return credentials && { kind: 'certificate', ...credentials }
}

/** A distinguished name is sent as the certificate has it, octet by octet, whatever string types were written. */
function localIdentity(
  written: Identity | undefined,
  local: IpAddress,
  authentication: Authentication,
): Identity {
  const leaf = 'own' in authentication ? authentication.own[0] : undefined
  if (leaf !== undefined && (written === undefined || written.kind === 'dn'))
    return { kind: 'dn', der: leaf.subject.der }
  return written ?? { kind: 'address', address: local }
}

/** What is written, or in transport mode the two gateways themselves. */
function selectorPairs({
  draft,
  local,
}: Pick<TunnelSource, 'draft' | 'local'>): readonly SelectorPair[] | undefined {
  const { networks, mode, peer } = draft
  if (networks !== undefined) return pairsOf(draft)
  if (mode !== 'transport') return undefined
  if (local === undefined || peer?.kind !== 'address') return undefined
  return [{ local: selectorFromPrefix(local), remote: selectorFromPrefix(peer.address) }]
}

function modeConfigOf({
  'mode-config': modeConfig,
}: TunnelSource['draft']): Pick<TunnelConfig, 'modeConfig'> {
  if (modeConfig === undefined) return {}
  const { role, method, address: addresses = [], dns = [], networks = [] } = modeConfig
  if (role === 'client') return { modeConfig: { role, method } }
  return { modeConfig: { role, method, addresses, dns, networks } }
}

/** With `networks: any` nothing is routed that is not listed. */
function routesOf({
  interface: device,
  networks,
}: TunnelSource['draft']): Pick<TunnelConfig, 'routes'> {
  const routes = device?.routes ?? (networks === 'any' ? [] : undefined)
  return routes === undefined ? {} : { routes }
}

/** Where each path of a group of keys stands; the group itself has the path `''`. */
export function positionsOf(
  at: Place,
  node: YamlNode | undefined,
): Readonly<Record<string, Position>> {
  const positions: Record<string, Position> = {}
  const add = (path: string, { file, line, column }: Place) => {
    positions[path] = { file, line, column }
  }
  const walk = (path: string, inner: YamlNode) => {
    const prefix = path === '' ? '' : `${path}.`
    if (inner.kind === 'list') {
      for (const [i, item] of inner.items.entries()) {
        add(`${prefix}${i}`, item.place)
        walk(`${prefix}${i}`, item)
      }
    }
    if (inner.kind !== 'map') return
    for (const [key, { key: place, value }] of inner.entries) {
      add(`${prefix}${key}`, place)
      walk(`${prefix}${key}`, value)
    }
  }
  add('', at)
  if (node !== undefined) walk('', node)
  return positions
}
