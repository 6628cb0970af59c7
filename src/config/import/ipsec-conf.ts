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
import { type CertificateSides, importIpsecCertificates } from './ipsec-certificates.ts'
import { assumeIdentity, type Family, familyOf, nameOf } from './ipsec-family.ts'
import { effective, type IpsecSection, type IpsecSetting, readIpsecLines } from './ipsec-lines.ts'
import { type IpsecSecret, readIpsecSecrets, secretFor } from './ipsec-secrets.ts'
import { importIpsecTraffic } from './ipsec-traffic.ts'
import { importIpsecXauth } from './ipsec-xauth.ts'
import { readIkeProposals } from './proposal-text.ts'
import { joinSameGateways } from './same-gateways.ts'
import {
  addressOfHost,
  filledIn,
  isYes,
  LIBRESWAN_FILLS_IN,
  NO_SCRIPTS,
  noAddressOfPeer,
  ON_TOKEN,
  ONE_KEY_FOR_ALL,
  OWN_INTERFACE,
  onlyAddress,
  RAW_KEYS,
  secondsOf,
  swanIdentity,
  swanTime,
  takeAnyone,
  unnamedPeers,
} from './swan-values.ts'
import { TunnelImport, TunnelNames } from './tunnel-import.ts'
import { unusedNotes } from './unused.ts'

/** Reads an ipsec.conf with its ipsec.secrets; both families of it look alike and mean different things. */
export function importIpsecConf(
  source: SourceText,
  secretTexts: readonly SourceText[],
  files: Files,
  options: ImportOptions & { readonly family?: Family },
): Imported {
  const { sections, notes } = readIpsecLines(source, files)
  const family = options.family ?? familyOf(sections)
  const read = secretTexts.map((text) => readIpsecSecrets(text, files))
  const secrets = read.flatMap((one) => one.secrets)
  const conns = sections.filter(({ kind, name }) => kind === 'conn' && name !== '%default')
  const bases = new Set(
    sections.flatMap(({ settings }) =>
      settings.flatMap(({ key, value }) => (key === 'also' ? value.split(/[\s,]+/) : [])),
    ),
  )
  const authorities = sections.filter(({ kind }) => kind === 'ca')
  const names = new TunnelNames()
  const tunnels: ImportedTunnel[] = []
  const skipped: SkippedTunnel[] = []
  for (const conn of conns.slice(0, MOST_TUNNELS)) {
    const settings = effective(conn, sections)
    // What others are built on and is not loaded itself is no connection.
    const isLoaded = settings.has('auto') && settings.has('left') && settings.has('right')
    if (bases.has(conn.name) && !isLoaded) continue
    const tunnel = new TunnelImport(names.fresh(conn.name), conn.at)
    const context = { ...options, family, files, authorities }
    const why = importConn(tunnel, settings, secrets, context)
    if (why === undefined) tunnels.push(tunnel.done())
    else skipped.push({ name: conn.name, at: conn.at, why })
  }
  const format = family === 'libreswan' ? 'libreswan' : 'strongswan-ipsec'
  const others = [...setupNotes(sections, tunnels), ...read.flatMap((one) => one.notes)]
  return {
    format,
    tunnels: joinSameGateways(tunnels),
    skipped,
    notes: [
      ...notes,
      ...others,
      ...unusedNotes(
        secrets.map((secret) => [secret]),
        tunnels,
        placeOf,
      ),
    ],
    otherLines: 0,
  }
}

type Conn = ReadonlyMap<string, IpsecSetting>
type Side = 'left' | 'right'
type Context = ImportOptions & {
  readonly family: Family
  readonly files: Files
  /** Sections `ca`. */
  readonly authorities: readonly IpsecSection[]
}

