import { type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { Position, TunnelConfig } from './config.ts'
import type { YamlNode } from './document.ts'
import { derivedInterfaceName } from './interface-name.ts'
import type { Place } from './problem.ts'
import type { TunnelSource } from './tunnel-source.ts'

/** @returns undefined when a key without default is missing; a problem has then been reported. */
export function resolveTunnel({
  name,
  at,
  node,
  draft,
  local,
  psk,
}: TunnelSource): TunnelConfig | undefined {
  const { ike, peer, phase1, phase2, mode, start, encapsulation } = draft
  const deadPeer = draft['dead-peer']
  const replayWindow = draft['replay-window']
  const networks = selectorPairs({ draft, local })
  if (
    ike === undefined ||
    peer?.kind !== 'address' ||
    phase1 === undefined ||
    phase2 === undefined ||
    mode === undefined ||
    start === undefined ||
    encapsulation === undefined ||
    deadPeer === undefined ||
    replayWindow === undefined ||
    networks === undefined ||
    local === undefined ||
    psk === undefined
  ) {
    return undefined
  }
  const { kilobytes } = phase2
  return {
    name,
    ...(draft.note === undefined ? {} : { note: draft.note }),
    ike,
    local,
    peer: peer.address,
    localId: draft.id ?? { kind: 'address', address: local },
    remoteId: draft['peer-id']?.identity ?? { kind: 'address', address: peer.address },
    psk,
    phase1: { suites: phase1.suites, lifetime: { seconds: phase1.lifetime } },
    phase2: {
      suites: phase2.suites,
      pfs: phase2.pfs,
      lifetime: {
        seconds: phase2.lifetime,
        ...(kilobytes === undefined ? {} : { kilobytes }),
      },
    },
    mode,
    networks,
    start,
    encapsulation,
    replayWindow,
    deadPeer: {
      probeEvery: deadPeer['probe-every'] * 1000,
      giveUpAfter: deadPeer['give-up-after'] * 1000,
    },
    interfaceName: draft.interface?.name ?? derivedInterfaceName(name),
    ...(draft.interface?.mtu === undefined ? {} : { mtu: draft.interface.mtu }),
    positions: positionsOf(at, node),
  }
}

/** What is written, or in transport mode the two gateways themselves. */
function selectorPairs({
  draft,
  local,
}: Pick<TunnelSource, 'draft' | 'local'>): readonly SelectorPair[] | undefined {
  const { networks, mode, peer } = draft
  if (networks !== undefined || mode !== 'transport') return networks
  if (local === undefined || peer?.kind !== 'address') return undefined
  return [{ local: selectorFromPrefix(local), remote: selectorFromPrefix(peer.address) }]
}

function positionsOf(at: Place, node: YamlNode | undefined): Readonly<Record<string, Position>> {
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
