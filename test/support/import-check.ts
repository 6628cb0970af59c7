import assert from 'node:assert/strict'
import type { Config, TunnelConfig } from '#config/config'
import { type MemoryFile, memoryFiles } from '#config/files'
import { importTexts } from '#config/import/import-texts'
import type { Imported, ImportedTunnel, ImportFormat } from '#config/import/imported'
import { tunnelYaml } from '#config/import/tunnel-yaml'
import { keyFileOctets } from '#config/key-text'
import { loadConfig } from '#config/reader'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import { formatSelectorPair } from '#policy/traffic-selector'

/** Imports texts as if they were files. */
export function importedFrom(
  texts: Readonly<Record<string, string>>,
  {
    format,
    ours = [],
    beside = {},
  }: {
    format?: ImportFormat
    ours?: readonly string[]
    /** Files that are there and are not imported themselves. */
    beside?: Readonly<Record<string, string>>
  } = {},
): Imported {
  const sources = Object.entries(texts).map(([file, text]) => ({ file, text }))
  const { imported, unknown } = importTexts({
    sources,
    files: memoryFiles({ ...texts, ...beside }),
    options: { ourAddresses: ours, ...(ours[0] === undefined ? {} : { ourAddress: ours[0] }) },
    ...(format === undefined ? {} : { format }),
  })
  assert.deepEqual(unknown, [])
  const [only, ...more] = imported
  assert.ok(only && more.length === 0)
  return only
}

/** What our own reader makes of imported tunnels; it must find no error. */
export function loadedFrom(
  tunnels: readonly ImportedTunnel[],
  more: Readonly<Record<string, MemoryFile>> = {},
): Config {
  const files: Record<string, MemoryFile> = {
    '/cw/causeway.yaml': 'version: 1\ninclude: tunnels.d/*.yaml\n',
    ...more,
  }
  for (const tunnel of tunnels) {
    files[`/cw/tunnels.d/${tunnel.name}.yaml`] = tunnelYaml(tunnel)
    files[`/cw/keys/${tunnel.name}.psk`] =
      tunnel.psk === undefined
        ? 'written by the operator himself'
        : Buffer.from(keyFileOctets(tunnel.psk)).toString('latin1')
  }
  const { config, problems } = loadConfig('/cw/causeway.yaml', {
    files: memoryFiles(files),
    variables: {},
    hostName: 'gw',
  })
  const errors = problems.filter(({ severity }) => severity === 'error')
  assert.deepEqual(errors, [], tunnels.map((tunnel) => tunnelYaml(tunnel)).join('\n'))
  assert.ok(config)
  return config
}

/** The one tunnel of a text, read by our own reader. */
export function tunnelFrom(
  texts: Readonly<Record<string, string>>,
  options: Parameters<typeof importedFrom>[1] = {},
): { readonly tunnel: TunnelConfig; readonly imported: ImportedTunnel } {
  const [imported, ...others] = importedFrom(texts, options).tunnels
  assert.ok(imported && others.length === 0)
  const [tunnel] = loadedFrom([imported]).tunnels
  assert.ok(tunnel)
  return { tunnel, imported }
}

/** What two gateways have to agree on. */
export function essence(tunnel: TunnelConfig): Essence {
  return {
    ike: tunnel.ike,
    ends: `${tunnel.local} ${tunnel.peer}`,
    ids: `${formatIdentity(tunnel.localId)} ${formatExpected(tunnel.remoteId)}`,
    phase1: tunnel.phase1.suites.map(formatIkeSuite),
    phase2: tunnel.phase2.suites.map(formatEspSuite),
    pfs: formatPfs(tunnel.phase2.pfs),
    networks: tunnel.networks.map(formatSelectorPair),
    mode: tunnel.mode,
    start: tunnel.start,
  }
}

export type Essence = {
  readonly ike: string
  readonly ends: string
  readonly ids: string
  readonly phase1: readonly string[]
  readonly phase2: readonly string[]
  readonly pfs: string
  readonly networks: readonly string[]
  readonly mode: string
  readonly start: string
}
