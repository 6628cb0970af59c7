import type { ImportedTunnel, Note } from './imported.ts'
import { givenAddresses, partOfPool } from './inside-addresses.ts'
import type { Section, Setting } from './settings.ts'
import { POOL_IS_NETWORK } from './swan-values.ts'
import type { TunnelImport } from './tunnel-import.ts'
import { unusedNotes } from './unused.ts'

/** What `dynamic` stands for where Mode Config gives the address: `any` on the side of the one that gets it. */
export type InsideAddresses = {
  readonly ours?: string
  readonly theirs?: string
  /** Why the peer has none from us though it should. */
  readonly why?: string
}

/** `mode-config` out of `vips`, `pools` and `pull`. */
export function insideAddresses(
  tunnel: TunnelImport,
  settings: ReadonlyMap<string, Setting>,
  pools: Section | undefined,
): InsideAddresses {
  const [vips, named, pull] = ['vips', 'pools', 'pull'].map((key) => settings.get(key))
  const role = vips === undefined ? 'server' : 'client'
  const isPush = pull !== undefined && /^(?:no|false|off|0)$/i.test(pull.value.trim())
  if (pull !== undefined && (vips ?? named) !== undefined) {
    if (isPush) tunnel.set('mode-config.method', 'push', pull)
    else tunnel.same(pull, 'pull is the default')
  }
  if (vips !== undefined) {
    tunnel.set('mode-config.role', role, vips)
    if (named !== undefined) tunnel.leave(named, 'of a client none is asked for an address')
    return { ours: 'any' }
  }
  if (named === undefined) return {}
  const [first = '', ...others] = named.value.split(',').map((one) => one.trim())
  const pool = pools?.sections.get(first)
  const addrs = pool?.settings.get('addrs')
  const given = addrs && givenAddresses(addrs.value)
  if (pool === undefined || addrs === undefined || given === undefined) {
    tunnel.leave(named, POOL_IS_NETWORK)
    const said =
      addrs === undefined ? 'its addresses are not in this file' : `addrs = ${addrs.value}`
    return { why: `pools = ${first} (${said}): ${POOL_IS_NETWORK}` }
  }
  tunnel.set('mode-config.role', role, named)
  tunnel.set(given.key, given.value, addrs)
  tunnel.take(given.key, pool.at)
  if (given.isPart) tunnel.remark(partOfPool(given, addrs.value))
  if (others.length > 0) tunnel.leave(named, `${others.join(', ')}: one pool a tunnel`)
  const words: Readonly<Record<string, string>> = {
    dns: 'mode-config.dns',
    split_include: 'mode-config.networks',
  }
  for (const setting of pool.settings.values()) {
    const ours = words[setting.key]
    const list = setting.value.split(',').map((one) => one.trim())
    if (ours !== undefined) tunnel.set(ours, list.slice(0, 8), setting)
    else if (setting !== addrs) tunnel.leave(setting, 'not told to peers here')
  }
  return { theirs: 'any' }
}

/** Pools that no tunnel took. */
export function unusedPools(
  pools: Section | undefined,
  tunnels: readonly ImportedTunnel[],
): readonly Note[] {
  return unusedNotes(
    [...(pools?.sections.values() ?? [])].map(({ at }) => [at]),
    tunnels,
  )
}
