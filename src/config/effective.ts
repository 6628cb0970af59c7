import { z } from 'zod'
import { parsePhase2 } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'
import type { GatewayConfig, Position, TunnelConfig } from './config.ts'
import type { YamlNode } from './document.ts'
import { resolvedValues } from './effective-values.ts'
import { docOf } from './key-doc.ts'
import type { Place } from './problem.ts'
import { positionsOf } from './resolve.ts'
import { gatewayKeys, tunnelKeys } from './schema.ts'
import { keysOf } from './schema-shape.ts'
import { type Written, writtenIn } from './written.ts'

/** A key and what holds for it, as the file would have it: a list, or one value. Secrets are words. */
export type EffectiveKey = {
  readonly key: string
  readonly value: string | readonly string[]
  readonly origin: Origin
}

export type Origin =
  | ({ readonly kind: 'file' } & Position)
  | ({ readonly kind: 'preset'; readonly preset: string } & Position)
  /** Another key decides: `gateway.address` with its line, or what has no line of its own. */
  | { readonly kind: 'follows'; readonly key: string; readonly at?: Position }
  | { readonly kind: 'default' }

/** The `gateway` block as it stands in the main file. */
export type GatewaySource = { readonly node: YamlNode | undefined; readonly at: Place }

export function effectiveGateway(
  gateway: GatewayConfig,
  { node, at }: GatewaySource,
): readonly EffectiveKey[] {
  const [written, positions] = [writtenIn(node), positionsOf(at, node)]
  const host = { kind: 'follows', key: 'the host name' } as const
  return Object.entries<z.ZodType>(gatewayKeys).flatMap(([key, schema]): EffectiveKey[] => {
    const position = positions[key]
    if (position !== undefined)
      return [{ key, value: written[key] ?? '', origin: { kind: 'file', ...position } }]
    if (key === 'name') return [{ key, value: gateway.name, origin: host }]
    const value = defaultOf(schema)
    return value === undefined ? [] : [{ key, value, origin: { kind: 'default' } }]
  })
}

/** Every key of a tunnel that says something, in the order of the reference. */
export function effectiveTunnel(
  tunnel: TunnelConfig,
  gateway: GatewaySource,
): readonly EffectiveKey[] {
  const addressAt = positionsOf(gateway.at, gateway.node).address
  const follows = followed(tunnel, addressAt)
  const resolved = resolvedValues(tunnel)
  return leaves(tunnelKeys, '', tunnel).flatMap(({ key, schema }): EffectiveKey[] => {
    const origin = writtenAt(key, tunnel)
    const value =
      resolved[key] ??
      (origin === undefined ? defaultOf(schema) : writtenValue(key, tunnel.written ?? {}))
    if (value === undefined) return []
    return [{ key, value, origin: origin ?? follows[key] ?? { kind: 'default' } }]
  })
}

type Leaf = { readonly key: string; readonly schema: z.ZodType }

/** A group that is optional as a whole has keys only where it is written. */
function leaves(
  keys: Readonly<Record<string, z.ZodType>>,
  prefix: string,
  tunnel: TunnelConfig,
): readonly Leaf[] {
  return Object.entries(keys).flatMap(([name, schema]) => {
    const key = `${prefix}${name}`
    if (TOLD_ELSEWHERE.has(key)) return []
    const inner = key === 'peer-id' ? undefined : keysOf(schema)
    if (inner === undefined) return [{ key, schema }]
    const isThere = schema instanceof z.ZodPrefault || tunnel.positions[key] !== undefined
    return isThere ? leaves(inner, `${key}.`, tunnel) : []
  })
}

/** They hold as if the tunnel said them, and are shown as `id` and `peer-id`. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set(['certificate.id', 'certificate.peer-id'])

function writtenAt(key: string, tunnel: TunnelConfig): Origin | undefined {
  const at = placeOfKey(key, tunnel)
  if (at === undefined) return undefined
  const { preset } = tunnel
  const named = tunnel.positions.preset
  // What comes from the preset stands where the preset is named.
  const isPreset =
    key !== 'preset' &&
    named !== undefined &&
    preset !== undefined &&
    named.file === at.file &&
    named.line === at.line &&
    named.column === at.column
  return isPreset ? { kind: 'preset', preset, ...at } : { kind: 'file', ...at }
}

/** Of a key that is written by itself, or as a part of a text that says several. */
function placeOfKey(key: string, { positions, written = {} }: TunnelConfig): Position | undefined {
  const own = positions[key] ?? positions[`certificate.${key}`]
  if (own !== undefined) return own
  const [group = '', inner] = key.split('.')
  if (inner === 'propose') return written[group] === undefined ? undefined : positions[group]
  if (key !== 'phase2.pfs') return undefined
  const saying = Object.keys(written).find(
    (path) => /^phase2(?:\.propose(?:\.\d+)?)?$/.test(path) && saysPfs(written[path] ?? ''),
  )
  return saying === undefined ? undefined : positions[saying]
}

function saysPfs(text: string): boolean {
  const read = parsePhase2(text)
  return !isTextProblem(read) && read.pfs !== undefined
}

function writtenValue(key: string, written: Written): string | readonly string[] {
  const alone = written[key]
  if (alone !== undefined) return alone
  const items: string[] = []
  for (let item = written[`${key}.0`]; item !== undefined; item = written[`${key}.${items.length}`])
    items.push(item)
  return items
}

/** A constant, or the words the reference has for it. */
function defaultOf(schema: z.ZodType): string | readonly string[] | undefined {
  const words = docOf(schema)?.otherwise
  if (words !== undefined) return words
  if (!(schema instanceof z.ZodPrefault)) return undefined
  const value: unknown = schema.def.defaultValue
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(String)
  return String(value)
}

/** What decides about a key that is not written, where that is no constant. */
function followed(
  { peer, name, positions, mode, authentication }: TunnelConfig,
  addressAt: Position | undefined,
): Readonly<Record<string, Origin>> {
  const by = (key: string, at = positions[key]): Origin => ({
    kind: 'follows',
    key,
    ...(at === undefined ? {} : { at }),
  })
  const anywhere = peer === 'any' ? by('peer') : undefined
  const ownAddress =
    positions.address === undefined ? by('gateway.address', addressAt) : by('address')
  return {
    address: by('gateway.address', addressAt),
    id: 'own' in authentication ? by('certificate.own') : ownAddress,
    'peer-id': by('peer'),
    'interface.name': by(`the name ${name}`, positions['']),
    ...(mode === 'transport' ? { networks: by('mode') } : {}),
    ...(anywhere === undefined ? {} : { start: anywhere, 'probe-v2': anywhere }),
  }
}
