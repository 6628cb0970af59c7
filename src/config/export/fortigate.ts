import { formatIdentity } from '#policy/identity'
import type { EspSuite, IkeSuite } from '#policy/proposal'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import type { FarEnd } from './far-end.ts'
import { lackingSuites, lifetimeWithin, onePortOnly, pfsWithin } from './limits.ts'
import {
  cipherOf,
  groupNumber,
  hashOf,
  isV4,
  maskOf,
  plainName,
  prefixOf,
  quoted,
} from './words.ts'

/** FortiOS: an interface-based phase 1 with a phase 2 for each pair. */
export function exportFortigate(far: FarEnd): Exported {
  const name = plainName(far.name, 13)
  const phase1 = far.phase1.suites.map((suite) => ({ suite, words: ikeWords(suite) }))
  const phase2 = far.phase2.suites.map((suite) => ({ suite, words: espWords(suite) }))
  const usable = phase1.filter(({ words }) => words !== undefined)
  const groups = [...new Set(usable.map(({ suite }) => groupNumber(suite.keyExchange)))]
  const pfs = pfsWithin('FortiOS', far.phase2.pfs, GROUPS)
  const life = lifetimeWithin('FortiOS', 1, far.phase1.seconds, [120, 172_800])
  const lines = [
    'config vpn ipsec phase1-interface',
    `    edit ${quoted(name)}`,
    '        set interface "wan1"',
    '        set ike-version 1',
    `        set mode ${far.isAggressive ? 'aggressive' : 'main'}`,
    ...(far.local === undefined ? [] : [`        set local-gw ${far.local}`]),
    `        set remote-gw ${far.remote}`,
    ...identityLines(far),
    `        set proposal ${distinct(phase1.map(({ words }) => words)).join(' ')}`,
    `        set dhgrp ${groups.join(' ')}`,
    `        set keylife ${life.value}`,
    `        set nattraversal ${far.isEncapsulationForced ? 'forced' : 'enable'}`,
    '        set dpd on-idle',
    `        set dpd-retryinterval ${far.probeEvery}`,
    `        set dpd-retrycount ${Math.min(10, Math.max(1, Math.round(far.giveUpAfter / far.probeEvery)))}`,
    ...(far.isPsk
      ? ['        set authmethod psk', `        set psksecret ${quoted(far.key)}`]
      : ['        set authmethod signature', '        set certificate "YOUR-CERTIFICATE"']),
    '    next',
    'end',
    'config vpn ipsec phase2-interface',
    ...far.pairs.flatMap(({ local, remote }, i) => [
      `    edit ${quoted(i === 0 ? name : `${name}-${i + 1}`)}`,
      `        set phase1name ${quoted(name)}`,
      `        set proposal ${distinct(phase2.map(({ words }) => words)).join(' ')}`,
      ...(pfs.value === undefined
        ? ['        set pfs disable']
        : ['        set pfs enable', `        set dhgrp ${pfs.value}`]),
      ...(far.phase2.kilobytes === undefined
        ? ['        set keylife-type seconds']
        : ['        set keylife-type both', `        set keylifekbs ${far.phase2.kilobytes}`]),
      `        set keylifeseconds ${far.phase2.seconds}`,
      ...(far.isTransport ? ['        set encapsulation transport-mode'] : []),
      ...selectorLines('src', local),
      ...selectorLines('dst', remote),
      ...(local.protocol === 0 ? [] : [`        set protocol ${local.protocol}`]),
      `        set auto-negotiate ${far.start === 'begins' ? 'enable' : 'disable'}`,
      '    next',
    ]),
    'end',
  ]
  return {
    comment: '#',
    lines,
    byHand: [
      ...lackingSuites('FortiOS', phase1, phase2),
      ...pfs.say,
      ...life.say,
      ...onePortOnly('FortiOS', far.pairs),
      ...(groups.length > 1 ? ['FortiOS offers every proposal with every group.'] : []),
      'Put the outside interface in place of wan1.',
      'A static route for each remote network into this interface, and a firewall policy for each direction.',
    ],
  }
}

function identityLines(far: FarEnd): readonly string[] {
  const { localId, remoteId } = far
  return [
    ...(far.isLocalIdAddress
      ? []
      : [
          `        set localid-type ${localId.kind === 'address' ? 'address' : localId.kind === 'fqdn' ? 'fqdn' : localId.kind === 'user-fqdn' ? 'user-fqdn' : localId.kind === 'key-id' ? 'keyid' : 'asn1dn'}`,
          ...(localId.kind === 'dn' ? [] : [`        set localid ${quoted(plainId(localId))}`]),
        ]),
    ...(far.isRemoteIdAddress
      ? ['        set peertype any']
      : ['        set peertype one', `        set peerid ${quoted(plainId(remoteId))}`]),
  ]
}

function plainId(id: FarEnd['localId']): string {
  return formatIdentity(id).replace(/^@|^keyid:/, '')
}

function selectorLines(which: 'src' | 'dst', selector: TrafficSelector): readonly string[] {
  const { startPort, endPort, start, end } = selector
  const prefix = prefixOf(selector)
  const six = isV4(selector) ? '' : '6'
  const range =
    prefix === undefined
      ? [
          `        set ${which}-addr-type range${six}`,
          `        set ${which}-start-ip${six} ${start}`,
          `        set ${which}-end-ip${six} ${end}`,
        ]
      : isV4(selector)
        ? [`        set ${which}-subnet ${prefix.address} ${maskOf(prefix.bits)}`]
        : [
            `        set ${which}-addr-type subnet6`,
            `        set ${which}-subnet6 ${prefix.address}/${prefix.bits}`,
          ]
  const isOnePort = startPort === endPort && startPort !== 0
  return [...range, ...(isOnePort ? [`        set ${which}-port ${startPort}`] : [])]
}

function ikeWords(suite: IkeSuite): string | undefined {
  const { family, bits } = cipherOf(suite)
  if (family === 'other' || !GROUPS.includes(groupNumber(suite.keyExchange))) return undefined
  return `${family === '3des' ? '3des' : `aes${bits}`}-${suite.hash}`
}

const GROUPS: readonly number[] = [1, 2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 27, 28, 29, 30, 31, 32]

function espWords(suite: EspSuite): string | undefined {
  const { family, bits, mode } = cipherOf(suite)
  if (suite.esn) return undefined
  if (family === 'chacha20') return 'chacha20poly1305'
  if (mode === 'gcm16' && bits !== 192) return `aes${bits}gcm`
  if (mode !== 'cbc' || family === 'other') return undefined
  return `${family === '3des' ? '3des' : `aes${bits}`}-${hashOf(suite)}`
}

function distinct(words: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(words.filter((word) => word !== undefined))]
}
