import { formatIdentity } from '#policy/identity'
import { formatIpProtocol } from '#policy/ip-protocol'
import { type EspSuite, formatEspSuite, formatIkeSuite, type IkeSuite } from '#policy/proposal'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import { type FarEnd, sendsOwnAddress } from './far-end.ts'
import { lifetimeWithin, pfsWithin } from './limits.ts'
import {
  cipherOf,
  groupNumber,
  hashOf,
  isV4,
  maskOf,
  nothingFits,
  plainName,
  prefixOf,
  wildcardOf,
} from './words.ts'

/** IOS and IOS-XE: a crypto map, or a tunnel interface where routes decide. */
export function exportCiscoIos(far: FarEnd): Exported {
  const name = plainName(far.name, 20).toUpperCase()
  const pfs = pfsWithin('IOS', far.phase2.pfs, IOS_GROUPS)
  const life = lifetimeWithin('IOS', 1, far.phase1.seconds, [60, 86_400])
  const usable = split(far.phase1.suites, iosPolicy, formatIkeSuite)
  const sets = split(far.phase2.suites, iosTransform, formatEspSuite)
  const names = sets.found.map((_, i) => `CW-${name}${i === 0 ? '' : `-${i + 1}`}`)
  const settings = [
    ...(pfs.value === undefined ? [] : [`set pfs group${pfs.value}`]),
    `set security-association lifetime seconds ${far.phase2.seconds}`,
    // Else it has 4,608,000 of them by default, and rekeys after each.
    `set security-association lifetime kilobytes ${far.phase2.kilobytes ?? 'disable'}`,
    ...(names.length === 0 ? [] : [`set transform-set ${names.join(' ')}`]),
  ]
  const access = accessLines(far, 'wildcard')
  const lines = [
    ...usable.found.flatMap((words, i) => [
      `crypto isakmp policy ${10 * (i + 1)}`,
      ...words.map((word) => ` ${word}`),
      ` authentication ${far.isPsk ? 'pre-share' : 'rsa-sig'}`,
      ` lifetime ${life.value}`,
    ]),
    ...(far.isPsk ? [`crypto isakmp key ${far.key} address ${far.remote}`] : []),
    ...(far.isAggressive ? iosAggressive(far) : []),
    `crypto isakmp keepalive ${Math.max(10, far.probeEvery)} ${retryEvery(far)} periodic`,
    ...sets.found.flatMap((words, i) => [
      `crypto ipsec transform-set ${names[i]} ${words}`,
      ` mode ${far.isTransport ? 'transport' : 'tunnel'}`,
    ]),
    ...(far.isRouteBased
      ? iosTunnel(far, name, settings)
      : iosMap(far, name, settings, access.lines)),
  ]
  return {
    comment: '!',
    lines,
    byHand: [
      ...nothingFits(1, usable.found, 'aes256-sha256-group14'),
      ...nothingFits(2, sets.found, 'aes256-sha256, pfs group14'),
      ...usable.refused.map((suite) => `IOS has no ${suite} in phase 1.`),
      ...sets.refused.map((suite) => `IOS has no ${suite} in phase 2.`),
      ...pfs.say,
      ...life.say,
      ...access.byHand,
      ...identities(far, 'crypto isakmp identity holds for all its peers'),
      ...(far.isAggressive && iosAggressive(far).length === 0
        ? ['Aggressive mode: crypto isakmp peer … with set aggressive-mode.']
        : []),
      'crypto isakmp keepalive holds for all its peers.',
      far.isRouteBased
        ? 'Put the outside interface where OUTSIDE stands.'
        : `On the outside interface: crypto map CW-${name}. What NAT there does to the networks must except them.`,
    ],
  }
}

