import type { Files } from '../files.ts'
import { importAwsGeneric } from './aws-generic.ts'
import { importCisco } from './cisco.ts'
import { importFortigate } from './fortigate.ts'
import type { Imported, ImportFormat, ImportOptions, Note, Origin, SourceText } from './imported.ts'
import { importIpsecConf } from './ipsec-conf.ts'
import { importJuniperSrx } from './juniper-srx.ts'
import { shownText } from './shown-text.ts'
import { importSwanctl } from './swanctl.ts'

/** What the texts given are: configurations, and the secrets beside them. */
export type ImportRequest = {
  readonly sources: readonly SourceText[]
  readonly files: Files
  readonly options: ImportOptions
  /** Where what a text is made for cannot be seen from it. */
  readonly format?: ImportFormat
}

export type ImportResult = {
  readonly imported: readonly Imported[]
  /** Files that are none of the formats known. */
  readonly unknown: readonly string[]
}

/** What `--format` takes. */
export const IMPORT_FORMATS: readonly ImportFormat[] = [
  'strongswan-swanctl',
  'strongswan-ipsec',
  'libreswan',
  'cisco-ios',
  'cisco-asa',
  'aws',
  'juniper-srx',
  'fortigate',
]

/** Reads each text in the format it is in; files of secrets belong to the configurations beside them. Never throws. */
export function importTexts({ sources, files, options, format }: ImportRequest): ImportResult {
  const secrets = sources.filter((source) => formatOfSource(source) === 'secrets')
  const configurations = sources.filter((source) => !secrets.includes(source))
  const imported: Imported[] = []
  const unknown: string[] = []
  for (const source of configurations) {
    const found = format ?? formatOfSource(source)
    const read = found === undefined || found === 'secrets' ? undefined : readAs(found, source)
    if (read === undefined) unknown.push(source.file)
    else imported.push(withPlainOrigins(withReason(read, source)))
  }
  if (configurations.length === 0) unknown.push(...secrets.map(({ file }) => file))
  return { imported, unknown }

  function readAs(found: ImportFormat, source: SourceText): Imported | undefined {
    switch (found) {
      case 'strongswan-swanctl':
        return importSwanctl(source, files, options)
      case 'strongswan-ipsec':
        return importIpsecConf(source, secrets, files, withFamily('strongswan'))
      case 'libreswan':
        return importIpsecConf(source, secrets, files, withFamily('libreswan'))
      case 'cisco-ios':
      case 'cisco-asa':
        return importCisco(source, options)
      case 'aws':
        return importAwsGeneric(source)
      case 'juniper-srx':
        return importJuniperSrx(source, options)
      case 'fortigate':
        return importFortigate(source, options)
    }
  }

  function withFamily(family: 'strongswan' | 'libreswan') {
    return format === undefined ? options : { ...options, family }
  }
}

/** What the readers know of a statement beside what may be shown, its value for one, stays with them. */
function withPlainOrigins(imported: Imported): Imported {
  const plain = ({ file, line, text }: Origin): Origin => ({ file, line, text })
  const notes = (list: readonly Note[]) =>
    list.map((note) => ({ ...note, origin: plain(note.origin) }))
  return {
    ...imported,
    notes: notes(imported.notes),
    skipped: imported.skipped.map((one) => ({ ...one, at: plain(one.at) })),
    tunnels: imported.tunnels.map((tunnel) => ({
      ...tunnel,
      at: plain(tunnel.at),
      notes: notes(tunnel.notes),
      values: tunnel.values.map((value) => ({ ...value, origins: value.origins.map(plain) })),
    })),
  }
}

/** A text in which no connection is says so: its comments may be all there is. */
function withReason(imported: Imported, { file, text }: SourceText): Imported {
  if (imported.tunnels.length + imported.skipped.length > 0) return imported
  const at = { file, line: 1, text: shownText(text.split('\n')[0] ?? '') }
  const why = 'no connection is in this file, nor in one that it includes'
  return { ...imported, notes: [{ origin: at, kind: 'left-out', why }, ...imported.notes] }
}

/** What stands in a text decides; the usual names of the files decide where nothing tells, such as comments alone. */
function formatOfSource({ file, text }: SourceText): ImportFormat | 'secrets' | undefined {
  const name = file.slice(file.lastIndexOf('/') + 1)
  if (name.endsWith('.secrets')) return 'secrets'
  return formatOf(text) ?? NAMES.find(([, pattern]) => pattern.test(name))?.[0]
}

const NAMES: readonly (readonly [ImportFormat, RegExp])[] = [
  ['strongswan-ipsec', /^ipsec\.conf$/],
  ['strongswan-swanctl', /^swanctl\.conf$/],
]

/** By what stands in the text; undefined when it is none that is known. */
export function formatOf(text: string): ImportFormat | 'secrets' | undefined {
  const start = text.slice(0, MOST_LOOKED_AT)
  for (const [format, pattern] of SIGNS) if (pattern.test(start)) return format
  return undefined
}

const MOST_LOOKED_AT = 1 << 20

/** In this order: a text of AWS for Cisco holds words of both. */
const SIGNS: readonly (readonly [ImportFormat | 'secrets', RegExp])[] = [
  ['aws', /^IPSec Tunnel #\d/im],
  ['fortigate', /^\s*config vpn ipsec phase1/m],
  ['juniper-srx', /^\s*set security (?:ike|ipsec) |^\s*security\s*\{/m],
  ['cisco-asa', /^\s*(?:tunnel-group \S+ |crypto ikev1 |crypto ipsec ikev1 |ASA Version)/im],
  ['cisco-ios', /^\s*crypto (?:isakmp|ipsec|map|keyring|ikev2) /im],
  ['strongswan-ipsec', /^\s*(?:conn\s+\S+|config\s+setup)\s*(?:#.*)?$/m],
  ['strongswan-swanctl', /(?:^|[\s}])(?:connections|secrets|authorities|pools)\s*(?::[^{\n]*)?\{/m],
  ['strongswan-swanctl', /^\s*include\s+\S*(?:swanctl|conf\.d)/m],
  ['secrets', /^[^#\n]*(?:^|\s)?:\s*(?:PSK|RSA|XAUTH|ECDSA|P12)\s+\S/m],
]