/** @returns why the connection is no tunnel of ours */
function importConn(
  tunnel: TunnelImport,
  conn: Conn,
  secrets: readonly IpsecSecret[],
  context: Context,
): string | undefined {
  const { family } = context
  const type = conn.get('type')?.value ?? 'tunnel'
  if (!/^(?:tunnel|transport)$/i.test(type)) return `type=${type}: no tunnel`
  const version = versionOf(conn, family)
  if (version.why !== undefined) return version.why
  const aggressive = conn.get('aggressive') ?? conn.get('aggrmode')
  const isAggressive = aggressive !== undefined && isYes(aggressive.value)
  const said = [...version.settings, aggressive].filter((one) => one !== undefined)
  tunnel.set('ike', isAggressive ? 'v1-aggressive' : 'v1-main', ...said)
  if (version.both)
    tunnel.remark(
      'The connection speaks IKEv2 as well; here it is IKEv1 only: the peer must speak that.',
    )
  const own = ourSide(tunnel, conn, context)
  const ends = endsOf(tunnel, conn, own, context)
  if ('why' in ends) return ends.why
  const why = authentication(tunnel, conn, own, secrets, { ...ends, isAggressive, ...context })
  if (why !== undefined) return why
  const proposals = conn.get('ike')
  const isOpen = family === 'strongswan' && proposals?.value.trim().endsWith('!') === false
  const fill = family === 'libreswan' ? LIBRESWAN_FILLS_IN : undefined
  const ike = proposals && readIkeProposals(proposals.value, fill)
  if (proposals !== undefined && ike?.suites.length === 0 && isOpen) {
    // Without `!` strongSwan offers its defaults behind what is written.
    for (const one of ike.refused) tunnel.leave(proposals, one)
    tunnel.remark('Phase 1 has the default proposals of Causeway: of those written none can be.')
  } else if (proposals === undefined || ike === undefined) {
    tunnel.remark(
      `Phase 1 has the default proposals of Causeway, because ike= is not written: those of ${nameOf(family)} are others.`,
    )
  } else {
    const { suites, refused, filled } = ike
    if (filled.length > 0) tunnel.remark(filledIn(filled, 'ike'))
    if (suites.length === 0) return `ike=: none of it can be IKEv1 (${refused.join('; ')})`
    tunnel.set('phase1.propose', suites.length === 1 ? (suites[0] ?? '') : suites, proposals)
    for (const one of refused) tunnel.leave(proposals, one)
  }
  const lifetime = conn.get('ikelifetime')
  const time = lifetime && swanTime(lifetime.value)
  if (lifetime !== undefined && time !== undefined) tunnel.lifetime(1, secondsOf(time), lifetime)
  else
    tunnel.assume(
      'phase1.lifetime',
      family === 'libreswan' ? '8h' : '3h',
      `default of ${nameOf(family)}`,
    )
  deadPeer(tunnel, conn)
  const traffic = importIpsecTraffic(tunnel, conn, own, ends, family)
  if (traffic !== undefined) return traffic
  for (const [key, setting] of conn) {
    const same = SAME.find(([pattern]) => pattern.test(key))
    if (same !== undefined) tunnel.same(setting, same[1])
  }
  const forced = conn.get('forceencaps') ?? conn.get('encapsulation')
  if (forced !== undefined && isYes(forced.value)) tunnel.set('encapsulation', 'force', forced)
  else if (forced !== undefined) tunnel.same(forced)
  for (const key of ['leftupdown', 'rightupdown']) {
    const updown = conn.get(key)
    if (updown !== undefined) tunnel.leave(updown, NO_SCRIPTS)
  }
  tunnel.account(conn.values(), 'no equivalent here')
  return undefined
}

