import { existsSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { parseIp } from '#bytes/ip'
import { MAX_FILE_OCTETS } from '#config/document'
import { isTrouble } from '#config/files'
import { countProblems, formatProblems } from '#config/format-problems'
import { hostFiles } from '#config/host-files'
import { importTexts } from '#config/import/import-texts'
import type { Imported, ImportFormat, SourceText } from '#config/import/imported'
import { tunnelYaml } from '#config/import/tunnel-yaml'
import { keyText } from '#config/key-text'
import { loadConfig } from '#config/reader'
import { wrap } from '#diagnosis/wrap'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { placesOf, plannedFiles, writeFiles } from './import-files.ts'
import { importCount, importReport } from './import-report.ts'
import type { NewFile } from './new-files.ts'
import type { Terminal } from './terminal.ts'

export type ImportArguments = {
  readonly write?: string
  readonly ourAddress?: readonly string[]
  readonly format?: ImportFormat
  readonly showSecrets?: boolean
  readonly json?: boolean
}

/** `causeway import`: the configuration of another product as ours. Starts nothing and writes over nothing. */
export function importFiles(
  terminal: Terminal,
  paths: readonly string[],
  options: ImportArguments,
): ExitCode {
  const ours = options.ourAddress ?? []
  const wrong = ours.find((address) => parseIp(address) === undefined)
  if (wrong !== undefined) return refuse(terminal, `--our-address ${wrong}: not an address`)
  const sources: SourceText[] = []
  for (const path of withSecrets(paths)) {
    const read = hostFiles.read(resolve(path), MAX_FILE_OCTETS)
    if (isTrouble(read)) return refuse(terminal, `${path}: ${read.why}`, EXIT.configuration)
    if (read.more) return refuse(terminal, `${path}: larger than ${MAX_FILE_OCTETS / 1024} KiB`)
    sources.push({ file: resolve(path), text: new TextDecoder().decode(read.octets) })
  }
  const { imported, unknown } = importTexts({
    sources,
    files: hostFiles,
    options: {
      ourAddresses: ours.length > 0 ? ours : hostAddresses(),
      ...(ours[0] === undefined ? {} : { ourAddress: ours[0] }),
    },
    ...(options.format === undefined ? {} : { format: options.format }),
  })
  if (unknown.length > 0) {
    const isSecrets = unknown.every((file) => file.endsWith('.secrets'))
    return refuse(
      terminal,
      isSecrets
        ? `${unknown.join(', ')}: keys alone are no connection; name the ipsec.conf beside them, too`
        : `${unknown.join(', ')}: not a format that is known: strongSwan (swanctl.conf, ipsec.conf), libreswan, Cisco IOS and ASA, Juniper SRX, FortiGate, AWS (Generic)`,
      EXIT.configuration,
    )
  }
  if (options.json === true) terminal.out(documentText(imported))
  return options.write === undefined
    ? show(terminal, imported, options)
    : write(terminal, imported, options.write, options)
}

function show(
  terminal: Terminal,
  imported: readonly Imported[],
  { json = false, showSecrets = false }: ImportArguments,
): ExitCode {
  const tunnels = imported.flatMap((one) => one.tunnels)
  if (!json) terminal.out(tunnels.map((tunnel) => tunnelYaml(tunnel)).join('\n'))
  terminal.err(importReport(imported, new Map(), terminal))
  if (showSecrets) {
    for (const { name, psk } of tunnels) {
      const text = psk && keyText(psk)
      if (psk !== undefined) terminal.err(`${name}: key ${text ?? 'of octets, not text'}\n`)
    }
  }
  terminal.err(`${importCount(imported, false)}. Nothing was written: --write DIR does it.\n`)
  return tunnels.length === 0 ? EXIT.configuration : EXIT.ok
}

function write(
  terminal: Terminal,
  imported: readonly Imported[],
  directory: string,
  { json = false, ourAddress = [] }: ImportArguments,
): ExitCode {
  const tunnels = imported.flatMap((one) => one.tunnels)
  const say = json ? terminal.err : terminal.out
  const places = placesOf(directory)
  const files = plannedFiles(tunnels, places, ourAddress.length === 1 ? ourAddress[0] : undefined)
  if (tunnels.length === 0) {
    say(importReport(imported, new Map(), terminal))
    say(`${importCount(imported, true)}. Nothing was written.\n`)
    return EXIT.configuration
  }
  const trouble = writeFiles(files)
  if (trouble !== undefined) return refuse(terminal, trouble, EXIT.configuration)
  const written = new Map(tunnels.map(({ name }) => [name, join(places.tunnels, `${name}.yaml`)]))
  say(importReport(imported, written, terminal))
  for (const { path, mode } of files) {
    if (mode === 0o600) say(`key   ${path}, mode 600\n`)
  }
  if (places.mainIsThere)
    say(`Make sure that ${places.main} includes it: include: tunnels.d/*.yaml\n`)
  say(reviewText(terminal, places.main, files))
  say(`${importCount(imported, true)}. Nothing was started.\n`)
  say(`Next: causeway check ${places.main}\n`)
  return EXIT.ok
}

/** What `causeway check` will say, in a line, or with its errors. */
function reviewText(terminal: Terminal, main: string, files: readonly NewFile[]): string {
  const environment = { files: hostFiles, variables: process.env, hostName: hostname() }
  const { problems, sources } = loadConfig(main, environment)
  const ours = new Set(files.map(({ path }) => resolve(path)))
  const concerned = problems.filter(({ file }) => ours.has(resolve(file)))
  const errors = concerned.filter(({ severity }) => severity === 'error')
  const shown = formatProblems(errors, sources, { width: terminal.columns })
  return `${shown}causeway check would say: ${countProblems(concerned)}.\n`
}

function documentText(imported: readonly Imported[]): string {
  const document = {
    schema: 1,
    imported: imported.map((one) => ({
      ...one,
      tunnels: one.tunnels.map((tunnel) => ({
        name: tunnel.name,
        at: tunnel.at,
        key: tunnel.psk === undefined ? 'not found' : 'found',
        yaml: tunnelYaml(tunnel),
        notes: tunnel.notes,
        remarks: tunnel.remarks,
      })),
    })),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** The secrets beside an ipsec.conf are taken along. */
function withSecrets(paths: readonly string[]): readonly string[] {
  const beside = paths
    .filter((path) => basename(path) === 'ipsec.conf')
    .map((path) => join(dirname(path), 'ipsec.secrets'))
    .filter((path) => existsSync(path) && !paths.includes(path))
  return [...paths, ...beside]
}

function hostAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
}

function refuse(terminal: Terminal, text: string, code: ExitCode = EXIT.usage): ExitCode {
  terminal.err(`${wrap(`causeway: ${text}`, terminal.columns).join('\n')}\n`)
  return code
}
