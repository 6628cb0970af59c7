import type { Config, TunnelConfig } from './config.ts'
import { diffConfig, isAdjusted, sameValue } from './diff.ts'

/** One key of the file: absent on the side where it is not written. */
export type KeyChange = {
  readonly key: string
  readonly before?: string
  readonly after?: string
}

export type TunnelChange = { readonly tunnel: string; readonly keys: readonly KeyChange[] }

/** What a new configuration changes, in the words of the file; secrets are never shown, only that they differ. */
export type ConfigChanges = {
  readonly added: readonly string[]
  /** Each is closed and opened anew. */
  readonly changed: readonly TunnelChange[]
  /** Each runs on: what differs is how it is watched, what its peer is asked, or by what name it is found. */
  readonly adjusted: readonly TunnelChange[]
  readonly removed: readonly string[]
  readonly unchanged: readonly string[]
}

export function configChanges(before: Config, after: Config): ConfigChanges {
  const { added, changed, removed, unchanged } = diffConfig(before, after)
  const old = new Map(before.tunnels.map((tunnel) => [tunnel.name, tunnel]))
  const names = (tunnels: readonly TunnelConfig[]) => tunnels.map(({ name }) => name)
  const changeIn = (tunnel: TunnelConfig): TunnelChange => ({
    tunnel: tunnel.name,
    keys: keyChanges(old.get(tunnel.name) ?? tunnel, tunnel),
  })
  const adjusted = unchanged.filter((tunnel) => isAdjusted(old.get(tunnel.name) ?? tunnel, tunnel))
  return {
    added: names(added),
    changed: changed.map(changeIn),
    adjusted: adjusted.map(changeIn),
    removed: names(removed),
    unchanged: names(unchanged.filter((tunnel) => !adjusted.includes(tunnel))),
  }
}

export function isNoChange({ added, changed, adjusted, removed }: ConfigChanges): boolean {
  return added.length + changed.length + adjusted.length + removed.length === 0
}

function keyChanges(before: TunnelConfig, after: TunnelConfig): readonly KeyChange[] {
  const [was, is] = [before.written ?? {}, after.written ?? {}]
  const paths = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  const written = paths
    .filter((path) => path !== 'note' && was[path] !== is[path])
    .map((key) => changeOf(key, was[key], is[key]))
  return [...written, ...unwritten(before, after, written)]
}

/** What differs although the tunnel's own lines do not say so. */
function unwritten(
  before: TunnelConfig,
  after: TunnelConfig,
  written: readonly KeyChange[],
): readonly KeyChange[] {
  const changes: KeyChange[] = []
  const says = (...keys: readonly string[]) =>
    written.some(({ key }) => keys.includes(key.split('.')[0] ?? ''))
  if (before.local !== after.local && !says('address'))
    changes.push({ key: 'gateway.address', before: before.local, after: after.local })
  if (before.peer !== after.peer && !says('peer'))
    changes.push({ key: 'peer', before: before.peer, after: after.peer })
  const { authentication } = after
  if (!sameValue(before.authentication, authentication) && !says('psk', 'certificate')) {
    const isKey = authentication.kind === 'psk'
    changes.push(
      isKey
        ? { key: 'psk', before: 'another key', after: 'the one that is there now' }
        : {
            key: 'certificate',
            before: 'other files',
            after: 'what the files it names hold now',
          },
    )
  }
  return changes
}

function changeOf(key: string, before: string | undefined, after: string | undefined): KeyChange {
  return {
    key,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  }
}
