import { isTextProblem } from '#policy/text-problem'
import { covers, parseSelector } from '#policy/traffic-selector'
import { isHost } from '../host-name.ts'
import { CiscoAccess } from './cisco-access.ts'
import {
  type CiscoKey,
  type CiscoPolicy,
  type CiscoTransform,
  keysIn,
  policiesIn,
  transformsIn,
} from './cisco-device.ts'
import { type CiscoEntry, entriesIn, type Statement } from './cisco-entries.ts'
import { after, type Command, readCiscoLines } from './cisco-lines.ts'
import { ciscoMode } from './cisco-mode.ts'
import { ciscoProfile, routesInto } from './cisco-profile.ts'
import {
  type Imported,
  type ImportedTunnel,
  type ImportOptions,
  MOST_TUNNELS,
  type Note,
  type Origin,
  type SkippedTunnel,
  type SourceText,
} from './imported.ts'
import { maskedNetwork } from './traffic.ts'
import { TunnelImport, TunnelNames } from './tunnel-import.ts'

type Device = {
  readonly isAsa: boolean
  readonly commands: readonly Command[]
  readonly policies: readonly CiscoPolicy[]
  readonly keys: readonly CiscoKey[]
  readonly transforms: ReadonlyMap<string, CiscoTransform>
  readonly access: CiscoAccess
}

/** Reads the configuration of a Cisco router or firewall: a tunnel for each crypto map entry and tunnel interface with IKEv1. */
export function importCisco(source: SourceText, options: ImportOptions): Imported {
  const commands = readCiscoLines(source)
  const isAsa =
    /^\s*(?:tunnel-group |crypto ikev1 |nameif |ASA Version|crypto ipsec ikev1 )/im.test(
      source.text,
    )
  const device: Device = {
    isAsa,
    commands,
    policies: policiesIn(commands),
    keys: keysIn(commands),
    transforms: transformsIn(commands),
    access: new CiscoAccess(commands),
  }
  const names = new TunnelNames()
  const used = new Set<Origin>()
  const tunnels: ImportedTunnel[] = []
  const skipped: SkippedTunnel[] = []
  for (const entry of entriesIn(commands).slice(0, MOST_TUNNELS)) {
    const tunnel = new TunnelImport(names.fresh(entry.name), entry.at)
    const why = importEntry(tunnel, entry, device, options)
    for (const origin of entry.origins) used.add(origin)
    if (why === undefined) {
      const done = tunnel.done()
      for (const { origin } of done.notes) used.add(origin)
      tunnels.push(done)
    } else skipped.push({ name: entry.name, at: entry.at, why })
  }
  const rest = unused(device, used)
  const format = isAsa ? 'cisco-asa' : 'cisco-ios'
  return { format, tunnels, skipped, notes: rest.notes, otherLines: rest.otherLines }
}

/** @returns why the entry is no tunnel of ours */
function importEntry(
  tunnel: TunnelImport,
  entry: CiscoEntry,
  device: Device,
  { ourAddress }: ImportOptions,
): string | undefined {
  const [peer = '', ...others] = entry.peers
  if (entry.isDynamic)
    return 'a dynamic map takes peers from anywhere: peer: any, with a peer-id for each or {any-of: psk}, written by hand'
  if (entry.device?.isIpsec === false)
    return `${entry.device.title} is GRE inside IPsec: only tunnel mode ipsec ipv4 can be here`
  const ikev2 = saidFor(entry, 'set', 'ikev2-profile') ?? saidFor(entry, 'set', 'ikev2')
  const sets =
    saidFor(entry, 'set', 'ikev1', 'transform-set') ?? saidFor(entry, 'set', 'transform-set')
  if (ikev2 !== undefined && (sets === undefined || !device.isAsa))
    return 'IKEv2, which is not in this version of Causeway yet'
  if (!isHost(peer))
    return peer === '' ? 'it has no peer' : `its peer ${peer} is no address and no host name`
  ciscoMode(tunnel, peer, entry, device.commands)
  const destination = entry.device?.lines.filter((line) => after(line, 'tunnel', 'destination'))
  tunnel.set('peer', peer, ...saying(entry, 'set', 'peer'), ...(destination ?? []))
  if (others.length > 0)
    tunnel.remark(
      `Further peers ${others.join(', ')}: one address a tunnel; write another for each.`,
    )
  const local = entry.local ?? ourAddress
  if (local !== undefined) tunnel.assume('address', local, 'of the interface')
  else tunnel.remark('Our address is not in this text: set gateway.address, or address here.')
  const why = phase1(tunnel, peer, entry, device) ?? phase2(tunnel, sets ?? [], entry, device)
  if (why !== undefined) return why
  const list =
    entry.device === undefined ? networks(tunnel, entry, device) : routed(tunnel, entry, device)
  if (list !== undefined) return list
  keepalive(tunnel, peer, device)
  ciscoProfile(tunnel, peer, entry, device.commands)
  if (entry.profile !== undefined) tunnel.take('phase2', entry.profile)
  for (const { words, origin } of entry.statements) {
    if (/^(?:ipsec-isakmp|description)$/.test(words[0] ?? '')) tunnel.take('name', origin)
    if (words[0] === 'reverse-route' || words[1] === 'reverse-route')
      tunnel.same(origin, 'routes follow the tunnel (interface)')
  }
  tunnel.account(entry.origins, 'no equivalent here')
  return undefined
}

