import { type IpAddress, ipFamily, ipToBigInt, parseIp } from '#bytes/ip'

/** A packet about to leave by a device. */
export type LeavingPacket = {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly device: string
}

/** A rule that gives the packet another source address; `certain` when nothing in it had to be guessed. */
export type Rewriting = {
  readonly table: string
  readonly chain: string
  readonly handle: number | undefined
  readonly kind: 'masquerade' | 'snat'
  readonly certain: boolean
}

/**
 * Which rule of `nft --json list ruleset` rewrites the source of a packet that leaves, if any. Matches on devices and addresses are
 * decided, of others nothing is known; a rule with one of these only may rewrite.
 */
export function rewritingOf(ruleset: unknown, packet: LeavingPacket): Rewriting | undefined {
  const objects = listOf(fieldOf(ruleset, 'nftables'))
  const chains = objects.flatMap((one) => {
    const chain = fieldOf(one, 'chain')
    const isNat = fieldOf(chain, 'type') === 'nat' && fieldOf(chain, 'hook') === 'postrouting'
    return isNat && isOfFamily(fieldOf(chain, 'family'), packet) ? [chain] : []
  })
  const rules = objects.flatMap((one) => fieldOf(one, 'rule') ?? [])
  let possible: Rewriting | undefined
  for (const chain of chains) {
    const found = walk({ rules, packet }, placeOf(chain, 'name'), 0)
    if (found.kind === 'rewrites' && found.rewriting.certain) return found.rewriting
    if (found.kind === 'rewrites') possible ??= found.rewriting
  }
  return possible
}

type Ruleset = { readonly rules: readonly unknown[]; readonly packet: LeavingPacket }
type Place = { readonly family: string; readonly table: string; readonly chain: string }
type Walk =
  | { readonly kind: 'rewrites'; readonly rewriting: Rewriting }
  /** Accepted or dropped: nothing after it counts, or perhaps not. */
  | { readonly kind: 'ends'; readonly certain: boolean }
  | { readonly kind: 'goes on' }

function walk(ruleset: Ruleset, place: Place, depth: number): Walk {
  let possible: Walk = { kind: 'goes on' }
  let mayHaveEnded = false
  if (depth > DEEPEST) return possible
  for (const rule of ruleset.rules) {
    if (!isSame(placeOf(rule, 'chain'), place)) continue
    const found = walkRule(ruleset, rule, place, depth)
    if (found.kind === 'ends' && found.certain)
      return possible.kind === 'goes on' ? found : possible
    if (found.kind === 'ends') mayHaveEnded = true
    if (found.kind !== 'rewrites') continue
    const certain = found.rewriting.certain && !mayHaveEnded
    if (certain) return found
    if (possible.kind === 'goes on') {
      possible = { kind: 'rewrites', rewriting: { ...found.rewriting, certain } }
    }
  }
  if (possible.kind === 'goes on' && mayHaveEnded) return { kind: 'ends', certain: false }
  return possible
}

function walkRule(ruleset: Ruleset, rule: unknown, place: Place, depth: number): Walk {
  let certain = true
  for (const expression of listOf(fieldOf(rule, 'expr'))) {
    const matched = matches(expression, ruleset.packet)
    if (matched === 'no') return { kind: 'goes on' }
    if (matched === 'perhaps') certain = false
    const kind = natKind(expression)
    if (kind !== undefined) {
      const handle = fieldOf(rule, 'handle')
      const { family, table, chain } = place
      return {
        kind: 'rewrites',
        rewriting: {
          table: `${family} ${table}`,
          chain,
          handle: typeof handle === 'number' ? handle : undefined,
          kind,
          certain,
        },
      }
    }
    if (hasField(expression, 'accept') || hasField(expression, 'drop'))
      return { kind: 'ends', certain }
    // Out of an inner chain it comes back to the rules behind the jump: what these do then is not followed.
    if (hasField(expression, 'return')) return { kind: 'ends', certain: certain && depth === 0 }
    const target = fieldOf(fieldOf(expression, 'jump') ?? fieldOf(expression, 'goto'), 'target')
    if (typeof target !== 'string') continue
    const inner = walk(ruleset, { ...place, chain: target }, depth + 1)
    if (inner.kind === 'goes on') continue
    if (inner.kind === 'ends') return { kind: 'ends', certain: certain && inner.certain }
    const { rewriting } = inner
    return { kind: 'rewrites', rewriting: { ...rewriting, certain: certain && rewriting.certain } }
  }
  return { kind: 'goes on' }
}

type Matched = 'yes' | 'no' | 'perhaps'