/** ASA: a crypto map with its tunnel group. */
export function exportCiscoAsa(far: FarEnd): Exported {
  const name = plainName(far.name, 20).toUpperCase()
  const pfs = pfsWithin('ASA', far.phase2.pfs, ASA_PFS)
  const usable = split(far.phase1.suites, asaPolicy, formatIkeSuite)
  const sets = split(far.phase2.suites, asaTransform, formatEspSuite)
  const names = sets.found.map((_, i) => `CW-${name}${i === 0 ? '' : `-${i + 1}`}`)
  const access = accessLines(far, 'mask')
  const map = `crypto map OUTSIDE-MAP 10`
  const lines = [
    ...usable.found.flatMap((words, i) => [
      `crypto ikev1 policy ${10 * (i + 1)}`,
      ...words.map((word) => ` ${word}`),
      ` authentication ${far.isPsk ? 'pre-share' : 'rsa-sig'}`,
      ` lifetime ${far.phase1.seconds}`,
    ]),
    'crypto ikev1 enable outside',
    ...access.lines.map((line) => `access-list CW-${name} extended ${line}`),
    ...sets.found.flatMap((words, i) => [
      `crypto ipsec ikev1 transform-set ${names[i]} ${words}`,
      ...(far.isTransport ? [`crypto ipsec ikev1 transform-set ${names[i]} mode transport`] : []),
    ]),
    `${map} match address CW-${name}`,
    `${map} set peer ${far.remote}`,
    ...(far.isAggressive ? [`${map} set ikev1 phase1-mode aggressive`] : []),
    ...(names.length === 0 ? [] : [`${map} set ikev1 transform-set ${names.join(' ')}`]),
    ...(pfs.value === undefined ? [] : [`${map} set pfs group${pfs.value}`]),
    `${map} set security-association lifetime seconds ${far.phase2.seconds}`,
    `${map} set security-association lifetime kilobytes ${far.phase2.kilobytes ?? 'unlimited'}`,
    'crypto map OUTSIDE-MAP interface outside',
    `tunnel-group ${far.remote} type ipsec-l2l`,
    `tunnel-group ${far.remote} ipsec-attributes`,
    ...(far.isPsk ? [` ikev1 pre-shared-key ${far.key}`] : [' ikev1 trust-point YOUR-TRUSTPOINT']),
    ` isakmp keepalive threshold ${Math.max(10, far.probeEvery)} retry ${Math.min(10, Math.max(2, Math.round(far.probeEvery / 3)))}`,
  ]
  return {
    comment: '!',
    lines,
    byHand: [
      ...nothingFits(1, usable.found, 'aes256-sha1-group14'),
      ...nothingFits(2, sets.found, 'aes256-sha1, pfs group14'),
      ...usable.refused.map((suite) => `ASA has no ${suite} in phase 1 of IKEv1.`),
      ...sets.refused.map((suite) => `ASA has no ${suite} in phase 2 of IKEv1.`),
      ...pfs.say,
      ...access.byHand,
      ...identities(far, 'crypto isakmp identity holds for all its peers'),
      ...(far.isRouteBased
        ? [
            'A crypto map cannot agree on everything: agree on pairs of networks, or use a device with tunnel interfaces for IKEv1.',
          ]
        : []),
      'If OUTSIDE-MAP or another map is on the interface already, take its name and a free number.',
      'The networks must be excepted from NAT: nat (inside,outside) source static L L destination static R R no-proxy-arp route-lookup.',
    ],
  }
}

/** With a key alone: who it is then has to be said here, since the identity of IOS holds for all its peers. */
function iosAggressive(far: FarEnd): readonly string[] {
  const { remote, isPsk, key, localId } = far
  const name = formatIdentity(localId).replace(/^@/, '')
  const kinds = { address: 'ipv4-address', fqdn: 'fqdn', 'user-fqdn': 'user-fqdn' } as const
  const kind = localId.kind === 'key-id' || localId.kind === 'dn' ? undefined : localId.kind
  if (!isPsk || kind === undefined || sendsOwnAddress(far)) return []
  return [
    `crypto isakmp peer address ${remote}`,
    ` set aggressive-mode password ${key}`,
    ` set aggressive-mode client-endpoint ${kinds[kind]} ${name}`,
  ]
}

function iosMap(
  far: FarEnd,
  name: string,
  settings: readonly string[],
  access: readonly string[],
): readonly string[] {
  return [
    `ip access-list extended CW-${name}`,
    ...access.map((line) => ` ${line}`),
    `crypto map CW-${name} 10 ipsec-isakmp`,
    ` set peer ${far.remote}`,
    ...settings.map((line) => ` ${line}`),
    ` match address CW-${name}`,
  ]
}

function iosTunnel(far: FarEnd, name: string, settings: readonly string[]): readonly string[] {
  const { innerAddress: inner } = far
  return [
    `crypto ipsec profile CW-${name}`,
    ...settings.map((line) => ` ${line}`),
    'interface Tunnel100',
    inner === undefined
      ? ' ip unnumbered OUTSIDE'
      : ` ip address ${inner.address} ${maskOf(inner.bits)}`,
    ...(far.mtu === undefined ? [] : [` ip mtu ${far.mtu}`]),
    ` tunnel source ${far.local ?? 'OUTSIDE'}`,
    ` tunnel destination ${far.remote}`,
    ' tunnel mode ipsec ipv4',
    ` tunnel protection ipsec profile CW-${name}`,
  ]
}

/** `permit ip A B` for each pair, as far as a list can say it. */
function accessLines(
  far: FarEnd,
  kind: 'mask' | 'wildcard',
): { readonly lines: readonly string[]; readonly byHand: readonly string[] } {
  const lines: string[] = []
  const byHand: string[] = []
  if (far.isRouteBased) return { lines, byHand }
  for (const [i, { local, remote }] of far.pairs.entries()) {
    const [source, destination] = [side(local, kind), side(remote, kind)]
    if (source === undefined || destination === undefined)
      byHand.push(`Pair ${i + 1} is a range or IPv6, which an access list cannot say in one line.`)
    else
      lines.push(
        `permit ${local.protocol === 0 ? 'ip' : protocolWord(local.protocol)} ${source} ${destination}`,
      )
  }
  return { lines, byHand }
}