/** What needs no line here. */
const SAME: readonly (readonly [RegExp, string])[] = [
  [/^also /, 'its lines are taken in'],
  [
    /^(?:keyingtries|rekey|retransmit-|rekeymargin|margintime|rekeyfuzz)/,
    'start and the lifetimes say it here',
  ],
  [/^(?:fragmentation|ike_frag)/, 'on here whenever the peer knows it'],
  [/^(?:left|right)nexthop$/, 'the routes of the host say it'],
  [/^(?:left|right)(?:firewall|hostaccess)$/, 'the packet filter of the host decides'],
  [/^mobike$/, 'a part of IKEv2'],
  [/^(?:reauth|uniqueids|initial[-_]contact)$/, 'so here, too'],
  [/^(?:(?:left|right)sendcert|send-?ca|sendca)$/, 'sent here whenever certificates are used'],
  [/^(?:left|right)(?:rsasigkey|sigkey|pubkey)$/, 'certificate says it'],
  [/^(?:closeaction|inactivity)$/, 'start says it here'],
  [/^(?:vti-.*|ipsec-interface|mark(?:_in|_out|-in|-out)?|installpolicy)$/, OWN_INTERFACE],
  [/^(?:left|right)modecfg(?:client|server)$/, 'mode-config says it, where there is one'],
  [
    /^(?:remote[-_]peer[-_]type|cisco-unity|nat-ikev1-method|sha2-truncbug)$/,
    'known by what the peer says',
  ],
]

function versionOf(
  conn: Conn,
  family: Family,
): { readonly settings: readonly IpsecSetting[]; readonly both: boolean; readonly why?: string } {
  const exchange = conn.get('keyexchange')
  const ikev2 = conn.get('ikev2')
  const settings = [exchange, ikev2].filter((one) => one !== undefined)
  if (ikev2 !== undefined) {
    const isV1 = /^(?:no|never|0|off)$/i.test(ikev2.value)
    const both = /^permit$/i.test(ikev2.value)
    const why = isV1 || both ? {} : { why: `ikev2=${ikev2.value}: ${NO_IKEV2}` }
    return { settings, both, ...why }
  }
  const word = exchange?.value.toLowerCase() ?? ''
  if (word === 'ikev1') return { settings, both: false }
  if (word === 'ikev2') return { settings, both: false, why: `keyexchange=ikev2: ${NO_IKEV2}` }
  if (family === 'libreswan')
    return { settings, both: false, why: `without keyexchange=ikev1 it is IKEv2: ${NO_IKEV2}` }
  return { settings, both: true }
}

const NO_IKEV2 = 'IKEv2 is not in this version of Causeway yet'

/** Left is ours by convention; the other way round where only right is an address of ours, or where left can be anywhere. */
function ourSide(tunnel: TunnelImport, conn: Conn, { ourAddresses }: Context): Side {
  const value = (side: Side) => conn.get(side)?.value ?? ''
  const isOurs = (side: Side) =>
    ourAddresses.includes(parseIp(value(side)) ?? '') || value(side) === '%defaultroute'
  if (isOurs('left') !== isOurs('right')) return isOurs('left') ? 'left' : 'right'
  if (/^%any/.test(value('left')) && parseIp(value('right')) === undefined) return 'left'
  if (parseIp(value('left')) !== undefined && parseIp(value('right')) !== undefined) {
    tunnel.remark(
      'Neither address is one of this host: left is taken for ours. Say --our-address to turn it.',
    )
  }
  return 'left'
}

export type IpsecEnds = { readonly local: string | undefined; readonly peer: string }