function phase1(
  tunnel: TunnelImport,
  peer: string,
  entry: CiscoEntry,
  { policies, keys, commands, isAsa }: Device,
): string | undefined {
  const key = keyFor(peer, entry, keys, commands)
  const isPsk = policies.length === 0 || policies.some((one) => one.isPsk)
  const wanted = policies.filter((one) => (isPsk ? one.isPsk : one.isSignature))
  if (policies.length > 0 && wanted.length === 0)
    return 'RSA encryption (rsa-encr) is no authentication that is here'
  const usable = wanted.flatMap(({ suite, origins, lifetime }) =>
    suite === undefined ? [] : [{ suite, origins, lifetime }],
  )
  const suites = [...new Set(usable.map(({ suite }) => suite))].slice(0, 16)
  const isLifetime = ({ text }: Origin) => /^\s*lifetime\b/i.test(text)
  const lines = usable.flatMap((one) => one.origins)
  const origins = lines.filter((line) => !isLifetime(line))
  if (suites.length > 0) {
    tunnel.set('phase1.propose', suites.length === 1 ? (suites[0] ?? '') : suites, ...origins)
    tunnel.lifetime(1, usable[0]?.lifetime ?? 86_400, ...lines.filter(isLifetime))
    if (new Set(usable.map(({ lifetime }) => lifetime)).size > 1)
      tunnel.remark('Its policies differ in lifetime; taken is that of the first.')
  } else {
    tunnel.remark('No policy of phase 1 that can be here is in this text: see phase1.')
    tunnel.assume('phase1.lifetime', '1d', 'default of Cisco')
  }
  for (const { why, origins: lines } of wanted)
    if (why !== undefined) for (const line of lines) tunnel.leave(line, why)
  if (!isPsk) {
    const point = commands.find(
      (one) =>
        after(one, 'crypto', 'pki', 'trustpoint') ?? after(one, 'crypto', 'ca', 'trustpoint'),
    )
    const name = point?.text.trim().split(/\s+/).at(-1) ?? 'TRUSTPOINT'
    const how = isAsa
      ? `crypto ca export ${name} pkcs12 PASSPHRASE prints both there`
      : `crypto pki export ${name} pkcs12 URL password PASSPHRASE writes both, if the key is exportable`
    tunnel.certificateInDevice(how, ...trustpointsFor(peer, entry, commands))
    return undefined
  }
  if (key?.secret !== undefined) tunnel.givePsk(key.secret, key.origin)
  else {
    tunnel.assume('psk', `file:keys/${tunnel.name}.psk`, 'to be written')
    if (key !== undefined)
      tunnel.leave(key.origin, 'stored encrypted or hidden: the key itself is needed')
    tunnel.remark(
      isAsa
        ? 'The key is not in this text; on the ASA: more system:running-config shows it. Put it where psk says, mode 600.'
        : 'The key is not in this text in clear: put it where psk says, mode 600.',
    )
  }
  return undefined
}

/** The lines that name the trustpoint of a tunnel: of the crypto map, and of the tunnel group. */
function trustpointsFor(
  peer: string,
  entry: CiscoEntry,
  commands: readonly Command[],
): readonly Origin[] {
  const group = commands.filter(
    (one) => after(one, 'tunnel-group')?.[0] === peer && one.words.includes('ipsec-attributes'),
  )
  return [
    ...entry.statements.flatMap(({ words, origin }) =>
      words.some((word) => /^trust-?point$/.test(word)) ? [origin] : [],
    ),
    ...group.flatMap(({ inner }) =>
      inner.filter(({ words }) => words.some((word) => /^trust-?point$/.test(word))),
    ),
  ]
}

