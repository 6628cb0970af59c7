import { keyExchange } from '#crypto/registry'
import { formatDn } from '#policy/distinguished-name'
import type { Identity } from '#policy/identity'
import { formatIdentity } from '#policy/identity'
import { formatIpProtocol } from '#policy/ip-protocol'
import type { EspSuite, IkeSuite } from '#policy/proposal'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import { type FarEnd, sendsOwnAddress } from './far-end.ts'
import { onePortOnly } from './limits.ts'
import { cipherOf, groupNumber, hashOf, nothingFits, plainName, prefixOf, quoted } from './words.ts'

/** swanctl.conf: a connection with a child for each pair, and its secret. */
export function exportSwanctl(far: FarEnd): Exported {
  const name = plainName(far.name, 60)
  const ike = far.phase1.suites.map(ikeWords).join(', ')
  const esp = far.phase2.suites.map((suite) => espWords(suite, far)).join(', ')
  const start = { begins: 'start', 'on-traffic': 'trap', waits: 'none' }[far.start]
  const dead = { begins: 'restart', 'on-traffic': 'trap', waits: 'clear' }[far.start]
  const auth = far.isPsk ? 'psk' : 'pubkey'
  const lines = [
    'connections {',
    `  ${name} {`,
    '    version = 1',
    ...(far.isAggressive ? ['    aggressive = yes'] : []),
    `    local_addrs = ${far.local ?? '%any'}`,
    `    remote_addrs = ${far.remote}`,
    `    proposals = ${ike}`,
    `    rekey_time = ${far.phase1.seconds}s`,
    `    dpd_delay = ${far.probeEvery}s`,
    `    dpd_timeout = ${far.giveUpAfter}s`,
    ...(far.isEncapsulationForced ? ['    encap = yes'] : []),
    '    local {',
    `      auth = ${auth}`,
    ...(sendsOwnAddress(far) ? [] : [`      id = ${swanId(far.localId)}`]),
    ...(far.isPsk ? [] : ['      certs = YOUR-CERTIFICATE.pem']),
    '    }',
    '    remote {',
    `      auth = ${auth}`,
    `      id = ${swanId(far.remoteId)}`,
    ...(far.isPsk ? [] : ['      cacerts = OUR-CA.pem']),
    '    }',
    '    children {',
    ...far.pairs.flatMap(({ local, remote }, i) => [
      `      ${name}${i === 0 ? '' : `-${i + 1}`} {`,
      `        local_ts = ${swanSelector(local)}`,
      `        remote_ts = ${swanSelector(remote)}`,
      ...(far.isTransport ? ['        mode = transport'] : []),
      `        esp_proposals = ${esp}`,
      `        rekey_time = ${far.phase2.seconds}s`,
      ...(far.phase2.kilobytes === undefined
        ? []
        : [`        rekey_bytes = ${far.phase2.kilobytes * 1024}`]),
      `        start_action = ${start}`,
      `        dpd_action = ${dead}`,
      '      }',
    ]),
    '    }',
    '  }',
    '}',
    ...(far.isPsk
      ? [
          '',
          'secrets {',
          `  ike-${name} {`,
          ...(sendsOwnAddress(far) ? [] : [`    id-1 = ${swanId(far.localId)}`]),
          `    id-2 = ${swanId(far.remoteId)}`,
          `    secret = ${quoted(far.key)}`,
          '  }',
          '}',
        ]
      : []),
  ]
  return {
    comment: '#',
    lines,
    byHand: [
      'Into /etc/swanctl/conf.d, mode 600, then: swanctl --load-all',
      ...(far.isAggressive && far.isPsk
        ? ['Aggressive mode: charon.i_dont_care_about_security_and_use_aggressive_mode_psk = yes.']
        : []),
      ...routeBased(far),
    ],
  }
}