function endsOf(
  tunnel: TunnelImport,
  conn: Conn,
  own: Side,
  { ourAddress, ourAddresses }: Context,
): IpsecEnds | { readonly why: string } {
  const theirs = conn.get(own === 'left' ? 'right' : 'left')
  const ours = conn.get(own)
  const address = theirs?.value.replace(/^%(?=\d)/, '') ?? '%any'
  if (
    theirs !== undefined &&
    /^%(?!any|group|opp|defaultroute)[a-z\d.-]+\.[a-z\d-]+$/i.test(address)
  ) {
    tunnel.set('peer', 'any', theirs)
    tunnel.remark(
      `${theirs.text.trim()} is called at that name and taken from anywhere; here it is waited for. To call it, too, write peer: ${address.slice(1)} and peer-moves: allow.`,
    )
  } else if (/^%any6?$|^%group$|^0\.0\.0\.0$|^%opportunistic/.test(address))
    tunnel.set('peer', 'any', ...(theirs === undefined ? [] : [theirs]))
  else if (theirs === undefined || !isHost(address)) {
    return { why: `${theirs?.key ?? own}=${address}: ${noAddressOfPeer(address)}` }
  } else tunnel.set('peer', address, theirs)
  const local = parseIp(ours?.value ?? '')
  const found = onlyAddress(ourAddresses, String(tunnel.value('peer')))
  if (local !== undefined && ours !== undefined) tunnel.set('address', local, ours)
  else if (ourAddress !== undefined) tunnel.assume('address', ourAddress, 'ours')
  else if (found !== undefined) {
    tunnel.assume('address', found, 'ours')
    tunnel.remark(addressOfHost(found))
  } else tunnel.remark('Our address is not said: set gateway.address, or address here.')
  if (ours !== undefined && local === undefined) tunnel.same(ours, 'gateway.address')
  return { local: local ?? ourAddress ?? found, peer: String(tunnel.value('peer')) }
}

function authentication(
  tunnel: TunnelImport,
  conn: Conn,
  own: Side,
  secrets: readonly IpsecSecret[],
  about: IpsecEnds & Context & { readonly isAggressive: boolean },
): string | undefined {
  const other: Side = own === 'left' ? 'right' : 'left'
  const [mine, theirs] = [conn.get(`${own}auth`), conn.get(`${other}auth`)]
  const authby = conn.get('authby')
  const ways = [mine?.value ?? authby?.value, theirs?.value ?? authby?.value].map(
    (way) => way?.toLowerCase() ?? (about.family === 'libreswan' ? 'rsasig' : 'pubkey'),
  )
  const isPsk = ways.every((way) => /^(?:secret|psk|xauthpsk|sharedsecret)$/.test(way))
  const login = ways.findIndex((way) => /^xauth(?:-|$)/.test(way))
  const sides: CertificateSides = login === 0 ? 'theirs' : login === 1 ? 'ours' : 'both'
  const signing = ways.filter((_, i) => i !== login)
  if (!isPsk && signing.some((way) => !/^(?:rsa|pubkey|ecdsa|xauthrsasig|rsasig|x509)/.test(way)))
    return `authby ${[...new Set(ways)].join(' and ')}: not an authentication of IKEv1 that is here`
  for (const one of [mine, theirs, authby])
    if (one !== undefined) tunnel.take(isPsk ? 'psk' : 'certificate', one)
  const elsewhere = isPsk ? undefined : keyElsewhere(conn, own, about.family)
  if (elsewhere !== undefined) return elsewhere
  const users = importIpsecXauth(tunnel, conn, own, secrets, { ...about, ways })
  if (users !== undefined) return users
  const [id, peerId] = [conn.get(`${own}id`), conn.get(`${other}id`)]
  const prefix = isPsk ? '' : 'certificate.'
  const [ours, peers] = [id && swanIdentity(id.value), peerId && swanIdentity(peerId.value)]
  if (id !== undefined) {
    if (ours === undefined && id.value.startsWith('%'))
      tunnel.same(id, 'from our certificate, or our address')
    else if (ours === undefined) tunnel.leave(id, 'no identity that could be sent')
    else if (ours === about.local) tunnel.same(id, 'our address is the default')
    else tunnel.set(`${prefix}id`, ours, id)
  }
  if (peerId !== undefined && (peers !== undefined || about.peer !== 'any')) {
    if (peers === undefined)
      tunnel.leave(
        peerId,
        'one identity is accepted here: the address of the peer, unless peer-id says another',
      )
    else if (peers === about.peer && !(isPsk && isHostName(peers)))
      tunnel.same(peerId, 'the default here, too')
    else if (isPsk && !about.isAggressive && about.peer !== 'any')
      tunnel.set('peer-id.sends', peers, peerId)
    else tunnel.set(`${prefix}peer-id`, peers, peerId)
  }
  if (peerId === undefined && isPsk) assumeIdentity(tunnel, about)
  if (about.peer === 'any') {
    const kind = isPsk ? 'psk' : sides === 'ours' ? undefined : 'certificate'
    if (peers === undefined && !takeAnyone(tunnel, kind, peerId)) return unnamedPeers(`${other}id=`)
    if (isPsk && !about.isAggressive) tunnel.remark(ONE_KEY_FOR_ALL)
  }
  if (!isPsk) {
    importIpsecCertificates(tunnel, conn, { own, other, sides }, { ...about, secrets })
    return undefined
  }
  const found = secretFor(secrets, 'psk', [
    id?.value ?? about.local,
    peerId?.value ?? about.peer,
    about.local,
    about.peer,
  ])
  if (found?.secret !== undefined) tunnel.givePsk(found.secret, found)
  else {
    tunnel.assume('psk', `file:keys/${tunnel.name}.psk`, 'not found')
    tunnel.remark(
      'No key for it was found: name ipsec.secrets beside ipsec.conf, or write the file.',
    )
  }
  return undefined
}

