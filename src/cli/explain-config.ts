import { hostname } from 'node:os'
import {
  type EffectiveKey,
  effectiveGateway,
  effectiveTunnel,
  type GatewaySource,
  type Origin,
} from '#config/effective'
import type { Environment } from '#config/files'
import { countProblems, formatProblems } from '#config/format-problems'
import { hostFiles } from '#config/host-files'
import { loadConfig } from '#config/reader'
import { readSources } from '#config/sources'
import { wrap } from '#diagnosis/wrap'
import { matchesName } from '#policy/name-pattern'
import { nearestName } from '#policy/nearest'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { columnsOf, padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `causeway explain TUNNEL --config`: what holds for each key, and which line, preset or default says so. Reads the file only. */
export function explainConfig(
  terminal: Terminal,
  file: string,
  names: readonly string[],
  { json = false }: { readonly json?: boolean },
): ExitCode {
  const environment: Environment = {
    files: hostFiles,
    variables: process.env,
    hostName: hostname(),
  }
  const { config, problems, sources } = loadConfig(file, environment)
  if (config === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error')
    terminal.err(formatProblems(errors, sources, { width: terminal.columns }))
    terminal.err(`${countProblems(errors)}: what would hold cannot be said.\n`)
    // `--config paris` means the tunnel; what follows the option is its file.
    if (names.length === 0 && !/[./]/.test(file))
      terminal.err(`Of a tunnel with this name:  causeway explain ${file} --config\n`)
    return EXIT.configuration
  }
  const known = config.tunnels.map(({ name }) => name)
  const unknown = names.find((name) => !known.some((one) => matchesName(name, one)))
  if (unknown !== undefined) {
    const near = nearestName(unknown, known)
    const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean "${near}"?`
    terminal.err(
      `${wrap(`causeway: ${file} has no tunnel "${unknown}": ${hint}`, terminal.columns).join('\n')}\n`,
    )
    return EXIT.usage
  }
  const { gateway: node, gatewayAt: at } = readSources(file, hostFiles)
  const source: GatewaySource = { node, at }
  const gateway = effectiveGateway(config.gateway, source)
  const tunnels = config.tunnels
    .filter(({ name }) => names.length === 0 || names.some((one) => matchesName(one, name)))
    .map((tunnel) => ({ name: tunnel.name, keys: effectiveTunnel(tunnel, source) }))
  if (json) {
    terminal.out(`${JSON.stringify({ schema: 1, file, gateway, tunnels }, null, 2)}\n`)
    return EXIT.ok
  }
  const blocks = [
    ...(names.length === 0 ? [tableText('gateway', gateway, file, terminal)] : []),
    ...tunnels.map(({ name, keys }) => tableText(name, keys, file, terminal)),
  ]
  terminal.out(`${blocks.join('\n')}`)
  return EXIT.ok
}

function tableText(
  name: string,
  keys: readonly EffectiveKey[],
  file: string,
  { columns, style }: Terminal,
): string {
  const rows = keys.map(({ key, value, origin }) => ({
    key,
    values: typeof value === 'string' ? [value] : value,
    from: originText(origin, file),
  }))
  const keyColumns = Math.max(...rows.map(({ key }) => columnsOf(key)))
  const fromColumns = Math.min(FROM_COLUMNS, Math.max(...rows.map(({ from }) => columnsOf(from))))
  const longest = Math.max(...rows.flatMap(({ values }) => values.map(columnsOf)))
  const room = Math.max(LEAST_VALUE_COLUMNS, columns - keyColumns - fromColumns - 4)
  const valueColumns = Math.min(longest, room)
  const lines = rows.flatMap(({ key, values, from }) => {
    const left = values.flatMap((value) => wrap(value, valueColumns))
    const right = wrap(from, fromColumns)
    return Array.from({ length: Math.max(1, left.length, right.length) }, (_, i) =>
      [padEnd(i === 0 ? key : '', keyColumns), padEnd(left[i] ?? '', valueColumns), right[i] ?? '']
        .join('  ')
        .trimEnd(),
    )
  })
  return `${[`${style('bold', name)}  ${file}`, ...lines.map((line) => `${line}`)].join('\n')}\n`
}

const FROM_COLUMNS = 24
const LEAST_VALUE_COLUMNS = 20

/** `line 21`, `preset cisco-ios`, `gateway.address, line 5`, `default`. */
function originText(origin: Origin, main: string): string {
  switch (origin.kind) {
    case 'file':
      return lineText(origin, main)
    case 'preset':
      return `preset ${origin.preset}`
    case 'follows':
      return origin.at === undefined ? origin.key : `${origin.key}, ${lineText(origin.at, main)}`
    case 'default':
      return 'default'
  }
}

function lineText({ file, line }: { file: string; line: number }, main: string): string {
  return file === main ? `line ${line}` : `${file.slice(file.lastIndexOf('/') + 1)}:${line}`
}
