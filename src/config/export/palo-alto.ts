import { formatIdentity } from '#policy/identity'
import type { EspSuite, IkeSuite } from '#policy/proposal'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import type { FarEnd } from './far-end.ts'
import { lackingSuites, lifetimeWithin, onePortOnly, pfsWithin } from './limits.ts'
import { cipherOf, groupNumber, hashOf, isAead, plainName, prefixOf } from './words.ts'

/** PAN-OS in `set` form: profiles, gateway, tunnel, and a Proxy ID for each pair. */
export function exportPaloAlto(far: FarEnd): Exported {
  const name = `CW-${plainName(far.name, 24)}`
  const ike = `set network ike crypto-profiles ike-crypto-profiles ${name}`
  const esp = `set network ike crypto-profiles ipsec-crypto-profiles ${name}`
  const gateway = `set network ike gateway ${name}`
  const tunnel = `set network tunnel ipsec ${name}`
  const one = far.phase1.suites.map((suite) => ({ suite, words: ikeWords(suite) }))
  const two = far.phase2.suites.map((suite) => ({ suite, words: espWords(suite) }))
  const distinct = (words: readonly (string | undefined)[]) =>
    bracketed([...new Set(words.filter((word) => word !== undefined))])
  const { kilobytes } = far.phase2
  const pfs = pfsWithin('PAN-OS', far.phase2.pfs, GROUPS)
  const lives = [
    lifetimeWithin('PAN-OS', 1, far.phase1.seconds, LIFETIMES),
    lifetimeWithin('PAN-OS', 2, far.phase2.seconds, LIFETIMES),
  ] as const
  const cbc = two.flatMap(({ words }) => words?.hash ?? []).filter((hash) => hash !== 'none')
  const lines = [
    `${ike} encryption ${distinct(one.map(({ words }) => words?.encryption))}`,
    `${ike} hash ${distinct(one.map(({ words }) => words?.hash))}`,
    `${ike} dh-group ${distinct(one.map(({ words }) => words?.group))}`,
    `${ike} lifetime ${lifetimeWords(lives[0].value)}`,
    `${esp} esp encryption ${distinct(two.map(({ words }) => words?.encryption))}`,
    // GCM takes no notice of it, and none beside another would be ESP without integrity.
    `${esp} esp authentication ${distinct(cbc.length === 0 ? ['none'] : cbc)}`,
    `${esp} dh-group ${pfs.value === undefined ? 'no-pfs' : `group${pfs.value}`}`,
    `${esp} lifetime ${lifetimeWords(lives[1].value)}`,
    ...(kilobytes === undefined ? [] : [`${esp} lifesize ${volumeWords(kilobytes)}`]),
    `${gateway} protocol version ikev1`,
    `${gateway} protocol ikev1 exchange-mode ${far.isAggressive ? 'aggressive' : 'main'}`,
    `${gateway} protocol ikev1 ike-crypto-profile ${name}`,
    `${gateway} protocol ikev1 dpd enable yes interval ${Math.min(100, Math.max(2, far.probeEvery))} retry ${Math.min(100, Math.max(2, Math.round(far.giveUpAfter / far.probeEvery)))}`,
    `${gateway} protocol-common nat-traversal enable yes`,
    `${gateway} local-address interface OUTSIDE`,
    `${gateway} peer-address ip ${far.remote}`,
    ...(far.isLocalIdAddress ? [] : [`${gateway} local-id ${identityWords(far.localId)}`]),
    ...(far.isRemoteIdAddress ? [] : [`${gateway} peer-id ${identityWords(far.remoteId)}`]),
    far.isPsk
      ? `${gateway} authentication pre-shared-key key ${far.key}`
      : `${gateway} authentication certificate local-certificate name YOUR-CERTIFICATE`,
    `set network interface tunnel units tunnel.100${far.innerAddress === undefined ? '' : ` ip ${far.innerAddress.address}/${far.innerAddress.bits}`}`,
    `${tunnel} tunnel-interface tunnel.100`,
    `${tunnel} auto-key ike-gateway ${name}`,
    `${tunnel} auto-key ipsec-crypto-profile ${name}`,
    ...(far.isRouteBased
      ? []
      : far.pairs.map(
          ({ local, remote }, i) =>
            `${tunnel} auto-key proxy-id pair${i + 1} protocol ${protocolWords(local, remote)} local ${prefixText(local)} remote ${prefixText(remote)}`,
        )),
  ]
  return {
    comment: '#',
    lines,
    byHand: [
      ...lackingSuites('PAN-OS', one, two),
      ...pfs.say,
      ...lives.flatMap(({ say }) => say),
      ...onePortOnly('PAN-OS', far.pairs),
      ...(far.local === undefined
        ? []
        : [
            `Where the outside interface has several addresses: ${gateway} local-address ip ${far.local}/LENGTH, with the length it has there.`,
          ]),
      ...(far.isPsk
        ? []
        : ['A certificate profile with our CA belongs to the gateway, too (certificate-profile).']),
      'Put the outside interface where OUTSIDE stands, and a free unit in place of tunnel.100.',
      'tunnel.100 needs a zone and a virtual router with a route to the remote networks; security policies between zones.',
      ...(far.isTransport ? ['Transport mode: PAN-OS has tunnel mode only.'] : []),
    ],
  }
}