/** The most specific of those that fit, and of the keyring that the profile names. */
function keyFor(
  peer: string,
  entry: CiscoEntry,
  keys: readonly CiscoKey[],
  commands: readonly Command[],
): CiscoKey | undefined {
  const profile = saidFor(entry, 'set', 'isakmp-profile')?.[0]
  const ring = commands
    .filter((one) => after(one, 'crypto', 'isakmp', 'profile')?.[0] === profile)
    .flatMap(({ inner }) => inner.flatMap((line) => after(line, 'keyring')?.[0] ?? []))[0]
  const wanted = parseSelector(peer)
  if (isTextProblem(wanted)) return undefined
  return keys
    .filter(({ keyring }) => profile === undefined || ring === undefined || keyring === ring)
    .filter((one) => {
      const range = parseSelector(one.peer)
      return !isTextProblem(range) && covers(range, wanted)
    })
    .sort((a, b) => Number(b.peer.split('/')[1]) - Number(a.peer.split('/')[1]))[0]
}

function phase2(
  tunnel: TunnelImport,
  names: readonly string[],
  entry: CiscoEntry,
  { transforms, commands, isAsa }: Device,
): string | undefined {
  const sets = names.flatMap((name) => transforms.get(name) ?? [])
  const usable = sets.flatMap((set) =>
    set.suite === undefined ? [] : [{ ...set, suite: set.suite }],
  )
  for (const { why, origins } of sets)
    if (why !== undefined) for (const origin of origins) tunnel.leave(origin, why)
  if (usable.length === 0)
    return `none of its transform sets (${names.join(', ') || 'none named'}) can be here`
  const said = [
    ...saying(entry, 'set', 'ikev1', 'transform-set'),
    ...saying(entry, 'set', 'transform-set'),
  ]
  const suites = [...new Set(usable.map(({ suite }) => suite))]
  const origins = [...said, ...usable.flatMap((set) => set.origins)]
  tunnel.set('phase2.propose', suites.length === 1 ? (suites[0] ?? '') : suites, ...origins)
  if (usable.every(({ isTransport }) => isTransport)) tunnel.set('mode', 'transport')
  const pfs = saidFor(entry, 'set', 'pfs')
  if (pfs === undefined) tunnel.assume('phase2.pfs', 'none', 'no set pfs')
  else {
    const group = /\d+/.exec(pfs[0] ?? '')?.[0] ?? '14'
    tunnel.set('phase2.pfs', `group${group}`, ...saying(entry, 'set', 'pfs'))
    if (pfs[0] === undefined)
      tunnel.remark(
        'set pfs without a group: 14 in new releases, 1 or 2 in old ones. Ask the peer.',
      )
  }
  const own = lifetimeOf(entry.statements, 'set')
  const global = lifetimeOf(
    commands.map((origin) => ({ words: origin.words.slice(2), raw: origin.raw.slice(2), origin })),
    'security-association',
  )
  const seconds = own.seconds ?? global.seconds
  const kilobytes = own.kilobytes ?? global.kilobytes
  if (seconds === undefined)
    tunnel.assume('phase2.lifetime', isAsa ? '8h' : '1h', `default of ${isAsa ? 'ASA' : 'IOS'}`)
  else tunnel.lifetime(2, Number(seconds.value), seconds.origin)
  if (kilobytes === undefined)
    tunnel.assume('phase2.volume', '4608000KB', `default of ${isAsa ? 'ASA' : 'IOS'}`)
  else if (kilobytes.value === 'unlimited' || kilobytes.value === 'disable')
    tunnel.set('phase2.volume', 'unlimited', kilobytes.origin)
  else if (Number(kilobytes.value) >= 65_536)
    tunnel.set('phase2.volume', `${kilobytes.value}KB`, kilobytes.origin)
  else tunnel.leave(kilobytes.origin, 'less than 64 MB, the least here')
  return undefined
}

type Said = { readonly value: string; readonly origin: Origin }

/** `security-association lifetime seconds N`, `kilobytes N`, or both in one line. */
function lifetimeOf(
  statements: readonly Statement[],
  first: string,
): { readonly seconds?: Said; readonly kilobytes?: Said } {
  const found: { seconds?: Said; kilobytes?: Said } = {}
  for (const { words, origin } of statements) {
    const isOne =
      first === 'set'
        ? words[0] === 'set' && words[1] === 'security-association'
        : words[0] === first
    if (!isOne || !words.includes('lifetime')) continue
    for (const kind of ['seconds', 'kilobytes'] as const) {
      const at = words.indexOf(kind)
      const value = words[at + 1]
      if (at !== -1 && value !== undefined) found[kind] = { value, origin }
    }
  }
  return found
}

