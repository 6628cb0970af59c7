import { formatIdentity } from '#policy/identity'
import type { EspSuite, IkeSuite } from '#policy/proposal'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import type { FarEnd } from './far-end.ts'
import { lackingSuites, lifetimeWithin, pfsWithin } from './limits.ts'
import { cipherOf, groupNumber, hashOf, plainName, prefixOf, quoted } from './words.ts'

/** Junos on SRX, in `set` form: a tunnel over st0 with a traffic selector for each pair. */
export function exportJuniperSrx(far: FarEnd): Exported {
  const name = `CW-${plainName(far.name, 24)}`
  const one = far.phase1.suites.map((suite) => ({ suite, words: ikeWords(suite) }))
  const two = far.phase2.suites.map((suite) => ({ suite, words: espWords(suite) }))
  const first = one.filter(({ words }) => words !== undefined)
  const second = two.filter(({ words }) => words !== undefined)
  const numbered = (i: number) => (i === 0 ? name : `${name}-${i + 1}`)
  const lists = (list: readonly unknown[]) => list.map((_, i) => numbered(i))
  const pfs = pfsWithin('SRX', far.phase2.pfs, GROUPS)
  const lives = [
    lifetimeWithin('SRX', 1, far.phase1.seconds, LIFETIMES),
    lifetimeWithin('SRX', 2, far.phase2.seconds, LIFETIMES),
  ] as const
  const isOneWhole = far.pairs.length === 1
  const isNarrow = far.pairs.some(({ local }) => local.protocol !== 0)
  const lines = [
    ...first.flatMap(({ words = [] }, i) => [
      `set security ike proposal ${numbered(i)} authentication-method ${far.isPsk ? 'pre-shared-keys' : 'rsa-signatures'}`,
      ...words.map((word) => `set security ike proposal ${numbered(i)} ${word}`),
      `set security ike proposal ${numbered(i)} lifetime-seconds ${lives[0].value}`,
    ]),
    `set security ike policy ${name} mode ${far.isAggressive ? 'aggressive' : 'main'}`,
    `set security ike policy ${name} proposals ${bracketed(lists(first))}`,
    far.isPsk
      ? `set security ike policy ${name} pre-shared-key ascii-text ${quoted(far.key)}`
      : `set security ike policy ${name} certificate local-certificate YOUR-CERTIFICATE`,
    `set security ike gateway ${name} ike-policy ${name}`,
    `set security ike gateway ${name} address ${far.remote}`,
    `set security ike gateway ${name} external-interface OUTSIDE`,
    `set security ike gateway ${name} version v1-only`,
    `set security ike gateway ${name} dead-peer-detection interval ${Math.min(60, Math.max(10, far.probeEvery))}`,
    `set security ike gateway ${name} dead-peer-detection threshold ${Math.min(5, Math.max(1, Math.round(far.giveUpAfter / far.probeEvery)))}`,
    ...(far.isLocalIdAddress
      ? []
      : [`set security ike gateway ${name} local-identity ${identityWords(far.localId)}`]),
    ...(far.isRemoteIdAddress
      ? []
      : [`set security ike gateway ${name} remote-identity ${identityWords(far.remoteId)}`]),
    ...second.flatMap(({ words = [] }, i) => [
      `set security ipsec proposal ${numbered(i)} protocol esp`,
      ...words.map((word) => `set security ipsec proposal ${numbered(i)} ${word}`),
      `set security ipsec proposal ${numbered(i)} lifetime-seconds ${lives[1].value}`,
      ...(far.phase2.kilobytes === undefined
        ? []
        : [
            `set security ipsec proposal ${numbered(i)} lifetime-kilobytes ${far.phase2.kilobytes}`,
          ]),
    ]),
    ...(pfs.value === undefined
      ? []
      : [`set security ipsec policy ${name} perfect-forward-secrecy keys group${pfs.value}`]),
    `set security ipsec policy ${name} proposals ${bracketed(lists(second))}`,
    `set security ipsec vpn ${name} bind-interface st0.0`,
    `set security ipsec vpn ${name} ike gateway ${name}`,
    `set security ipsec vpn ${name} ike ipsec-policy ${name}`,
    ...(far.isRouteBased ? [] : pairLines(far, name, isOneWhole)),
    `set security ipsec vpn ${name} establish-tunnels ${far.start === 'begins' ? 'immediately' : 'on-traffic'}`,
    `set interfaces st0 unit 0 family inet${
      far.innerAddress === undefined
        ? ''
        : ` address ${far.innerAddress.address}/${far.innerAddress.bits}`
    }`,
    ...(far.mtu === undefined ? [] : [`set interfaces st0 unit 0 family inet mtu ${far.mtu}`]),
  ]
  return {
    comment: '#',
    lines,
    byHand: [
      ...lackingSuites('SRX', one, two),
      ...pfs.say,
      ...lives.flatMap(({ say }) => say),
      ...((far.phase2.kilobytes ?? 0) > OLD_KILOBYTES
        ? [
            'Old releases take at most 1048576 in lifetime-kilobytes: without the line ours decides.',
          ]
        : []),
      'Put the outside interface where OUTSIDE stands, and a free unit in place of st0.0.',
      'st0 needs a security zone, the outside zone host-inbound-traffic system-services ike, and policies between zones.',
      ...(far.isRouteBased || !isOneWhole
        ? []
        : [
            'Route the remote network into st0: set routing-options static route NETWORK next-hop st0.0',
          ]),
      ...(isNarrow
        ? [
            'Protocol and port cannot be said in these lines: agree on whole networks for such pairs.',
          ]
        : []),
      ...(far.isTransport ? ['Transport mode: SRX tunnels over st0 have tunnel mode only.'] : []),
    ],
  }
}