function ikeWords(
  suite: IkeSuite,
): { encryption: string; hash: string; group: string } | undefined {
  const { family, bits } = cipherOf(suite)
  const group = groupNumber(suite.keyExchange)
  if (family === 'other' || !GROUPS.includes(group)) return undefined
  return {
    encryption: family === '3des' ? '3des' : `aes-${bits}-cbc`,
    hash: suite.hash,
    group: `group${group}`,
  }
}

const GROUPS: readonly number[] = [1, 2, 5, 14, 15, 16, 19, 20, 21]

function espWords(suite: EspSuite): { encryption: string; hash: string } | undefined {
  const { family, bits, mode } = cipherOf(suite)
  if (suite.esn || family === 'chacha20' || family === 'other') return undefined
  if (isAead(suite))
    return mode === 'gcm16' && bits !== 192
      ? { encryption: `aes-${bits}-gcm`, hash: 'none' }
      : undefined
  if (mode !== 'cbc') return undefined
  return {
    encryption: family === '3des' ? '3des' : `aes-${bits}-cbc`,
    hash: hashOf(suite) ?? 'none',
  }
}

/** Each number has 16 bits: the smallest unit in which it is exact, or for volumes whole. */
function lifetimeWords(seconds: number): string {
  if (seconds <= MOST_COUNT) return `seconds ${seconds}`
  return seconds % 3_600 === 0 ? `hours ${seconds / 3_600}` : `minutes ${Math.floor(seconds / 60)}`
}

function volumeWords(kilobytes: number): string {
  const units = ['kb', 'mb', 'gb', 'tb']
  let [count, unit] = [kilobytes, 0]
  while (count > MOST_COUNT && unit < units.length - 1) {
    count = Math.ceil(count / 1_024)
    unit++
  }
  return `${units[unit]} ${count}`
}

const MOST_COUNT = 65_535
/** Seconds; a year at most. */
const LIFETIMES: readonly [number, number] = [180, 31_536_000]

function identityWords(id: FarEnd['localId']): string {
  const text = formatIdentity(id).replace(/^@|^keyid:/, '')
  const type = {
    address: 'ipaddr',
    fqdn: 'fqdn',
    'user-fqdn': 'ufqdn',
    'key-id': 'keyid',
    dn: 'dn',
  }[id.kind]
  return `type ${type} id ${/\s/.test(text) ? JSON.stringify(text) : text}`
}

function protocolWords(local: TrafficSelector, remote: TrafficSelector): string {
  const port = ({ startPort, endPort }: TrafficSelector) => (startPort === endPort ? startPort : 0)
  if (local.protocol === 0) return 'any'
  const name = { 6: 'tcp', 17: 'udp' }[local.protocol]
  if (name === undefined) return `number ${local.protocol}`
  return `${name} local-port ${port(local)} remote-port ${port(remote)}`
}

function prefixText(selector: TrafficSelector): string {
  const prefix = prefixOf(selector)
  return prefix === undefined
    ? `${selector.start}-${selector.end}`
    : `${prefix.address}/${prefix.bits}`
}

function bracketed(words: readonly string[]): string {
  const [only = ''] = words
  return words.length === 1 ? only : `[ ${words.join(' ')} ]`
}
