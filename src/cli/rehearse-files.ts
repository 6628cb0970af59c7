import { hostname } from 'node:os'
import type { Config } from '#config/config'
import { type Environment, type Files, isTrouble } from '#config/files'
import { countProblems, formatProblems } from '#config/format-problems'
import { hostFiles } from '#config/host-files'
import { type LoadedConfig, loadConfig } from '#config/reader'
import { STAND_IN_KEY } from '#rehearsal/assumed-keys'

/** A configuration that can be rehearsed, or what keeps it from that, in the operator's words. */
export type Rehearsable =
  | { readonly kind: 'ready'; readonly config: Config }
  | { readonly kind: 'invalid'; readonly problems: string }

/**
 * @param assumeKeys whether a pre-shared key that is not at hand may be stood in for. Whom a file belongs to is not judged: the
 * machine that rehearses is not the gateway.
 */
export function loadRehearsable(
  file: string,
  assumeKeys: boolean,
  columns: number,
  color: boolean,
): Rehearsable {
  const files = privateFiles(hostFiles)
  const environment: Environment = { files, variables: process.env, hostName: hostname() }
  const loaded = loadConfig(file, environment)
  if (loaded.config !== undefined) return { kind: 'ready', config: loaded.config }
  const keysMissing = errorsOf(loaded).every(({ path }) => path.endsWith('.psk'))
  if (keysMissing && assumeKeys) {
    const { config } = loadConfig(file, withStandIns(environment))
    if (config !== undefined) return { kind: 'ready', config }
  }
  const problems = formatProblems(loaded.problems, loaded.sources, { width: columns, color })
  return {
    kind: 'invalid',
    problems: `${problems}${countProblems(loaded.problems)}\n${hintOn(loaded, assumeKeys)}`,
  }
}

function errorsOf({ problems }: LoadedConfig): LoadedConfig['problems'] {
  return problems.filter(({ severity }) => severity === 'error')
}

function hintOn(loaded: LoadedConfig, assumeKeys: boolean): string {
  const missing = errorsOf(loaded)
  if (!assumeKeys && missing.every(({ path }) => path.endsWith('.psk')))
    return 'Nothing was rehearsed: a key is not at hand here. With --assume-same-key\nboth ends are taken to have the same one.\n'
  if (missing.some(({ path }) => /\.certificate\.(own|key|passphrase)$/.test(path)))
    return 'Nothing was rehearsed: to sign, the simulated gateway needs the private key.\n'
  return 'Nothing was rehearsed.\n'
}

/** A checkout or a build machine cannot keep permission bits; `causeway check` on the gateway judges them. */
function privateFiles(files: Files): Files {
  return {
    read(path, atMost) {
      const read = files.read(path, atMost)
      return isTrouble(read) ? read : { ...read, mode: 0o600 }
    },
    list: (folder) => files.list(folder),
  }
}

function withStandIns({ files, variables, hostName }: Environment): Environment {
  const octets = new TextEncoder().encode(STAND_IN_KEY)
  return {
    hostName,
    files: {
      read(path, atMost) {
        const read = files.read(path, atMost)
        return isTrouble(read) ? { octets, mode: 0o600, more: false } : read
      },
      list: (folder) => files.list(folder),
    },
    variables: new Proxy(variables, { get: (known, name) => known[String(name)] ?? STAND_IN_KEY }),
  }
}
