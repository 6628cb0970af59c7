import { parseIp } from '#bytes/ip'
import { isHost } from '../host-name.ts'
import { secretOf } from '../key-text.ts'
import {
  type Imported,
  type ImportedTunnel,
  type ImportOptions,
  MOST_LINES,
  MOST_TUNNELS,
  type Note,
  type Origin,
  type SkippedTunnel,
  type SourceText,
} from './imported.ts'
import { readEspProposals, readIkeProposals } from './proposal-text.ts'
import { shownText } from './shown-text.ts'
import { maskedNetwork, networkPair, rangeText, type Side, trafficText } from './traffic.ts'
import { TunnelImport, TunnelNames } from './tunnel-import.ts'

/** `edit NAME` of one `config …` table with its `set` lines. */
type Entry = {
  readonly table: string
  readonly name: string
  readonly at: Origin
  readonly settings: Map<string, Setting>
}

type Setting = Origin & { readonly values: readonly string[] }

/** Reads FortiOS: a tunnel for each phase 1 with the phase 2 entries that name it. */
export function importFortigate(source: SourceText, { ourAddress }: ImportOptions): Imported {
  const { entries, otherLines } = entriesIn(source)
  const names = new TunnelNames()
  const tunnels: ImportedTunnel[] = []
  const skipped: SkippedTunnel[] = []
  const used = new Set<Entry>()
  const gateways = entries.filter(({ table }) => /^vpn ipsec phase1(?:-interface)?$/.test(table))
  for (const gateway of gateways.slice(0, MOST_TUNNELS)) {
    const children = entries.filter(
      ({ table, settings }) =>
        /^vpn ipsec phase2(?:-interface)?$/.test(table) &&
        settings.get('phase1name')?.values[0] === gateway.name,
    )
    for (const one of [gateway, ...children]) used.add(one)
    const tunnel = new TunnelImport(names.fresh(gateway.name), gateway.at)
    const why = importGateway(tunnel, gateway, children, entries, ourAddress)
    if (why === undefined) tunnels.push(tunnel.done())
    else skipped.push({ name: gateway.name, at: gateway.at, why })
  }
  const notes = entries
    .filter((entry) => entry.table.startsWith('vpn ipsec') && !used.has(entry))
    .map(
      ({ at }): Note => ({
        origin: at,
        kind: 'left-out',
        why: 'not used by a tunnel that is here',
      }),
    )
  return { format: 'fortigate', tunnels, skipped, notes, otherLines }
}

/** @returns why it is no tunnel of ours */
function importGateway(
  tunnel: TunnelImport,
  gateway: Entry,
  children: readonly Entry[],
  entries: readonly Entry[],
  ourAddress: string | undefined,
): string | undefined {
  const { settings } = gateway
  const value = (key: string) => settings.get(key)?.values[0]
  const from = (...keys: readonly string[]) => keys.flatMap((key) => settings.get(key) ?? [])
  if (value('ike-version') === '2')
    return 'ike-version 2: IKEv2 is not in this version of Causeway yet'
  if (value('type') === 'dynamic') return 'it takes peers from anywhere: peer: any, written by hand'
  const peer = value('type') === 'ddns' ? value('remotegw-ddns') : value('remote-gw')
  if (peer === undefined || peer === '0.0.0.0' || !isHost(peer)) return 'it has no peer (remote-gw)'
  tunnel.set(
    'ike',
    value('mode') === 'aggressive' ? 'v1-aggressive' : 'v1-main',
    ...from('ike-version', 'mode'),
  )
  tunnel.set('peer', peer, ...from('remote-gw', 'remotegw-ddns', 'type'))
  const device = entries.find(
    ({ table, name }) => table === 'system interface' && name === value('interface'),
  )
  const local = value('local-gw') ?? device?.settings.get('ip')?.values[0] ?? ourAddress
  if (local !== undefined && parseIp(local) !== undefined)
    tunnel.set('address', local, ...from('local-gw', 'interface'))
  else tunnel.remark('Our address is not in this text: set gateway.address, or address here.')
  const isCertificate = value('authmethod') === 'signature'
  const [first, second] = settings.get('psksecret')?.values ?? []
  const key = first === 'ENC' || second !== undefined ? undefined : first
  if (isCertificate) {
    tunnel.certificateInDevice(
      `download ${value('certificate') ?? 'it'} as PKCS #12 (System, Certificates)`,
      ...from('certificate', 'authmethod'),
    )
  } else if (key !== undefined) tunnel.givePsk(secretOf(key), ...from('psksecret', 'authmethod'))
  else {
    tunnel.assume('psk', `file:keys/${tunnel.name}.psk`, 'to be written')
    for (const line of from('psksecret'))
      tunnel.leave(line, 'stored encrypted: the key itself is needed')
    tunnel.remark('The key is stored encrypted there: put it where psk says, mode 600.')
  }
  const localId = value('localid')
  if (localId !== undefined && localId !== '')
    tunnel.set(isCertificate ? 'certificate.id' : 'id', localId, ...from('localid', 'localid-type'))
  const peerId = value('peerid')
  const peerKey = value('mode') === 'aggressive' ? 'peer-id' : 'peer-id.sends'
  if (peerId !== undefined && peerId !== '' && peerId !== peer)
    tunnel.set(
      isCertificate ? 'certificate.peer-id' : peerKey,
      peerId,
      ...from('peerid', 'peertype'),
    )
  const groups = settings.get('dhgrp')?.values ?? ['14', '5']
  const ciphers = settings.get('proposal')?.values ?? DEFAULT_PHASE1
  const { suites, refused } = readIkeProposals(
    ciphers.flatMap((cipher) => groups.map((group) => `${cipher}-dh${group}`)).join(','),
  )
  if (suites.length === 0) return `its proposals cannot be IKEv1 here (${refused.join('; ')})`
  tunnel.set('phase1.propose', suites, ...from('proposal', 'dhgrp'))
  tunnel.lifetime(1, Number(value('keylife') ?? 86_400), ...from('keylife'))
  const every = Number(value('dpd-retryinterval') ?? 20)
  const tries = Number(value('dpd-retrycount') ?? 3)
  tunnel.deadPeer(every, every * tries, ...from('dpd', 'dpd-retryinterval', 'dpd-retrycount'))
  if (value('nattraversal') === 'forced')
    tunnel.set('encapsulation', 'force', ...from('nattraversal'))
  for (const line of from(
    'nattraversal',
    'net-device',
    'peertype',
    'keepalive',
    'fragmentation',
    'comments',
    'auto-negotiate',
    'rekey',
  ))
    tunnel.same(line)
  const why = importChildren(tunnel, gateway.name, children, entries)
  for (const entry of [gateway, ...children])
    tunnel.account(entry.settings.values(), 'no equivalent here')
  return why
}

