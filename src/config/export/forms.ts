import { formatIdentity } from '#policy/identity'
import { formatDuration } from '#policy/lifetime'
import { type EspSuite, formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import { formatSelector, formatSelectorPair } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import { type FarEnd, KEY_PLACEHOLDER, sendsOwnAddress } from './far-end.ts'
import { wholeNetworksOnly } from './limits.ts'
import { type Cipher, cipherOf, groupNumber, hashOf, isAead, plainName, prefixOf } from './words.ts'

/** The form two operators fill in together, from the other end's point of view. */
export function exportText(far: FarEnd): Exported {
  const { phase1, phase2 } = far
  const row = (name: string, ...values: readonly string[]) =>
    values.map((value, i) => `  ${(i === 0 ? name : '').padEnd(22)}${value}`.trimEnd())
  const lines = [
    `IPsec tunnel "${far.name}": parameters for your side`,
    '',
    'Gateways',
    ...row('Your address', far.local ?? addressText(far)),
    ...row('Our address', far.remote),
    ...row(
      'Your IKE identity',
      sendsOwnAddress(far)
        ? 'your address'
        : `${formatIdentity(far.localId)} (${far.localId.kind})`,
    ),
    ...row('Our IKE identity', `${formatIdentity(far.remoteId)} (${far.remoteId.kind})`),
    '',
    'Phase 1 (IKE)',
    ...row('Version and mode', `IKEv1, ${far.isAggressive ? 'Aggressive' : 'Main'} mode`),
    ...row('Authentication', far.isPsk ? 'pre-shared key' : 'certificates'),
    ...(far.isPsk && far.key !== KEY_PLACEHOLDER ? row('Key', far.key) : []),
    ...row('Proposals', ...phase1.suites.map(formatIkeSuite)),
    ...row('Lifetime', duration(phase1.seconds)),
    ...row('NAT traversal', far.isEncapsulationForced ? 'always UDP 4500' : 'on'),
    ...row('Dead peer detection', `every ${far.probeEvery} s, dead after ${far.giveUpAfter} s`),
    '',
    'Phase 2 (ESP)',
    ...row('Mode', far.isTransport ? 'transport' : 'tunnel'),
    ...row('Proposals', ...phase2.suites.map(formatEspSuite)),
    ...row('PFS', formatPfs(phase2.pfs)),
    ...row('Lifetime', duration(phase2.seconds)),
    ...row('Volume', phase2.kilobytes === undefined ? 'unlimited' : `${phase2.kilobytes} KB`),
    ...row('Networks', ...far.pairs.map(formatSelectorPair)),
    ...row('', '(yours <-> ours; exactly these, IKEv1 cannot narrow)'),
    ...(far.isRouteBased ? row('Routing', 'by routes into the tunnel interface') : []),
    ...(far.mtu === undefined ? [] : row('MTU', `${far.mtu}`)),
    '',
    'Who begins',
    ...row(
      '',
      { begins: 'you', 'on-traffic': 'either, at the first packet', waits: 'we' }[far.start],
    ),
  ]
  return { comment: undefined, lines, byHand: [] }
}

function addressText({ hostName }: FarEnd): string {
  return hostName === undefined ? 'any (yours begins)' : `the one ${hostName} leads to`
}

/** pfSense: what to enter on its two pages. */
export function exportPfsense(far: FarEnd): Exported {
  const { phase1, phase2 } = far
  const field = (name: string, value: string) => `  ${`${name}:`.padEnd(28)}${value}`
  const id = (identity: FarEnd['localId'], isAddress: boolean, word: string) => {
    const kinds = {
      address: 'IP address',
      fqdn: 'Fully qualified domain name',
      'user-fqdn': 'User Fully qualified domain name',
      'key-id': 'KeyID tag',
      dn: 'ASN.1 distinguished Name',
    }
    return isAddress
      ? word
      : `${kinds[identity.kind]}, ${formatIdentity(identity).replace(/^@|^keyid:/, '')}`
  }
  const lines = [
    'VPN > IPsec > Tunnels > Add P1',
    field('Key Exchange version', 'IKEv1'),
    field('Remote Gateway', far.remote),
    field('Authentication Method', far.isPsk ? 'Mutual PSK' : 'Mutual Certificate'),
    field('Negotiation mode', far.isAggressive ? 'Aggressive' : 'Main'),
    field('My identifier', id(far.localId, far.isLocalIdAddress, 'My IP address')),
    field('Peer identifier', id(far.remoteId, far.isRemoteIdAddress, 'Peer IP address')),
    ...(far.isPsk ? [field('Pre-Shared Key', far.key)] : []),
    ...phase1.suites.map((suite) => {
      const { family, bits } = cipherOf(suite)
      const cipher = family === '3des' ? '3DES' : `AES, ${bits} bits`
      const group = groupNumber(suite.keyExchange)
      return field(
        'Encryption Algorithm',
        `${cipher}; ${suite.hash.toUpperCase()}; DH group ${group}`,
      )
    }),
    field('Life Time', `${phase1.seconds}`),
    field('Child SA Start Action', far.start === 'begins' ? 'Initiate at start' : 'Default'),
    field('NAT Traversal', far.isEncapsulationForced ? 'Force' : 'Auto'),
    field(
      'Dead Peer Detection',
      `delay ${far.probeEvery}, max failures ${Math.max(1, Math.round(far.giveUpAfter / far.probeEvery))}`,
    ),
    ...far.pairs.flatMap(({ local, remote }) => [
      '',
      'Show Phase 2 Entries > Add P2',
      field(
        'Mode',
        far.isRouteBased ? 'Routed (VTI)' : far.isTransport ? 'Transport' : 'Tunnel IPv4',
      ),
      ...(far.isTransport
        ? []
        : [
            field(
              'Local Network',
              far.isRouteBased
                ? (far.innerAddress?.address ?? 'yours inside')
                : formatSelector(local),
            ),
            field('Remote Network', far.isRouteBased ? 'ours inside' : formatSelector(remote)),
          ]),
      field('Protocol', 'ESP'),
      ...phase2.suites.flatMap((suite) => {
        const words = pfsenseEsp(suite)
        return words === undefined ? [] : [field('Encryption Algorithm', words)]
      }),
      field('PFS key group', phase2.pfs === 'none' ? 'off' : `${groupNumber(phase2.pfs)}`),
      field('Life Time', `${phase2.seconds}`),
    ]),
    '',
    'Firewall > Rules > IPsec: allow what may come through.',
  ]
  const refused = phase2.suites.filter((suite) => pfsenseEsp(suite) === undefined)
  const byHand = [
    ...refused.map((suite) => `pfSense has no ${formatEspSuite(suite)} in phase 2.`),
    ...(far.isTransport ? [] : wholeNetworksOnly('pfSense', far.pairs)),
  ]
  return { comment: '#', lines, byHand }
}

/** Its GCM comes with each length of the ICV. */
function pfsenseEsp(suite: EspSuite): string | undefined {
  const { family, bits, mode } = cipherOf(suite)
  if (suite.esn || mode === 'ctr' || (family !== 'aes' && family !== '3des')) return undefined
  if (mode !== 'cbc') return `AES${bits}-GCM, ${Number(mode.slice(3)) * 8} bits`
  return `${family === '3des' ? '3DES' : `AES, ${bits} bits`}; ${hashOf(suite)?.toUpperCase()}`
}

/** NetBox: objects of its VPN model, as its REST API takes them. */
export function exportNetbox(far: FarEnd): Exported {
  const name = plainName(far.name, 60)
  const ike = far.phase1.suites.map((suite, i) => ({
    name: `${name}-ike-${i + 1}`,
    authentication_method: far.isPsk ? 'preshared-keys' : 'certificates',
    encryption_algorithm: netboxCipher(cipherOf(suite)),
    authentication_algorithm: `hmac-${suite.hash}`,
    group: groupNumber(suite.keyExchange),
    sa_lifetime: far.phase1.seconds,
  }))
  const known = far.phase2.suites.filter((suite) => netboxCipher(cipherOf(suite)) !== undefined)
  const esp = known.map((suite, i) => ({
    name: `${name}-ipsec-${i + 1}`,
    encryption_algorithm: netboxCipher(cipherOf(suite)),
    ...(isAead(suite) ? {} : { authentication_algorithm: `hmac-${hashOf(suite)}` }),
    sa_lifetime_seconds: far.phase2.seconds,
    ...(far.phase2.kilobytes === undefined ? {} : { sa_lifetime_data: far.phase2.kilobytes }),
  }))
  const document = {
    'vpn/ike-proposals': ike,
    'vpn/ike-policies': [
      {
        name: `${name}-ike`,
        version: 1,
        mode: far.isAggressive ? 'aggressive' : 'main',
        proposals: ike.map((one) => ({ name: one.name })),
        ...(far.isPsk && far.key !== KEY_PLACEHOLDER ? { preshared_key: far.key } : {}),
      },
    ],
    'vpn/ipsec-proposals': esp,
    'vpn/ipsec-policies': [
      {
        name: `${name}-ipsec`,
        proposals: esp.map((one) => ({ name: one.name })),
        pfs_group: far.phase2.pfs === 'none' ? null : groupNumber(far.phase2.pfs),
      },
    ],
    'vpn/ipsec-profiles': [
      {
        name,
        mode: 'esp',
        ike_policy: { name: `${name}-ike` },
        ipsec_policy: { name: `${name}-ipsec` },
      },
    ],
    'vpn/tunnels': [
      {
        name,
        status: 'active',
        encapsulation: far.isTransport ? 'ipsec-transport' : 'ipsec-tunnel',
        ipsec_profile: { name },
      },
    ],
    'vpn/tunnel-terminations': [
      { tunnel: { name }, role: 'peer', outside_ip: far.remote },
      { tunnel: { name }, role: 'peer', outside_ip: far.local ?? null },
    ],
    networks: far.pairs.map(({ local, remote }) => ({
      near: prefixText(remote),
      far: prefixText(local),
    })),
  }
  const refused = far.phase2.suites.filter((suite) => !known.includes(suite))
  return {
    comment: undefined,
    lines: [JSON.stringify(document, null, 2)],
    byHand: refused.map((suite) => `NetBox has no ${formatEspSuite(suite)}: it is left out.`),
  }
}

function netboxCipher({ family, bits, mode }: Cipher): string | undefined {
  if (family === '3des') return '3des-cbc'
  if (family !== 'aes' || mode === 'ctr') return undefined
  return mode === 'cbc' ? `aes-${bits}-cbc` : `aes-${bits}-gcm`
}

function prefixText(selector: Parameters<typeof prefixOf>[0]): string {
  const prefix = prefixOf(selector)
  return prefix === undefined ? formatSelector(selector) : `${prefix.address}/${prefix.bits}`
}

function duration(seconds: number): string {
  return `${formatDuration(seconds)} (${seconds} s)`
}
