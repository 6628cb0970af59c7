import { equalOctets } from '#bytes/equal'
import { Secret } from '#bytes/secret'
import type { Config, TunnelConfig } from './config.ts'

/** Tunnels by what a reload has to do with them. All but `removed` are the new form: its lines and notes hold from now on. */
export type ConfigDiff = {
  readonly added: readonly TunnelConfig[]
  readonly changed: readonly TunnelConfig[]
  readonly removed: readonly TunnelConfig[]
  readonly unchanged: readonly TunnelConfig[]
}

/** Compares by name and meaning: keys by value; where a tunnel stands in the file, its note, how it is watched and asked, by what name the peer was found, and whether a preset said it, do not count. */
export function diffConfig(before: Config, after: Config): ConfigDiff {
  const old = new Map(before.tunnels.map((tunnel) => [tunnel.name, tunnel]))
  const names = new Set(after.tunnels.map(({ name }) => name))
  const added: TunnelConfig[] = []
  const changed: TunnelConfig[] = []
  const unchanged: TunnelConfig[] = []
  for (const tunnel of after.tunnels) {
    const earlier = old.get(tunnel.name)
    if (earlier === undefined) added.push(tunnel)
    else if (sameTunnel(earlier, tunnel)) unchanged.push(tunnel)
    else changed.push(tunnel)
  }
  const removed = before.tunnels.filter(({ name }) => !names.has(name))
  return { added, changed, removed, unchanged }
}

export function sameTunnel(a: TunnelConfig, b: TunnelConfig): boolean {
  return sameValue(meaning(a), meaning(b))
}

/** Whether the tunnel runs on and is looked after in another way: whom it watches, what its peer is asked beside, by what name it is found, and by when it should have left IKEv1. */
export function isAdjusted(before: TunnelConfig, after: TunnelConfig): boolean {
  if (before.peerName?.name !== after.peerName?.name) return true
  return LOOKED_AFTER_BY.some((key) => before[key] !== after[key])
}

const LOOKED_AFTER_BY = ['watch', 'secondLook', 'probeV2', 'ikeV1Until'] as const

function meaning(tunnel: TunnelConfig): object {
  const {
    positions: _positions,
    written: _written,
    note: _note,
    watch: _watch,
    secondLook: _secondLook,
    probeV2: _probeV2,
    ikeV1Until: _ikeV1Until,
    preset: _preset,
    peerName: _peerName,
    ...rest
  } = tunnel
  return rest
}

/** Of plain data; octets count by their values. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  // A secret has nothing that could be compared but by itself.
  if (a instanceof Secret || b instanceof Secret)
    return a instanceof Secret && b instanceof Secret && a.equals(b)
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && equalOctets(a, b)
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))]
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && sameValue(value, right.get(key)))
  )
}
