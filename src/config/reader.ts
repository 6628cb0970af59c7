import type { IpAddress } from '#bytes/ip'
import { withPoolAddresses } from './address-pools.ts'
import { readCertificate } from './certificate.ts'
import type { CertificateDraft } from './certificate-values.ts'
import { checkTunnels } from './checks.ts'
import type { Config, GatewayConfig } from './config.ts'
import { plain, type YamlNode } from './document.ts'
import type { GatewayDraft, TunnelDraft } from './draft.ts'
import type { Environment } from './files.ts'
import { withPreset } from './preset-node.ts'
import { type ConfigProblem, hasErrors, problemAt } from './problem.ts'
import { chmodLine, exposure, readPsk } from './psk.ts'
import { readKeys } from './read-keys.ts'
import { resolveTunnel } from './resolve.ts'
import { gatewayKeys, tunnelKeys } from './schema.ts'
import { type NamedTunnel, readSources } from './sources.ts'
import { placeOf, type TunnelSource } from './tunnel-source.ts'
import { readXauth } from './xauth.ts'

export type LoadedConfig = {
  /** Absent when a problem is an error. */
  readonly config?: Config
  readonly problems: readonly ConfigProblem[]
  /** Every file that was looked at, key files included. */
  readonly files: readonly string[]
  /** Texts of the configuration files without their secrets, for `formatProblems`. */
  readonly sources: ReadonlyMap<string, string>
}

/** Reads the file, what it includes and the keys it names, and says everything that is wrong with them at once. */
export function loadConfig(path: string, environment: Environment): LoadedConfig {
  const sources = readSources(path, environment.files)
  const problems: ConfigProblem[] = [...sources.problems]
  const files = new Set(sources.texts.keys())
  const gateway = readKeys(gatewayKeys, sources.gateway, sources.gatewayAt, 'gateway')
  problems.push(...gateway.problems)
  const ownAddress = {
    address: gateway.draft.address,
    written: sources.gateway?.kind === 'map' && sources.gateway.entries.has('address'),
  }
  const read = sources.tunnels.map((named) => {
    const keys = readTunnel(named, ownAddress, sources.folder, environment)
    const tunnel = withXauth(keys, sources.folder, environment)
    for (const file of tunnel.files) files.add(file)
    return tunnel
  })
  const assigned = withPoolAddresses(read.map(({ source }) => source))
  const tunnels = read.map((one, i) => ({ ...one, source: assigned[i] ?? one.source }))
  const checks = checkTunnels(tunnels.map(({ source }) => source))
  for (const { source, problems: own } of tunnels) {
    problems.push(...own.keys, ...(checks.get(source) ?? []), ...own.key)
  }
  problems.push(
    ...exposedFiles(
      tunnels.map(({ source }) => source),
      sources.modes,
    ),
  )
  const result = { problems, files: [...files], sources: sources.texts }
  if (hasErrors(problems)) return result
  const config = {
    gateway: gatewayConfig(gateway.draft, environment),
    tunnels: tunnels.flatMap(({ source }) => resolveTunnel(source) ?? []),
  }
  return { ...result, config: deepFreeze(config) }
}

type ReadTunnel = {
  readonly source: TunnelSource
  readonly files: readonly string[]
  /** Of the keys of the file, and of the pre-shared key: the rules between keys come in between. */
  readonly problems: {
    readonly keys: readonly ConfigProblem[]
    readonly key: readonly ConfigProblem[]
  }
}

/** Absent though written when it is wrong, which has then been said. */
type GatewayAddress = { readonly address: IpAddress | undefined; readonly written: boolean }