function matches(expression: unknown, packet: LeavingPacket): Matched {
  const match = fieldOf(expression, 'match')
  // An extension of iptables: what it matches is not told.
  if (match === undefined)
    return hasField(expression, 'xt') && natKind(expression) === undefined ? 'perhaps' : 'yes'
  const decided = decide(fieldOf(match, 'left'), fieldOf(match, 'right'), packet)
  const op = fieldOf(match, 'op')
  if (decided === 'perhaps' || (op !== '==' && op !== '!=' && op !== 'in')) return 'perhaps'
  if (op !== '!=') return decided
  return decided === 'yes' ? 'no' : 'yes'
}

function decide(left: unknown, right: unknown, packet: LeavingPacket): Matched {
  const key = fieldOf(fieldOf(left, 'meta'), 'key')
  if (key === 'oifname') return isDevice(right, packet.device)
  if (key === 'nfproto') return familyMatches(right, packet)
  const payload = fieldOf(left, 'payload')
  const [protocol, field] = [fieldOf(payload, 'protocol'), fieldOf(payload, 'field')]
  if (protocol !== 'ip' && protocol !== 'ip6') return 'perhaps'
  if (!isOfFamily(protocol, packet)) return 'no'
  if (field === 'saddr') return isAddress(right, packet.source)
  return field === 'daddr' ? isAddress(right, packet.destination) : 'perhaps'
}

function familyMatches(right: unknown, { source }: LeavingPacket): Matched {
  return right === (ipFamily(source) === 4 ? 'ipv4' : 'ipv6') ? 'yes' : 'no'
}

function isDevice(right: unknown, device: string): Matched {
  const set = listOf(fieldOf(right, 'set'))
  if (set.length > 0) return anyOf(set.map((one) => isDevice(one, device)))
  if (typeof right !== 'string' || right.startsWith('@')) return 'perhaps'
  const matched = right.endsWith('*') ? device.startsWith(right.slice(0, -1)) : right === device
  return matched ? 'yes' : 'no'
}

/** An address, a prefix, a range, or a set of these. A named set is not looked up. */
function isAddress(right: unknown, address: IpAddress): Matched {
  const set = listOf(fieldOf(right, 'set'))
  if (set.length > 0) return anyOf(set.map((one) => isAddress(one, address)))
  const range = rangeOf(right)
  if (range === undefined) return 'perhaps'
  const value = ipToBigInt(address)
  return range[0] <= value && value <= range[1] ? 'yes' : 'no'
}

function rangeOf(right: unknown): readonly [bigint, bigint] | undefined {
  const single = addressOf(right)
  if (single !== undefined) return [ipToBigInt(single), ipToBigInt(single)]
  const prefix = fieldOf(right, 'prefix')
  const base = addressOf(fieldOf(prefix, 'addr'))
  const length = fieldOf(prefix, 'len')
  if (base !== undefined && typeof length === 'number') {
    const bits = ipFamily(base) === 4 ? 32 : 128
    const rest = (1n << BigInt(Math.max(0, bits - length))) - 1n
    const start = ipToBigInt(base) & ~rest
    return [start, start | rest]
  }
  const [first, last] = listOf(fieldOf(right, 'range')).map(addressOf)
  return first === undefined || last === undefined
    ? undefined
    : [ipToBigInt(first), ipToBigInt(last)]
}

function addressOf(value: unknown): IpAddress | undefined {
  return typeof value === 'string' ? parseIp(value) : undefined
}

function anyOf(all: readonly Matched[]): Matched {
  if (all.includes('yes')) return 'yes'
  return all.includes('perhaps') ? 'perhaps' : 'no'
}

function natKind(expression: unknown): Rewriting['kind'] | undefined {
  const target = fieldOf(fieldOf(expression, 'xt'), 'name')
  if (hasField(expression, 'masquerade') || target === 'MASQUERADE') return 'masquerade'
  return hasField(expression, 'snat') || target === 'SNAT' ? 'snat' : undefined
}

function isOfFamily(family: unknown, { source }: LeavingPacket): boolean {
  return family === 'inet' || family === (ipFamily(source) === 4 ? 'ip' : 'ip6')
}

function placeOf(one: unknown, chainKey: 'name' | 'chain'): Place {
  const text = (key: string) => {
    const value = fieldOf(one, key)
    return typeof value === 'string' ? value : ''
  }
  return { family: text('family'), table: text('table'), chain: text(chainKey) }
}

function isSame(a: Place, b: Place): boolean {
  return a.family === b.family && a.table === b.table && a.chain === b.chain
}

function hasField(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && key in value
}

function fieldOf(value: unknown, key: string): unknown {
  return hasField(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

const DEEPEST = 8
