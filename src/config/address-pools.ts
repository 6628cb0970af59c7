import { type IpAddress, ipFamily, ipFromBigInt, ipToBigInt } from '#bytes/ip'
import { ANY_PROTOCOL, covers, type Prefix, selectorFromPrefix } from '#policy/traffic-selector'
import type { CrossRule } from './checks.ts'
import type { TunnelDraft } from './draft.ts'
import { type TunnelSource, tunnelProblem } from './tunnel-source.ts'

/**
 * Gives every tunnel that names a pool an address of its own from it. Which one follows from the names of the tunnels alone: the same
 * after every restart, and another only where two names want the same and one of them is new.
 */
export function withPoolAddresses(tunnels: readonly TunnelSource[]): readonly TunnelSource[] {
  const given = fromPools(tunnels)
  return tunnels.map((tunnel) => {
    const modeConfig = tunnel.draft['mode-config']
    if (modeConfig?.role !== 'server') return tunnel
    const fromPool = given.get(tunnel) ?? []
    const addresses = [...(modeConfig.address ?? []), ...fromPool]
    // Without an address there is nothing to say of the networks; that it is missing is said.
    const isLeftOut = fromPool.length < (modeConfig.pool ?? []).length
    const networks = isLeftOut ? undefined : tunnel.draft.networks
    const { networks: _, ...others } = tunnel.draft
    const draft: Partial<TunnelDraft> = {
      ...others,
      'mode-config': { ...modeConfig, address: addresses },
      ...(networks === undefined ? {} : { networks: towards(addresses, networks) }),
    }
    return { ...tunnel, draft }
  })
}

/** A pool with fewer addresses than tunnels that name it. */
export const poolsLargeEnough: CrossRule = (tunnels) =>
  tunnels.flatMap((tunnel) => {
    const modeConfig = tunnel.draft['mode-config']
    const pools = modeConfig?.role === 'server' ? (modeConfig.pool ?? []) : []
    const has = modeConfig?.address ?? []
    const [first, second] = pools.map(({ address }) => ipFamily(address))
    if (first !== undefined && first === second) {
      const message = 'two pools of one IP version: a peer gets one address of each at most'
      return [[tunnel, tunnelProblem('error', tunnel, ['mode-config', 'pool'], { message })]]
    }
    return pools.flatMap(({ address, bits }, i) => {
      const pool = selectorFromPrefix(address, bits)
      if (has.some((one) => covers(pool, selectorFromPrefix(one)))) return []
      const problem = tunnelProblem('error', tunnel, ['mode-config', 'pool', i], {
        message: `${address}/${bits} has no address left for ${tunnel.name}`,
        hints: ['a larger pool, or one of its own'],
      })
      return [[tunnel, problem] as const]
    })
  })

/** On the side of the peer, `any` is the address it is given. */
function towards(
  addresses: readonly IpAddress[],
  networks: NonNullable<TunnelDraft['networks']>,
): NonNullable<TunnelDraft['networks']> {
  if (networks === 'any') return networks
  return networks.map(({ local, remote }) => {
    const own = addresses.find((address) => ipFamily(address) === remote.family)
    const isAny = covers({ ...remote, ...ANY_PROTOCOL }, selectorFromPrefix(remote.start, 0))
    if (own === undefined || !isAny) return { local, remote }
    const { protocol, startPort, endPort } = remote
    return { local, remote: selectorFromPrefix(own, undefined, { protocol, startPort, endPort }) }
  })
}

function fromPools(
  tunnels: readonly TunnelSource[],
): ReadonlyMap<TunnelSource, readonly IpAddress[]> {
  const taken = new Set<IpAddress>(tunnels.flatMap(fixedAddresses))
  const given = new Map<TunnelSource, readonly IpAddress[]>()
  for (const tunnel of tunnels.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const modeConfig = tunnel.draft['mode-config']
    if (modeConfig?.role !== 'server') continue
    const found = (modeConfig.pool ?? []).flatMap((pool) => {
      const address = freeAddress(pool, tunnel.name, taken)
      if (address !== undefined) taken.add(address)
      return address ?? []
    })
    given.set(tunnel, found)
  }
  return given
}

/** What no pool may give once more. */
function fixedAddresses({ draft, local }: TunnelSource): readonly IpAddress[] {
  return [
    ...(local === undefined ? [] : [local]),
    ...(draft.peer?.kind === 'address' ? [draft.peer.address] : []),
    ...(draft['mode-config']?.address ?? []),
    ...(draft.interface?.address ?? []).map(({ address }) => address),
  ]
}

/** The first that is free, from where the name points to. Of a whole network its first address, and in IPv4 its last, name no host. */
function freeAddress(
  { address, bits }: Prefix,
  name: string,
  taken: ReadonlySet<IpAddress>,
): IpAddress | undefined {
  const family = ipFamily(address)
  const hostBits = (family === 4 ? 32 : 128) - bits
  const all = 1n << BigInt(hostBits)
  const [least, count] = hostBits < 2 ? [0n, all] : [1n, family === 4 ? all - 2n : all - 1n]
  const first = ipToBigInt(address) + least
  const start = BigInt(hashOf(name)) % count
  for (let i = 0n; i < count && i <= taken.size; i++) {
    const candidate = ipFromBigInt(first + ((start + i) % count), family)
    if (!taken.has(candidate)) return candidate
  }
  return undefined
}

/** FNV-1a: spreads names, and protects nothing. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (const octet of new TextEncoder().encode(name))
    hash = Math.imul(hash ^ octet, 0x01000193) >>> 0
  return hash
}