function importChildren(
  tunnel: TunnelImport,
  gateway: string,
  children: readonly Entry[],
  entries: readonly Entry[],
): string | undefined {
  if (children.length === 0) return 'no phase 2 names it'
  const pairs: string[] = []
  const origins: Origin[] = []
  const said = (key: string) => children.flatMap(({ settings }) => settings.get(key) ?? [])
  for (const { name, settings } of children) {
    const local = sideOf(settings, 'src', entries)
    const remote = sideOf(settings, 'dst', entries)
    if (local === undefined || remote === undefined)
      return `${name}: its networks are not ones that can be here`
    const pair = networkPair(local, remote)
    if ('why' in pair) return `${name}: ${pair.why}`
    if (!pairs.includes(pair.pair)) pairs.push(pair.pair)
    for (const key of SELECTOR_KEYS) origins.push(...[settings.get(key) ?? []].flat())
    origins.push(...[settings.get('phase1name') ?? []].flat())
  }
  if (pairs.every((pair) => pair === '0.0.0.0/0 <-> 0.0.0.0/0')) {
    tunnel.set('networks', 'any', ...origins)
    const routes = entries.flatMap(({ table, settings }) => {
      const [to = '', mask = ''] = settings.get('dst')?.values ?? []
      const isOurs = table === 'router static' && settings.get('device')?.values[0] === gateway
      const network = to.includes('/') ? rangeText(to) : maskedNetwork(to, mask, 'mask')
      return isOurs && network !== undefined ? [network] : []
    })
    tunnel.assume(
      'interface.routes',
      routes,
      routes.length === 0 ? 'nothing is routed yet' : 'router static',
    )
    if (routes.length === 0)
      tunnel.remark('Everything goes through the tunnel by its selectors: set interface.routes.')
  } else tunnel.set('networks', pairs, ...origins)
  const proposals = said('proposal')
  const words = proposals.length === 0 ? DEFAULT_PHASE2 : proposals.flatMap(({ values }) => values)
  const { suites, refused } = readEspProposals(words.join(','))
  if (suites.length === 0) return `its proposals cannot be here (${refused.join('; ')})`
  tunnel.set('phase2.propose', suites, ...proposals)
  const pfs = said('pfs')
  const [groups] = said('dhgrp')
  const group = groups?.values[0] ?? '14'
  const isOff = pfs.some(({ values }) => values[0] === 'disable')
  tunnel.set('phase2.pfs', isOff ? 'none' : `group${group}`, ...pfs, ...said('dhgrp'))
  if (!isOff && (groups?.values.length ?? 2) > 1)
    tunnel.remark(`PFS has several groups there; IKEv1 takes one: group${group}. See phase2.pfs.`)
  const [seconds] = said('keylifeseconds')
  tunnel.lifetime(
    2,
    Number(seconds?.values[0] ?? 43_200),
    ...said('keylifeseconds'),
    ...said('keylife-type'),
  )
  const [kilobytes] = said('keylifekbs')
  if (kilobytes !== undefined && Number(kilobytes.values[0]) >= 65_536)
    tunnel.set('phase2.volume', `${kilobytes.values[0]}KB`, kilobytes)
  const encapsulation = said('encapsulation')
  const isTransport = encapsulation.some(({ values }) => values[0] === 'transport-mode')
  if (isTransport) tunnel.set('mode', 'transport', ...encapsulation)
  else for (const line of encapsulation) tunnel.same(line)
  const isAlways = said('auto-negotiate').some(({ values }) => values[0] === 'enable')
  tunnel.set('start', isAlways ? 'always' : 'on-traffic', ...said('auto-negotiate'))
  for (const line of [...said('replay'), ...said('comments'), ...said('keepalive')])
    tunnel.same(line)
  return undefined
}