/** ipsec.conf and ipsec.secrets of strongSwan's older starter. */
export function exportStrongswanIpsec(far: FarEnd): Exported {
  const name = plainName(far.name, 60)
  const esp = far.phase2.suites.map((suite) => espWords(suite, far)).join(',')
  const auto = { begins: 'start', 'on-traffic': 'route', waits: 'add' }[far.start]
  const dead = { begins: 'restart', 'on-traffic': 'hold', waits: 'clear' }[far.start]
  const conns = far.pairs.flatMap((pair, i) => [
    `conn ${name}${i === 0 ? '' : `-${i + 1}`}`,
    '  keyexchange=ikev1',
    ...(far.isAggressive ? ['  aggressive=yes'] : []),
    `  type=${far.isTransport ? 'transport' : 'tunnel'}`,
    `  left=${far.local ?? '%defaultroute'}`,
    ...(sendsOwnAddress(far) ? [] : [`  leftid=${quotedWhereSpaces(swanId(far.localId))}`]),
    `  leftauth=${far.isPsk ? 'psk' : 'pubkey'}`,
    ...(far.isPsk ? [] : ['  leftcert=YOUR-CERTIFICATE.pem']),
    ...(far.isTransport ? [] : [`  leftsubnet=${swanRange(pair.local)}`]),
    ...protoport('left', pair.local),
    `  right=${far.remote}`,
    `  rightid=${quotedWhereSpaces(swanId(far.remoteId))}`,
    `  rightauth=${far.isPsk ? 'psk' : 'pubkey'}`,
    ...(far.isTransport ? [] : [`  rightsubnet=${swanRange(pair.remote)}`]),
    ...protoport('right', pair.remote),
    `  ike=${far.phase1.suites.map(ikeWords).join(',')}!`,
    `  ikelifetime=${far.phase1.seconds}s`,
    `  esp=${esp}!`,
    `  lifetime=${far.phase2.seconds}s`,
    ...(far.phase2.kilobytes === undefined ? [] : [`  lifebytes=${far.phase2.kilobytes * 1_024}`]),
    ...(far.isEncapsulationForced ? ['  forceencaps=yes'] : []),
    `  dpddelay=${far.probeEvery}s`,
    `  dpdtimeout=${far.giveUpAfter}s`,
    `  dpdaction=${dead}`,
    `  auto=${auto}`,
    '',
  ])
  return {
    comment: '#',
    lines: [...conns, ...secretLines(far)],
    byHand: ['Then: ipsec rereadsecrets; ipsec update', ...routeBased(far)],
  }
}

/** ipsec.conf and ipsec.secrets of libreswan. */
export function exportLibreswan(far: FarEnd): Exported {
  const name = plainName(far.name, 60)
  const auto = { begins: 'start', 'on-traffic': 'ondemand', waits: 'add' }[far.start]
  const { pfs } = far.phase2
  const group = pfs === 'none' ? '' : `;dh${groupNumber(pfs)}`
  const known = far.phase2.suites.filter((suite) => cipherOf(suite).family !== 'chacha20')
  const esp = known.map((suite) => `${libreswanEsp(suite)}${group}`).join(',')
  const conns = far.pairs.flatMap((pair, i) => [
    `conn ${name}${i === 0 ? '' : `-${i + 1}`}`,
    '  ikev2=no',
    ...(far.isAggressive ? ['  aggressive=yes'] : []),
    `  type=${far.isTransport ? 'transport' : 'tunnel'}`,
    `  authby=${far.isPsk ? 'secret' : 'rsasig'}`,
    `  left=${far.local ?? '%defaultroute'}`,
    ...(sendsOwnAddress(far) ? [] : [`  leftid=${quotedWhereSpaces(swanId(far.localId))}`]),
    ...(far.isPsk ? [] : ['  leftcert=YOUR-CERTIFICATE']),
    ...(far.isTransport ? [] : [`  leftsubnet=${swanRange(pair.local)}`]),
    ...protoport('left', pair.local),
    `  right=${far.remote}`,
    `  rightid=${quotedWhereSpaces(swanId(far.remoteId))}`,
    ...(far.isTransport ? [] : [`  rightsubnet=${swanRange(pair.remote)}`]),
    ...protoport('right', pair.remote),
    `  ike=${far.phase1.suites.map(libreswanIke).join(',')}`,
    `  ikelifetime=${far.phase1.seconds}s`,
    `  esp=${esp}`,
    `  pfs=${pfs === 'none' ? 'no' : 'yes'}`,
    `  salifetime=${far.phase2.seconds}s`,
    ...(far.isEncapsulationForced ? ['  encapsulation=yes'] : []),
    `  dpddelay=${far.probeEvery}s`,
    `  dpdtimeout=${far.giveUpAfter}s`,
    `  auto=${auto}`,
    '',
  ])
  return {
    comment: '#',
    lines: [...conns, ...secretLines(far)],
    byHand: [
      ...nothingFits(2, known, 'aes256gcm16, pfs group14'),
      ...(known.length < far.phase2.suites.length
        ? ['libreswan has no ChaCha20-Poly1305 in IKEv1.']
        : []),
      ...onePortOnly('libreswan', far.pairs),
      ...(pfs === 'modp1024' || far.phase1.suites.some(({ keyExchange: one }) => one === 'modp1024')
        ? ['libreswan has no group 2 any more: agree on group14.']
        : []),
      'libreswan 5 says keyexchange=ikev1 for ikev2=no. Its config setup needs ikev1-policy=accept.',
      'Then: ipsec auto --rereadsecrets; ipsec auto --add NAME',
      ...routeBased(far),
    ],
  }
}