function readTunnel(
  { name, at, node: written }: NamedTunnel,
  gatewayAddress: GatewayAddress,
  folder: string,
  environment: Environment,
): ReadTunnel {
  const path = `tunnels.${name}`
  const node = withPreset(written)
  const { draft, problems } = readKeys<TunnelDraft>(tunnelKeys, node, at, path)
  const entries = node?.kind === 'map' ? node.entries : undefined
  const pskEntry = entries?.get('psk')
  const source: TunnelSource = {
    name,
    at,
    node,
    draft,
    local: draft.address ?? gatewayAddress.address,
    withoutAddress: !gatewayAddress.written && entries?.has('address') !== true,
    psk: undefined,
    credentials: undefined,
    anchors: undefined,
    xauth: undefined,
    now: environment.now ?? Date.now(),
  }
  if (draft.certificate !== undefined)
    return withCertificate(source, draft.certificate, problems, folder, environment)
  if (pskEntry !== undefined && needsQuotes(pskEntry.value)) {
    const text = {
      message: `the pre-shared key of ${name} must stand in quotes`,
      hints: ['unquoted, YAML may read it as a number or cut it at "#"; or use file:PATH'],
    }
    const own = problems.filter((problem) => problem.path !== `${path}.psk`)
    return {
      source,
      files: [],
      problems: { keys: own, key: [problemAt('error', pskEntry.key, `${path}.psk`, text)] },
    }
  }
  if (draft.psk === undefined) return { source, files: [], problems: { keys: problems, key: [] } }
  const { psk, findings, file } = readPsk(draft.psk, folder, environment)
  const key = findings.map(({ severity, file, ...text }) =>
    problemAt(severity, file === undefined ? (pskEntry?.key ?? at) : { file }, `${path}.psk`, text),
  )
  return {
    source: { ...source, psk },
    files: file === undefined ? [] : [file],
    problems: { keys: problems, key },
  }
}

/** What `certificate` says of identities holds as if the tunnel said it. */
function withCertificate(
  source: TunnelSource,
  certificate: CertificateDraft,
  problems: readonly ConfigProblem[],
  folder: string,
  environment: Environment,
): ReadTunnel {
  const path = `tunnels.${source.name}.certificate`
  const { credentials, anchors, findings, files } = readCertificate(
    certificate,
    folder,
    environment,
  )
  const key = findings.map(({ severity, key, index, file, ...text }) => {
    const place = placeOf(source, ['certificate', key, ...(index === undefined ? [] : [index])])
    return problemAt(severity, file === undefined ? place : { file }, `${path}.${key}`, text)
  })
  const { id, 'peer-id': peerId } = certificate
  const identities = {
    ...(id === undefined ? {} : { id }),
    ...(peerId === undefined ? {} : { 'peer-id': peerId }),
  }
  return {
    source: { ...source, draft: { ...source.draft, ...identities }, credentials, anchors },
    files,
    problems: { keys: problems, key },
  }
}

/** The password or the users that `xauth` names. */
function withXauth(read: ReadTunnel, folder: string, environment: Environment): ReadTunnel {
  const { source, problems } = read
  if (source.draft.xauth === undefined) return read
  const { xauth, findings, files } = readXauth(source.draft.xauth, folder, environment)
  const found = findings.map(({ key, file, ...text }) => {
    const place = file === undefined ? placeOf(source, ['xauth', key]) : { file }
    return problemAt('error', place, `tunnels.${source.name}.xauth.${key}`, text)
  })
  return {
    source: { ...source, xauth },
    files: [...read.files, ...files],
    problems: { ...problems, key: [...problems.key, ...found] },
  }
}

/** A key is what is written, so YAML must not have read anything into it. */
function needsQuotes(node: YamlNode): boolean {
  if (node.kind !== 'scalar' || node.value === null || node.quoted) return false
  return !/^(?:file|env):/.test(String(plain(node)))
}

/** A file that holds a key itself must be as private as a key file. */
function exposedFiles(
  tunnels: readonly TunnelSource[],
  modes: ReadonlyMap<string, number>,
): readonly ConfigProblem[] {
  const holders = new Map<string, string>()
  for (const { name, at, draft } of tunnels) {
    const isSecretHere =
      draft.psk?.kind === 'text' ||
      draft.certificate?.passphrase?.kind === 'text' ||
      draft.xauth?.password?.kind === 'text'
    if (isSecretHere && !holders.has(at.file)) holders.set(at.file, name)
  }
  return [...holders].flatMap(([file, name]) => {
    const message = exposure(modes.get(file) ?? 0, `the key of ${name}`)
    if (message === undefined) return []
    const hints = [chmodLine(file), 'or keep the key in a file of its own: psk: file:PATH']
    return [problemAt('error', { file }, `tunnels.${name}.psk`, { message, hints })]
  })
}

function gatewayConfig(draft: Partial<GatewayDraft>, { hostName }: Environment): GatewayConfig {
  return {
    name: draft.name ?? hostName,
    ...(draft.address === undefined ? {} : { address: draft.address }),
    control: draft.control ?? '/run/causeway.sock',
    ...(draft.workers === undefined || draft.workers === 'auto' ? {} : { workers: draft.workers }),
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