const SELECTOR_KEYS: readonly string[] = ['src', 'dst']
  .flatMap((which) =>
    ['subnet', 'subnet6', 'addr-type', 'start-ip', 'end-ip', 'port', 'name'].map(
      (key) => `${which}-${key}`,
    ),
  )
  .concat('protocol')

function sideOf(
  settings: Entry['settings'],
  which: 'src' | 'dst',
  entries: readonly Entry[],
): Side | undefined {
  const values = (key: string) => settings.get(`${which}-${key}`)?.values ?? []
  const protocol = settings.get('protocol')?.values[0] ?? '0'
  const port = values('port')[0] ?? '0'
  const traffic = trafficText(port === '0' ? protocol : `${protocol}/${port}`)
  if (traffic === undefined) return undefined
  const [name] = values('name')
  const named = entries.find((one) => one.table === 'firewall address' && one.name === name)
  if (name !== undefined && named === undefined) return undefined
  const [start] = values('start-ip')
  if (start !== undefined) {
    const [end] = values('end-ip')
    return { range: end === undefined || end === start ? start : `${start}-${end}`, traffic }
  }
  const [address = '0.0.0.0', mask = '0.0.0.0'] =
    named === undefined ? values('subnet') : (named.settings.get('subnet')?.values ?? [''])
  if (address.includes('/')) return { range: rangeText(address), traffic }
  const network = maskedNetwork(address, mask, 'mask')
  return network === undefined ? undefined : { range: network, traffic }
}

const DEFAULT_PHASE1: readonly string[] = [
  'aes128-sha256',
  'aes256-sha256',
  'aes128-sha1',
  'aes256-sha1',
]
const DEFAULT_PHASE2: readonly string[] = [
  'aes128-sha1',
  'aes256-sha1',
  'aes128-sha256',
  'aes256-sha256',
  'aes128gcm',
  'aes256gcm',
]

/** `config TABLE`, `edit NAME`, `set KEY VALUES`, `next`, `end`; tables inside entries are about other things. */
function entriesIn({ file, text }: SourceText): {
  readonly entries: readonly Entry[]
  readonly otherLines: number
} {
  const entries: Entry[] = []
  const tables: string[] = []
  let otherLines = 0
  for (const [i, raw] of text.split(/\r?\n/).slice(0, MOST_LINES).entries()) {
    const line = raw.trim()
    const origin: Origin = { file, line: i + 1, text: shownText(raw) }
    const [word = '', ...values] = valuesOf(line)
    const top = tables.at(-1) ?? ''
    if (word === 'config' && tables.length < 16) tables.push(values.join(' '))
    else if (word === 'end') tables.pop()
    else if (word === 'edit' && tables.length === 1)
      entries.push({ table: top, name: values[0] ?? '', at: origin, settings: new Map() })
    else if (word === 'set' && tables.length === 1) {
      const entry = entries.at(-1)
      const [key = '', ...rest] = values
      if (entry?.table === top) entry.settings.set(key, { ...origin, values: rest })
      if (!top.startsWith('vpn ipsec')) otherLines++
    } else if (line !== '' && !line.startsWith('#') && word !== 'next') otherLines++
  }
  return { entries, otherLines }
}

/** Words, or texts in double quotes. */
function valuesOf(line: string): readonly string[] {
  return [...line.slice(0, 4_000).matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)]
    .slice(0, 256)
    .map(([, inner, word]) => inner?.replace(/\\(.)/g, '$1') ?? word ?? '')
}
