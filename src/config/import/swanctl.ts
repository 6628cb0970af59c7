import { parseIp } from '#bytes/ip'
import type { Files } from '../files.ts'
import { isHost, isHostName } from '../host-name.ts'
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
import { readIkeProposals } from './proposal-text.ts'
import { joinSameGateways } from './same-gateways.ts'
import { readSettings, type Section, type Setting } from './settings.ts'
import {
  addressOfHost,
  isNamed,
  isYes,
  noAddressOfPeer,
  ONE_KEY_FOR_ALL,
  OWN_INTERFACE,
  onlyAddress,
  secondsOf,
  swanIdentity,
  swanTime,
  takeAnyone,
  unnamedPeers,
} from './swan-values.ts'
import { importChildren } from './swanctl-children.ts'
import { insideAddresses, unusedPools } from './swanctl-pools.ts'
import { importCredentials, type SwanSecrets, secretsIn, unusedSecrets } from './swanctl-secrets.ts'
import { TunnelImport, TunnelNames } from './tunnel-import.ts'
import { unusedNotes } from './unused.ts'

/** Reads strongSwan's swanctl.conf: one tunnel for each connection that can speak IKEv1. */
export function importSwanctl(source: SourceText, files: Files, options: ImportOptions): Imported {
  const { root, notes } = readSettings(source, files)
  const connections = [...(root.sections.get('connections')?.sections.values() ?? [])]
  const secrets = secretsIn(root.sections.get('secrets'))
  const [pools, authorities] = ['pools', 'authorities'].map((name) => root.sections.get(name))
  const names = new TunnelNames()
  const tunnels: ImportedTunnel[] = []
  const skipped: SkippedTunnel[] = []
  for (const connection of connections.slice(0, MOST_TUNNELS)) {
    const tunnel = new TunnelImport(names.fresh(connection.name), connection.at)
    const about = { secrets, files, options, pools, authorities }
    const why = importConnection(tunnel, connection, about)
    if (why === undefined) tunnels.push(tunnel.done())
    else skipped.push({ name: connection.name, at: connection.at, why })
  }
  return {
    format: 'strongswan-swanctl',
    tunnels: joinSameGateways(tunnels),
    skipped,
    notes: [
      ...notes,
      ...elsewhere(root, tunnels),
      ...unusedPools(pools, tunnels),
      ...unusedSecrets(secrets, tunnels),
    ],
    otherLines: 0,
  }
}

/** Our keys out of one connection. @returns why it is no tunnel of ours */
function importConnection(
  tunnel: TunnelImport,
  connection: Section,
  {
    secrets,
    files,
    options,
    pools,
    authorities,
  }: {
    readonly secrets: SwanSecrets
    readonly files: Files
    readonly options: ImportOptions
    readonly pools: Section | undefined
    readonly authorities: Section | undefined
  },
): string | undefined {
  const { settings } = connection
  const version = settings.get('version')
  if (version?.value === '2') return 'version = 2: IKEv2 is not in this version of Causeway yet'
  const aggressive = settings.get('aggressive')
  const isAggressive = aggressive !== undefined && isYes(aggressive.value)
  tunnel.set(
    'ike',
    isAggressive ? 'v1-aggressive' : 'v1-main',
    ...[version, aggressive].filter((one) => one !== undefined),
  )
  if (version?.value !== '1') {
    tunnel.remark(
      'The connection speaks IKEv2 as well and begins with it; here it is IKEv1 only: the peer must speak that.',
    )
  }
  const ends = addresses(tunnel, settings, options)
  if ('why' in ends) return ends.why
  const credentials = importCredentials(tunnel, connection, secrets, {
    files,
    authorities,
    local: ends.local,
    remote: ends.peer,
  })
  if (credentials.why !== undefined) return credentials.why
  identities(tunnel, connection, { ...ends, kind: credentials.kind, isAggressive })
  if (ends.peer === 'any') {
    const { kind } = credentials
    const saysWho = tunnel.has('peer-id') || tunnel.has('certificate.peer-id')
    const id = side(connection, 'remote')?.settings.get('id')
    const proof = kind === 'psk' || tunnel.has('certificate.trust') ? kind : undefined
    if (!saysWho && !takeAnyone(tunnel, proof, id)) return unnamedPeers('id in remote')
    if (kind === 'psk' && !isAggressive) tunnel.remark(ONE_KEY_FOR_ALL)
  }
  times(tunnel, settings)
  const encap = settings.get('encap')
  if (encap !== undefined && isYes(encap.value)) tunnel.set('encapsulation', 'force', encap)
  else if (encap !== undefined) tunnel.same(encap)
  const proposals = settings.get('proposals')
  if (proposals === undefined || /^default$/i.test(proposals.value.trim())) {
    if (proposals !== undefined) tunnel.same(proposals, 'the defaults of Causeway instead')
    tunnel.remark('Phase 1 has the default proposals of Causeway: strongSwan’s are a longer list.')
  } else {
    const { suites, refused } = readIkeProposals(proposals.value)
    if (suites.length === 0) return `proposals: none of them can be IKEv1 (${refused.join('; ')})`
    tunnel.set('phase1.propose', suites.length === 1 ? (suites[0] ?? '') : suites, proposals)
    for (const why of refused) tunnel.leave(proposals, why)
  }
  const inside = insideAddresses(tunnel, settings, pools)
  const children = importChildren(tunnel, connection, ends, inside)
  if (children !== undefined) return children
  for (const [key, why] of ELSEWHERE) {
    const setting = settings.get(key)
    if (setting !== undefined) tunnel.same(setting, why)
  }
  tunnel.account(everyStatement(connection), 'no equivalent here')
  return undefined
}

