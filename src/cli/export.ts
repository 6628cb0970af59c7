import { hostname } from 'node:os'
import { type ExportTarget, exportTunnel, targetOfPreset } from '#config/export/export-tunnel'
import { countProblems, formatProblems } from '#config/format-problems'
import { hostFiles } from '#config/host-files'
import { loadConfig } from '#config/reader'
import { wrap } from '#diagnosis/wrap'
import { nearestName } from '#policy/nearest'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export type ExportArguments = {
  readonly config: string
  readonly for?: ExportTarget
  readonly showSecrets?: boolean
  readonly json?: boolean
}

/** `causeway export`: what the other end of a tunnel has to be configured with. Reads the file only. */
export function exportFor(
  terminal: Terminal,
  name: string | undefined,
  { config: file, for: wanted, showSecrets = false, json = false }: ExportArguments,
): ExitCode {
  const environment = { files: hostFiles, variables: process.env, hostName: hostname() }
  const { config, problems, sources } = loadConfig(file, environment)
  if (config === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error')
    terminal.err(formatProblems(errors, sources, { width: terminal.columns }))
    terminal.err(`${countProblems(errors)}: nothing is exported from a file with errors.\n`)
    return EXIT.configuration
  }
  const names = config.tunnels.map((tunnel) => tunnel.name)
  const found = name ?? (names.length === 1 ? names[0] : undefined)
  const tunnel = config.tunnels.find((one) => one.name === found)
  if (tunnel === undefined) {
    const near = found === undefined ? undefined : nearestName(found, names)
    const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`
    terminal.err(
      found === undefined
        ? `causeway: which tunnel? ${hint}\n`
        : `causeway: there is no tunnel "${found}": ${hint}\n`,
    )
    return EXIT.usage
  }
  if (tunnel.peerName?.isNetwork === true) {
    const why = `its networks are the addresses of the two gateways, and that of ${tunnel.peerName.name} is looked up when the gateway runs. Write it as peer for this.`
    const text = wrap(`causeway: ${tunnel.name} is in transport mode: ${why}`, terminal.columns)
    terminal.err(`${text.join('\n')}\n`)
    return EXIT.configuration
  }
  const target = wanted ?? targetOfPreset(tunnel.preset) ?? 'text'
  const exported = exportTunnel(tunnel, target, { showSecrets })
  terminal.out(
    json
      ? `${JSON.stringify({ schema: 1, for: target, tunnel: tunnel.name, text: exported.text, byHand: exported.byHand }, null, 2)}\n`
      : exported.text,
  )
  return EXIT.ok
}