function side(selector: TrafficSelector, kind: 'mask' | 'wildcard'): string | undefined {
  const prefix = prefixOf(selector)
  if (prefix === undefined || !isV4(selector)) return undefined
  const { startPort, endPort } = selector
  const isAny = startPort === 0 && endPort === 65_535
  const ports = isAny
    ? ''
    : startPort === endPort
      ? ` eq ${startPort}`
      : ` range ${startPort} ${endPort}`
  if (prefix.bits === 0) return `any${ports}`
  if (prefix.bits === 32) return `host ${prefix.address}${ports}`
  const mask = kind === 'mask' ? maskOf(prefix.bits) : wildcardOf(prefix.bits)
  return `${prefix.address} ${mask}${ports}`
}

function identities(far: FarEnd, scope: string): readonly string[] {
  return [
    ...(far.isLocalIdAddress
      ? []
      : [`We expect the identity ${formatIdentity(far.localId)} (${scope}).`]),
    ...(far.isRemoteIdAddress ? [] : [`We send the identity ${formatIdentity(far.remoteId)}.`]),
  ]
}

function iosPolicy(suite: IkeSuite): readonly string[] | undefined {
  const { family, bits } = cipherOf(suite)
  const group = groupNumber(suite.keyExchange)
  if (family === 'other' || !IOS_GROUPS.includes(group)) return undefined
  return [
    `encryption ${family === '3des' ? '3des' : bits === 128 ? 'aes' : `aes ${bits}`}`,
    `hash ${suite.hash === 'sha1' ? 'sha' : suite.hash}`,
    `group ${group}`,
  ]
}

const IOS_GROUPS: readonly number[] = [1, 2, 5, 14, 15, 16, 19, 20, 21, 24]

function iosTransform(suite: EspSuite): string | undefined {
  const { family, bits, mode } = cipherOf(suite)
  const hash = hashOf(suite)
  if (suite.esn || family === 'chacha20' || family === 'other' || mode === 'ctr') return undefined
  if (mode === 'gcm16') return `esp-gcm${bits === 128 ? '' : ` ${bits}`}`
  if (mode !== 'cbc') return undefined
  const cipher = family === '3des' ? 'esp-3des' : `esp-aes${bits === 128 ? '' : ` ${bits}`}`
  return `${cipher} esp-${hash === 'sha1' ? 'sha' : hash}-hmac`
}

/** IKEv1 on ASA knows SHA-1 and MD5 only; SHA-2 and GCM came with its IKEv2. */
function asaPolicy(suite: IkeSuite): readonly string[] | undefined {
  const { family, bits } = cipherOf(suite)
  const hash = ASA_HASHES.get(suite.hash)
  const group = groupNumber(suite.keyExchange)
  if (family === 'other' || hash === undefined || !ASA_GROUPS.includes(group)) return undefined
  const cipher = family === '3des' ? '3des' : bits === 128 ? 'aes' : `aes-${bits}`
  return [`encryption ${cipher}`, `hash ${hash}`, `group ${group}`]
}

const ASA_GROUPS: readonly number[] = [1, 2, 5, 14]
const ASA_PFS: readonly number[] = [1, 2, 5, 14, 15, 16, 19, 20, 21, 24]
const ASA_HASHES: ReadonlyMap<string, string> = new Map([
  ['sha1', 'sha'],
  ['md5', 'md5'],
])

function asaTransform(suite: EspSuite): string | undefined {
  const { family, bits, mode } = cipherOf(suite)
  const hash = ASA_HASHES.get(hashOf(suite) ?? '')
  if (suite.esn || mode !== 'cbc' || hash === undefined || family === 'other') return undefined
  const cipher = family === '3des' ? 'esp-3des' : bits === 128 ? 'esp-aes' : `esp-aes-${bits}`
  return `${cipher} esp-${hash}-hmac`
}

function split<S, T>(
  suites: readonly S[],
  say: (suite: S) => T | undefined,
  format: (suite: S) => string,
): { readonly found: readonly T[]; readonly refused: readonly string[] } {
  const found: T[] = []
  const refused: string[] = []
  for (const suite of suites) {
    const said = say(suite)
    if (said === undefined) refused.push(format(suite))
    else found.push(said)
  }
  return { found, refused }
}

/** Both know every number, and these by the name that we have for them. */
function protocolWord(protocol: number): string {
  const name = formatIpProtocol(protocol)
  return CISCO_PROTOCOLS.has(name) ? name : `${protocol}`
}

const CISCO_PROTOCOLS: ReadonlySet<string> = new Set([
  'icmp',
  'igmp',
  'tcp',
  'udp',
  'gre',
  'esp',
  'eigrp',
  'ospf',
  'pim',
])

/** Seconds between the probes after one that was not answered: the peer is dead when five more were not. */
function retryEvery({ probeEvery, giveUpAfter }: FarEnd): number {
  return Math.min(60, Math.max(2, Math.round((giveUpAfter - probeEvery) / 5)))
}