/** What needs no line here. */
const ELSEWHERE: readonly (readonly [string, string])[] = [
  ['fragmentation', 'on here whenever the peer knows it'],
  ['mobike', 'a part of IKEv2'],
  ['reauth_time', 'in IKEv1 the same as rekey_time'],
  ['send_certreq', 'sent here with certificates'],
  ['send_cert', 'sent here when asked or not'],
  ['keyingtries', 'here it tries for as long as start says'],
  ['unique', 'here the newest SA replaces the others'],
  ['if_id_in', OWN_INTERFACE],
  ['if_id_out', OWN_INTERFACE],
]

const ANY_CERTIFICATE =
  'Any identity of the peer was accepted; here its certificate must name its address (or the host name that peer is), or what certificate.peer-id says: set that, or {any-of: trust} for any.'

type Ends = { readonly local: string | undefined; readonly peer: string }

function addresses(
  tunnel: TunnelImport,
  settings: ReadonlyMap<string, Setting>,
  { ourAddress, ourAddresses }: ImportOptions,
): Ends | { readonly why: string } {
  const remote = settings.get('remote_addrs')
  const [first = '%any', ...others] = listOf(remote?.value)
  if (/^%any[46]?$|^0\.0\.0\.0(?:\/0)?$|^::(?:\/0)?$/.test(first)) {
    tunnel.set('peer', 'any', ...(remote === undefined ? [] : [remote]))
  } else if (!isHost(first)) {
    return { why: `remote_addrs = ${first}: ${noAddressOfPeer(first)}` }
  } else tunnel.set('peer', first, ...(remote === undefined ? [] : [remote]))
  if (remote !== undefined && others.length > 0)
    tunnel.leave(remote, `${others.join(', ')}: one address a tunnel`)
  const own = settings.get('local_addrs')
  const [ours] = listOf(own?.value).filter((one) => parseIp(one) !== undefined)
  const found = onlyAddress(ourAddresses, String(tunnel.value('peer')))
  const local = ours ?? ourAddress ?? found
  if (ours !== undefined && own !== undefined) tunnel.set('address', ours, own)
  else if (local !== undefined) {
    tunnel.assume('address', local, 'ours')
    if (ourAddress === undefined) tunnel.remark(addressOfHost(local))
  } else tunnel.remark('Our address is not said: set gateway.address, or address here.')
  if (own !== undefined && ours === undefined) tunnel.same(own, 'gateway.address')
  return { local, peer: String(tunnel.value('peer')) }
}