/** Public keys without certificates, and keys that are in no file. @returns why they cannot be here */
function keyElsewhere(conn: Conn, own: Side, family: Family): string | undefined {
  const onToken = conn.get(`${own}cert`)
  if (onToken?.value.startsWith('%') === true) return `${onToken.key}=${onToken.value}: ${ON_TOKEN}`
  if (conn.has('leftcert') || conn.has('rightcert')) return undefined
  const key = ['leftrsasigkey', 'rightrsasigkey', 'leftsigkey', 'rightsigkey']
    .flatMap((name) => conn.get(name) ?? [])
    .find(({ value }) => !value.startsWith('%cert'))
  if (key !== undefined) return `${key.key}=: ${RAW_KEYS}`
  return family === 'libreswan'
    ? `without ${own}cert= it signs with a raw key: ${RAW_KEYS}`
    : undefined
}

function deadPeer(tunnel: TunnelImport, conn: Conn): void {
  const action = conn.get('dpdaction')
  const delay = conn.get('dpddelay')
  const every = delay && swanTime(delay.value)
  if (action !== undefined)
    tunnel.same(action, 'start says it here: respond clears, on-traffic holds, always restarts')
  if (delay === undefined || every === undefined) {
    if (delay !== undefined) tunnel.leave(delay, 'a silent peer is always asked here')
    return
  }
  const timeout = conn.get('dpdtimeout')
  const giveUp = timeout && swanTime(timeout.value)
  if (timeout !== undefined && giveUp !== undefined) tunnel.take('dead-peer.give-up-after', timeout)
  tunnel.deadPeer(secondsOf(every), giveUp === undefined ? undefined : secondsOf(giveUp), delay)
}

/** Secrets are copied on their way into a tunnel. */
function placeOf({ file, line }: Origin): string {
  return `${file}:${line}`
}

function setupNotes(
  sections: readonly IpsecSection[],
  tunnels: readonly ImportedTunnel[],
): readonly Note[] {
  const taken = new Set(tunnels.flatMap(({ notes }) => notes.map(({ origin }) => origin)))
  return sections
    .filter(({ kind }) => kind !== 'conn')
    .flatMap(({ kind, settings }) =>
      settings
        .filter((origin) => !taken.has(origin))
        .map((origin) => ({
          origin,
          kind: 'left-out' as const,
          why:
            kind === 'ca' ? 'CAs are named by each tunnel: certificate.trust' : 'about the daemon',
        })),
    )
}