function secretLines(far: FarEnd): readonly string[] {
  if (!far.isPsk) return []
  const named = sendsOwnAddress(far) ? [far.remoteId] : [far.localId, far.remoteId]
  const ids = named.map((id) => quotedWhereSpaces(swanId(id)))
  return ['# into ipsec.secrets, mode 600:', `${ids.join(' ')} : PSK ${quoted(far.key)}`]
}

function routeBased(far: FarEnd): readonly string[] {
  if (!far.isRouteBased) return []
  return [
    'Everything goes into the tunnel by these selectors: bind it to an XFRM interface (if_id) and route there.',
  ]
}

/** `aes256-sha256-modp2048`. */
function ikeWords(suite: IkeSuite): string {
  const { family, bits } = cipherOf(suite)
  const cipher = family === '3des' ? '3des' : `aes${bits}`
  return `${cipher}-${suite.hash}-${swanGroup(suite.keyExchange)}`
}

function espWords(suite: EspSuite, { phase2 }: FarEnd): string {
  const { family, bits, mode } = cipherOf(suite)
  const name =
    family === 'aes'
      ? mode === 'cbc'
        ? `aes${bits}`
        : `aes${bits}${mode}`
      : family === 'chacha20'
        ? 'chacha20poly1305'
        : '3des'
  const hash = hashOf(suite)
  return [
    name,
    ...(hash === undefined ? [] : [hash]),
    ...(phase2.pfs === 'none' ? [] : [swanGroup(phase2.pfs)]),
    ...(suite.esn ? ['esn'] : []),
  ].join('-')
}

/** strongSwan calls the groups as our registry does. */
function swanGroup(group: Parameters<typeof keyExchange>[0]): string {
  return keyExchange(group).name
}

function libreswanIke(suite: IkeSuite): string {
  const { family, bits } = cipherOf(suite)
  const cipher = family === '3des' ? '3des' : `aes${bits}`
  return `${cipher}-${libreswanHash(suite.hash)};dh${groupNumber(suite.keyExchange)}`
}

function libreswanEsp(suite: EspSuite): string {
  const { family, bits, mode } = cipherOf(suite)
  const hash = hashOf(suite)
  if (family === 'aes' && mode !== 'cbc') {
    const icv = { gcm8: 'a', gcm12: 'b', gcm16: 'c' }[mode as string] ?? 'c'
    return mode === 'ctr'
      ? `aes_ctr${bits}-${libreswanHash(hash ?? 'sha1')}`
      : `aes_gcm_${icv}${bits}-null`
  }
  const cipher = family === '3des' ? '3des' : `aes${bits}`
  return `${cipher}-${libreswanHash(hash ?? 'sha1')}`
}

function libreswanHash(hash: string): string {
  return /^sha(?:256|384|512)$/.test(hash) ? `sha2_${hash.slice(3)}` : hash
}

/** They write names with the broadest part first. */
function swanId(identity: Identity): string {
  if (identity.kind === 'fqdn') return `@${identity.name}`
  if (identity.kind === 'key-id') return formatIdentity(identity).replace(/^keyid:0x/, '@#')
  if (identity.kind !== 'dn') return formatIdentity(identity)
  const parts = formatDn(identity.der)?.split(/(?<!\\), /) ?? []
  return quoted(parts.reverse().join(', '))
}

function quotedWhereSpaces(text: string): string {
  return text.startsWith('"') || !text.includes(' ') ? text : quoted(text)
}

function swanSelector(selector: TrafficSelector): string {
  const { protocol, startPort, endPort } = selector
  const range = swanRange(selector)
  if (protocol === 0) return range
  const name = formatIpProtocol(protocol)
  const isAny = startPort === 0 && endPort === 65_535
  if (isAny) return `${range}[${name}]`
  return `${range}[${name}/${startPort === endPort ? startPort : `${startPort}-${endPort}`}]`
}

function swanRange(selector: TrafficSelector): string {
  const prefix = prefixOf(selector)
  return prefix === undefined
    ? `${selector.start}-${selector.end}`
    : `${prefix.address}/${prefix.bits}`
}

function protoport(
  side: string,
  { protocol, startPort, endPort }: TrafficSelector,
): readonly string[] {
  if (protocol === 0) return []
  const isAny = startPort === 0 && endPort === 65_535
  const ports = startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`
  return [`  ${side}protoport=${formatIpProtocol(protocol)}${isAny ? '' : `/${ports}`}`]
}