function identities(
  tunnel: TunnelImport,
  connection: Section,
  about: Ends & { readonly kind: 'psk' | 'certificate'; readonly isAggressive: boolean },
): void {
  const prefix = about.kind === 'certificate' ? 'certificate.' : ''
  const own = side(connection, 'local')?.settings.get('id')
  const ours = own && swanIdentity(own.value)
  if (own !== undefined) {
    if (ours === undefined) tunnel.leave(own, 'no identity that could be sent')
    else if (ours === about.local) tunnel.same(own, 'our address is the default')
    else tunnel.set(`${prefix}id`, ours, own)
  }
  const peer = side(connection, 'remote')?.settings.get('id')
  if (peer === undefined) {
    if (about.kind === 'certificate' && about.peer !== 'any') tunnel.remark(ANY_CERTIFICATE)
    else if (about.kind === 'psk' && isNamed(about.peer))
      tunnel.remark(
        `Any identity of the peer was accepted; here it must send its address. If it sends its name: peer-id: {sends: ${about.peer}}.`,
      )
    return
  }
  const theirs = swanIdentity(peer.value)
  if (theirs === undefined && about.peer === 'any') return
  if (theirs === undefined) {
    tunnel.leave(
      peer,
      'one identity is accepted here: the address of the peer, unless peer-id says another',
    )
  } else if (theirs === about.peer && !(about.kind === 'psk' && isHostName(theirs)))
    tunnel.same(peer, 'the default here, too')
  else if (about.kind === 'psk' && !about.isAggressive && about.peer !== 'any')
    tunnel.set('peer-id.sends', theirs, peer)
  else tunnel.set(`${prefix}peer-id`, theirs, peer)
}

function times(tunnel: TunnelImport, settings: ReadonlyMap<string, Setting>): void {
  const lifetime = settings.get('rekey_time') ?? settings.get('reauth_time')
  const time = lifetime && swanTime(lifetime.value)
  if (lifetime !== undefined && time !== undefined) tunnel.lifetime(1, secondsOf(time), lifetime)
  else if (lifetime !== undefined) tunnel.leave(lifetime, 'phase 1 is always replaced here')
  else tunnel.assume('phase1.lifetime', '4h', 'default of strongSwan')
  const delay = settings.get('dpd_delay')
  const every = delay && swanTime(delay.value)
  if (delay === undefined) return
  if (every === undefined) {
    tunnel.leave(delay, 'a silent peer is always asked here')
    return
  }
  const timeout = settings.get('dpd_timeout')
  const giveUp = timeout && swanTime(timeout.value)
  if (timeout !== undefined && giveUp !== undefined) tunnel.take('dead-peer.give-up-after', timeout)
  tunnel.deadPeer(secondsOf(every), giveUp === undefined ? undefined : secondsOf(giveUp), delay)
}

/** The first round of authentication of one side. */
function side(connection: Section, which: 'local' | 'remote'): Section | undefined {
  return [...connection.sections.values()].find(({ name }) => name.startsWith(which))
}

function listOf(text = ''): readonly string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

function* everyStatement(section: Section): Generator<Origin> {
  yield* section.settings.values()
  for (const inner of section.sections.values()) yield* everyStatement(inner)
}

/** Sections beside connections and secrets: what no tunnel took anything of, and of CAs all that none took. */
function elsewhere(root: Section, tunnels: readonly ImportedTunnel[]): readonly Note[] {
  const known = ['connections', 'secrets', 'pools', 'authorities']
  const others = [...root.sections].filter(([name]) => !known.includes(name))
  const authorities = [...(root.sections.get('authorities')?.sections.values() ?? [])]
  return unusedNotes(
    [
      ...others.map(([, section]) => [section.at, ...everyStatement(section)]),
      ...authorities.flatMap((section) => [...everyStatement(section)].map((one) => [one])),
    ],
    tunnels,
  ).map((note) => {
    const isOfAuthority = /^\s*(?:crl|ocsp|cert)_uri/.test(note.origin.text)
    return isOfAuthority ? { ...note, why: FROM_CERTIFICATES } : note
  })
}

const FROM_CERTIFICATES =
  'lists and responders are taken from where the certificates say; certificate.crl names files'