function networks(tunnel: TunnelImport, entry: CiscoEntry, { access }: Device): string | undefined {
  const { accessList } = entry
  const found = accessList === undefined ? undefined : access.pairsOf(accessList)
  if (found === undefined) return `its access list ${accessList ?? ''} is not in this text`
  for (const note of found.notes) if (note.kind === 'left-out') tunnel.leave(note.origin, note.why)
  if (found.pairs.length === 0) return `its access list ${accessList} has no pair that can be here`
  const said = saying(entry, 'match', 'address')
  if (tunnel.value('mode') === 'transport')
    tunnel.remark('mode transport: the networks must be the two gateways themselves.')
  tunnel.set('networks', found.pairs, ...said, ...found.used)
  tunnel.assume('start', 'on-traffic', 'a crypto map waits for traffic')
  return undefined
}

function routed(tunnel: TunnelImport, entry: CiscoEntry, { commands }: Device): string | undefined {
  const { device } = entry
  if (device === undefined) return undefined
  tunnel.set('networks', 'any', entry.at)
  const [address, mask] = device.address ?? []
  const network = maskedNetwork(address ?? '', mask ?? '', 'mask')
  for (const line of device.lines) {
    if (after(line, 'ip', 'address') !== undefined && network !== undefined)
      tunnel.set('interface.address', `${address}/${network.split('/')[1]}`, line)
    else if (/^(?:ip )?mtu\b/.test(line.words.join(' ')) && device.mtu !== undefined)
      tunnel.set('interface.mtu', device.mtu, line)
    else if (line.words[0] === 'description') tunnel.take('name', line)
    else if (line.words[0] === 'tunnel' && line.words[1] !== 'destination')
      tunnel.take(line.words[1] === 'source' ? 'address' : 'networks', line)
    else if (/adjust-mss|virtual-reassembly/.test(line.text))
      tunnel.same(line, 'the MSS is written to fit the tunnel')
    else if (/^no shutdown/.test(line.words.join(' '))) tunnel.same(line)
  }
  const { routes, origins } = routesInto(device.title, network, commands)
  if (routes.length > 0) tunnel.set('interface.routes', routes, ...origins)
  else {
    tunnel.assume('interface.routes', [], 'nothing is routed yet')
    tunnel.remark(
      'No static route leads into this tunnel: set interface.routes, or a routing daemon does it.',
    )
  }
  tunnel.assume('start', 'always', 'a tunnel interface is always up')
  return undefined
}

/** `crypto isakmp keepalive 10 [3] [periodic]`; ASA: `isakmp keepalive threshold 10 retry 2` of the group. */
function keepalive(tunnel: TunnelImport, peer: string, { commands }: Device): void {
  for (const command of commands) {
    const words = after(command, 'crypto', 'isakmp', 'keepalive')
    const group = after(command, 'tunnel-group', peer, 'ipsec-attributes')
    const inner = command.inner.find((line) => after(line, 'isakmp', 'keepalive') !== undefined)
    const [origin, text] =
      words !== undefined
        ? [command, words[0]]
        : group !== undefined && inner !== undefined
          ? [inner, /threshold (\d+)/.exec(inner.words.join(' '))?.[1]]
          : []
    if (group !== undefined) tunnel.take('peer', command)
    if (origin === undefined) continue
    const seconds = Number(text)
    if (seconds >= 2 && seconds <= 3_600) {
      tunnel.deadPeer(seconds, undefined, origin)
    } else tunnel.leave(origin, 'a silent peer is always asked here')
  }
}

function saidFor(entry: CiscoEntry, ...prefix: readonly string[]): readonly string[] | undefined {
  return entry.statements.map((one) => after(one, ...prefix)).find((one) => one !== undefined)
}

function saying(entry: CiscoEntry, ...prefix: readonly string[]): readonly Origin[] {
  return entry.statements
    .filter((one) => after(one, ...prefix) !== undefined)
    .map(({ origin }) => origin)
}

/** Commands about IPsec that went into no tunnel, each by itself; all others as a number. */
function unused(
  { commands, access }: Device,
  used: ReadonlySet<Origin>,
): { readonly notes: readonly Note[]; readonly otherLines: number } {
  const notes: Note[] = []
  let otherLines = 0
  for (const command of commands) {
    const isOurs = /^(?:crypto|tunnel-group|isakmp)\b/.test(command.words[0] ?? '')
    for (const line of [command, ...command.inner]) {
      if (used.has(line)) continue
      if (!isOurs || access.owns(command) || IS_SAME.test(line.words.join(' '))) otherLines++
      else notes.push({ origin: line, kind: 'left-out', why: whyUnused(line) })
    }
  }
  return { notes, otherLines }
}

function whyUnused({ words }: Command): string {
  return /ikev2/.test(words.join(' '))
    ? 'IKEv2 is not in this version of Causeway yet'
    : 'not used by a tunnel that is here'
}

/** What is so here without a word. */
const IS_SAME =
  /^crypto (?:isakmp|ikev1) enable|^crypto map \S+ interface|nat-traversal|nat keepalive|^tunnel-group \S+ type/