function pairLines(far: FarEnd, name: string, isOne: boolean): readonly string[] {
  return far.pairs.flatMap(({ local, remote }, i) => {
    const [ours, theirs] = [prefixText(local), prefixText(remote)]
    if (isOne) {
      return [
        `set security ipsec vpn ${name} ike proxy-identity local ${ours}`,
        `set security ipsec vpn ${name} ike proxy-identity remote ${theirs}`,
        `set security ipsec vpn ${name} ike proxy-identity service any`,
      ]
    }
    return [
      `set security ipsec vpn ${name} traffic-selector t${i + 1} local-ip ${ours}`,
      `set security ipsec vpn ${name} traffic-selector t${i + 1} remote-ip ${theirs}`,
    ]
  })
}

function prefixText(selector: TrafficSelector): string {
  const prefix = prefixOf(selector)
  return prefix === undefined
    ? `${selector.start}-${selector.end}`
    : `${prefix.address}/${prefix.bits}`
}

function identityWords(id: FarEnd['localId']): string {
  const text = formatIdentity(id).replace(/^@|^keyid:/, '')
  switch (id.kind) {
    case 'address':
      return `inet ${text}`
    case 'fqdn':
      return `hostname ${text}`
    case 'user-fqdn':
      return `user-at-hostname ${quoted(text)}`
    case 'key-id':
      return `key-id ${quoted(text)}`
    case 'dn':
      return 'distinguished-name'
  }
}

function ikeWords(suite: IkeSuite): readonly string[] | undefined {
  const { family, bits } = cipherOf(suite)
  const hash =
    suite.hash === 'sha1' || suite.hash === 'md5' ? suite.hash : `sha-${suite.hash.slice(3)}`
  if (family === 'other' || !GROUPS.includes(groupNumber(suite.keyExchange))) return undefined
  return [
    `dh-group group${groupNumber(suite.keyExchange)}`,
    `authentication-algorithm ${hash}`,
    `encryption-algorithm ${family === '3des' ? '3des-cbc' : `aes-${bits}-cbc`}`,
  ]
}

const GROUPS: readonly number[] = [1, 2, 5, 14, 15, 16, 19, 20, 21, 24]
const OLD_KILOBYTES = 1_048_576
/** Seconds. */
const LIFETIMES: readonly [number, number] = [180, 86_400]

function espWords(suite: EspSuite): readonly string[] | undefined {
  const { family, bits, mode } = cipherOf(suite)
  if (suite.esn || family === 'chacha20' || family === 'other') return undefined
  if (mode === 'gcm16') return [`encryption-algorithm aes-${bits}-gcm`]
  const hash = JUNIPER_HMACS.get(hashOf(suite) ?? '')
  if (mode !== 'cbc' || hash === undefined) return undefined
  return [
    `authentication-algorithm ${hash}`,
    `encryption-algorithm ${family === '3des' ? '3des-cbc' : `aes-${bits}-cbc`}`,
  ]
}

const JUNIPER_HMACS: ReadonlyMap<string, string> = new Map([
  ['md5', 'hmac-md5-96'],
  ['sha1', 'hmac-sha1-96'],
  ['sha256', 'hmac-sha-256-128'],
  ['sha384', 'hmac-sha-384'],
  ['sha512', 'hmac-sha-512'],
])

function bracketed(names: readonly string[]): string {
  const [only = ''] = names
  return names.length === 1 ? only : `[ ${names.join(' ')} ]`
}
