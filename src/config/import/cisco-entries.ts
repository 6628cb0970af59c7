import { parseIp } from '#bytes/ip'
import { after, type Command } from './cisco-lines.ts'
import type { Origin } from './imported.ts'

/** A command, or the part of one behind what names its entry. */
export type Statement = Pick<Command, 'words' | 'raw'> & { readonly origin: Command }

/** A crypto map entry or a tunnel interface: what is negotiated with one peer, before it is put into our words. */
export type CiscoEntry = {
  readonly name: string
  readonly at: Origin
  /** `set …`, `match …` and the like, without what stands before them. */
  readonly statements: readonly Statement[]
  readonly peers: readonly string[]
  readonly local: string | undefined
  /** Absent: a tunnel interface. */
  readonly accessList?: string
  readonly isDynamic: boolean
  readonly device?: TunnelDevice
  /** `crypto ipsec profile` of a tunnel interface. */
  readonly profile?: Origin
  readonly origins: readonly Origin[]
}

/** What a tunnel interface says of itself. */
export type TunnelDevice = {
  readonly title: string
  readonly address?: readonly [address: string, mask: string]
  readonly mtu?: number
  readonly isIpsec: boolean
  readonly lines: readonly Command[]
}

export function entriesIn(commands: readonly Command[]): readonly CiscoEntry[] {
  return [...mapEntries(commands), ...interfaceEntries(commands)]
}

/** The address of an interface, by its name or, on ASA, its `nameif`. */
export function interfaceAddress(commands: readonly Command[], wanted: string): string | undefined {
  const found = commands.find((command) => {
    const [name = ''] = after(command, 'interface') ?? []
    const nameif = command.inner.map((line) => after(line, 'nameif')?.[0])
    return name.toLowerCase() === wanted.toLowerCase() || nameif.includes(wanted)
  })
  return addressOf(found)?.[0]
}

function mapEntries(commands: readonly Command[]): readonly CiscoEntry[] {
  const entries = new Map<string, { at: Command; statements: Statement[]; origins: Origin[] }>()
  for (const command of commands) {
    const [map = '', sequence = '', ...rest] = after(command, 'crypto', 'map') ?? []
    if (!/^\d+$/.test(sequence)) continue
    const key = `${map} ${sequence}`
    const entry = entries.get(key) ?? { at: command, statements: [], origins: [] }
    entries.set(key, entry)
    entry.origins.push(command, ...command.inner)
    const own = statement(command, command.raw.length - rest.length)
    entry.statements.push(...command.inner.map((line) => statement(line)), own)
  }
  return [...entries].map(([key, { at, statements, origins }]) => {
    const [map = ''] = key.split(' ')
    const value = (...prefix: readonly string[]) =>
      statements.map((one) => after(one, ...prefix)).find((one) => one !== undefined)
    const description = statements.find(({ words }) => words[0] === 'description')
    const peers = statements.flatMap((one) => after(one, 'set', 'peer') ?? [])
    const list = value('match', 'address')?.[0]
    return {
      name: description?.raw.slice(1).join(' ') ?? key.replace(' ', '-'),
      at,
      statements,
      peers: peers.filter((word) => !/^default$/i.test(word)),
      local: mapAddress(commands, map),
      ...(list === undefined ? {} : { accessList: list }),
      isDynamic: statements.some(({ words }) => words.includes('dynamic')),
      origins,
    }
  })
}

/** Where a crypto map is put on an interface, the address of that. */
function mapAddress(commands: readonly Command[], map: string): string | undefined {
  for (const command of commands) {
    const [name, word, device = ''] = after(command, 'crypto', 'map') ?? []
    if (name === map && word === 'local-address') return interfaceAddress(commands, device)
  }
  for (const command of commands) {
    const [name, word, device = ''] = after(command, 'crypto', 'map') ?? []
    if (name === map && word === 'interface') return interfaceAddress(commands, device)
    if (command.words[0] !== 'interface') continue
    if (command.inner.some((line) => after(line, 'crypto', 'map')?.[0] === map))
      return addressOf(command)?.[0]
  }
  return undefined
}

function interfaceEntries(commands: readonly Command[]): readonly CiscoEntry[] {
  return commands.flatMap((command) => {
    const [title] = after(command, 'interface') ?? []
    const line = (...prefix: readonly string[]) =>
      command.inner.map((one) => after(one, ...prefix)).find((one) => one !== undefined)
    const profile = line('tunnel', 'protection', 'ipsec', 'profile')?.[0]
    const peer = line('tunnel', 'destination')?.[0]
    if (title === undefined || profile === undefined || peer === undefined) return []
    const settings = commands.find(
      (one) => after(one, 'crypto', 'ipsec', 'profile')?.[0] === profile,
    )
    const source = line('tunnel', 'source') ?? []
    const device = source.at(-1) ?? ''
    const local = parseIp(device) ?? interfaceAddress(commands, device)
    const address = addressOf(command)
    const mtu = Number(line('ip', 'mtu')?.[0] ?? line('mtu')?.[0])
    const mode = line('tunnel', 'mode') ?? []
    return [
      {
        name: line('description')?.join(' ') ?? title,
        at: command,
        statements: (settings?.inner ?? []).map((one) => statement(one)),
        peers: [peer],
        local,
        isDynamic: false,
        ...(settings === undefined ? {} : { profile: settings }),
        device: {
          title,
          ...(address === undefined ? {} : { address }),
          ...(mtu >= 576 ? { mtu } : {}),
          isIpsec: mode[0]?.toLowerCase() === 'ipsec',
          lines: command.inner,
        },
        origins: [command, ...command.inner, ...(settings ? [settings, ...settings.inner] : [])],
      },
    ]
  })
}

function addressOf(command: Command | undefined): readonly [string, string] | undefined {
  for (const line of command?.inner ?? []) {
    const [address = '', mask = ''] = after(line, 'ip', 'address') ?? []
    if (parseIp(address) !== undefined) return [address, parseIp(mask) ?? '255.255.255.255']
  }
  return undefined
}

function statement(origin: Command, from = 0): Statement {
  return { words: origin.words.slice(from), raw: origin.raw.slice(from), origin }
}
