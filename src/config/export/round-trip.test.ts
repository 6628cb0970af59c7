import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import { formatSelectorPair, mirror } from '#policy/traffic-selector'
import { importedFrom, loadedFrom } from '../../../test/support/import-check.ts'
import { PARIS_KEY, parisTunnel } from '../../../test/support/paris-tunnel.ts'
import type { TunnelConfig } from '../config.ts'
import type { ImportFormat } from '../import/imported.ts'
import { exportTunnel } from './export-tunnel.ts'

// What is exported for the other end and read by our own import is the tunnel mirrored: in all that the product can say.

const TARGETS = [
  'strongswan-swanctl',
  'strongswan-ipsec',
  'libreswan',
  'cisco-ios',
  'cisco-asa',
  'fortigate',
  'juniper-srx',
] as const
type Target = (typeof TARGETS)[number]

/** `1` and `2`: what both phases have where it does not matter. */
type Case = (one: string, two: string) => readonly string[]

const NET = 'networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]'
const CASES: Readonly<Record<string, Case>> = {
  'SHA-1, group 5': () => ['phase1: aes128-sha1-group5', 'phase2: aes128-sha1, pfs group5', NET],
  '3DES, MD5': () => ['phase1: 3des-md5-group2', 'phase2: 3des-md5, pfs group2', NET],
  'SHA-384, group 20': () => [
    'phase1: aes256-sha384-group20',
    'phase2: aes256-sha384, pfs group20',
    NET,
  ],
  'AES-192, SHA-512, group 21': () => [
    'phase1: aes192-sha512-group21',
    'phase2: aes192-sha512, pfs group21',
    NET,
  ],
  'AES-GCM': () => [
    'phase1: aes256-sha256-group19',
    'phase2: {propose: [aes256gcm16, aes128gcm16], pfs: group19}',
    NET,
  ],
  'several proposals': () => [
    'phase1: {propose: [aes256-sha256-group14, aes128-sha1-group14]}',
    'phase2: {propose: [aes256-sha256, aes128-sha1], pfs: group14}',
    NET,
  ],
  'without PFS': (one, two) => [`phase1: ${one}`, `phase2: ${two}, pfs none`, NET],
  'lifetimes and a volume': (one, two) => [
    `phase1: {propose: ${one}, lifetime: 1d}`,
    `phase2: {propose: ${two}, pfs: group14, lifetime: 8h, volume: 4608000KB}`,
    NET,
  ],
  identities: (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    'id: gw.example.net',
    'peer-id: {sends: asa1.example}',
    NET,
  ],
  'Aggressive mode': (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    'ike: v1-aggressive',
    'id: gw@example.net',
    'peer-id: asa1.example',
    NET,
  ],
  'transport mode': (one, two) => [`phase1: ${one}`, `phase2: ${two}`, 'mode: transport'],
  'protocols and ports': (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    `networks: [${['10.2.0.5 tcp/443', '10.3.0.0/16 udp', '10.4.0.0/16 icmp', '10.5.0.0/16 gre', '10.6.0.0/16 ah'].map((side) => `"10.1.0.0/16 <-> ${side}"`).join(', ')}]`,
  ],
  'a range of ports': (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    'networks: ["10.1.0.0/16 <-> 10.2.0.5 tcp/1000-2000"]',
  ],
  'a range of addresses': (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    'networks: ["10.1.0.1-10.1.0.9 <-> 10.2.0.0/16"]',
  ],
  'everything by routes': (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    'networks: any',
    'interface: {address: 169.254.10.1/30, routes: [10.2.0.0/16]}',
  ],
  'UDP always': (one, two) => [`phase1: ${one}`, `phase2: ${two}`, 'encapsulation: force', NET],
  'slow probes': (one, two) => [
    `phase1: ${one}`,
    `phase2: ${two}`,
    'dead-peer: {probe-every: 1m, give-up-after: 5m}',
    NET,
  ],
}

/** What a product cannot be told by these lines, and what is said of that by hand. */
const BY_HAND: Readonly<Record<Target, Readonly<Record<string, RegExp>>>> = {
  'strongswan-swanctl': {},
  'strongswan-ipsec': {},
  libreswan: {
    'a range of ports': /Pair 1 has a range of ports, and libreswan knows one port or all/,
    '3DES, MD5': /no group 2 any more/,
  },
  'cisco-ios': {
    identities: /We expect the identity asa1\.example/,
    'Aggressive mode': /We send the identity gw@example\.net/,
    'a range of addresses': /Pair 1 is a range or IPv6/,
  },
  'cisco-asa': {
    'SHA-384, group 20': /ASA has no aes256-sha384-group20 in phase 1/,
    'AES-192, SHA-512, group 21': /ASA has no aes192-sha512-group21 in phase 1/,
    'AES-GCM': /ASA has no aes256gcm16 in phase 2/,
    'several proposals': /ASA has no aes256-sha256 in phase 2/,
    identities: /We expect the identity asa1\.example/,
    'Aggressive mode': /We expect the identity asa1\.example/,
    'a range of addresses': /Pair 1 is a range or IPv6/,
    'everything by routes': /A crypto map cannot agree on everything/,
  },
  fortigate: {
    'a range of ports': /Pair 1 has a range of ports, and FortiOS knows one port or all/,
  },
  'juniper-srx': {
    'transport mode': /tunnel mode only/,
    'protocols and ports': /Protocol and port cannot be said/,
    'a range of ports': /Protocol and port cannot be said/,
  },
}

/** It does not matter to these: the peer sees that we force it, and follows. */
const FOLLOWS_UDP: readonly Target[] = ['cisco-ios', 'cisco-asa', 'juniper-srx']
/** Nothing in its file agrees on one. */
const WITHOUT_VOLUME: readonly Target[] = ['libreswan']

for (const target of TARGETS) {
  for (const [name, lines] of Object.entries(CASES)) {
    test(`${target}: ${name}`, () => {
      const [one, two] =
        target === 'cisco-asa'
          ? ['aes256-sha1-group14', 'aes256-sha1']
          : ['aes256-sha256-group14', 'aes256-sha256']
      const ours = parisTunnel(...lines(one, two))
      const { text, byHand } = exportTunnel(ours, target, { showSecrets: true })
      const said = BY_HAND[target][name]
      if (said !== undefined) {
        assert.match(byHand.join('\n'), said)
        return
      }
      const ends = target === 'strongswan-ipsec' || target === 'libreswan'
      const { tunnels } = loadedFrom(
        importedFrom(filesOf(target, text), {
          ...(ends ? { ours: ['198.51.100.7'], format: target as ImportFormat } : {}),
        }).tunnels,
      )
      const [theirs] = tunnels
      assert.ok(theirs)
      const whole = { ...theirs, networks: tunnels.flatMap(({ networks }) => networks) }
      assert.deepEqual(agreed(whole), expected(ours, target))
    })
  }
}

test('a lifetime longer than a product takes is cut, and said', () => {
  const week = parisTunnel('phase1: {propose: aes256-sha256-group14, lifetime: 7d}', NET)
  const shown = (target: 'cisco-ios' | 'fortigate' | 'juniper-srx') =>
    exportTunnel(week, target, { showSecrets: false }).text
  assert.match(shown('cisco-ios'), /^ lifetime 86400$/m)
  assert.match(shown('cisco-ios'), /IOS takes at most 1d in phase 1; ours is 7d/)
  assert.match(shown('fortigate'), /^ *set keylife 172800$/m)
  assert.match(shown('juniper-srx'), /^set security ike proposal \S+ lifetime-seconds 86400$/m)
})

test('a PFS group a product does not have is not written, and said', () => {
  const odd = parisTunnel('phase2: {propose: aes256-sha256, pfs: group24}', NET)
  const { text, byHand } = exportTunnel(odd, 'fortigate', { showSecrets: false })
  assert.match(byHand.join('\n'), /FortiOS has no group24 for PFS/)
  assert.doesNotMatch(text, /set dhgrp 24/)
})

test('IOS: the second number of its keepalive is the time between five more probes', () => {
  const { text } = exportTunnel(
    parisTunnel('dead-peer: {probe-every: 10s, give-up-after: 30s}', NET),
    'cisco-ios',
    { showSecrets: false },
  )
  assert.match(text, /^crypto isakmp keepalive 10 4 periodic$/m)
})

for (const target of ['cisco-ios', 'cisco-asa'] as const) {
  test(`${target}: Aggressive mode is written, and read back`, () => {
    const ours = parisTunnel(
      'ike: v1-aggressive',
      'id: gw@example.net',
      'peer-id: asa1.example',
      'phase1: aes256-sha1-group14',
      'phase2: aes256-sha1, pfs group14',
      NET,
    )
    const { text } = exportTunnel(ours, target, { showSecrets: true })
    const { tunnels } = importedFrom(filesOf(target, text))
    const [values] = tunnels.map((one) =>
      Object.fromEntries(one.values.map(({ key, value }) => [key, value])),
    )
    assert.doesNotMatch(JSON.stringify(tunnels), new RegExp(PARIS_KEY))
    assert.equal(values?.ike, 'v1-aggressive')
    if (target === 'cisco-ios') assert.equal(values?.id, '@asa1.example')
  })
}

test('ASA: its keepalive is asked again after ten seconds at most', () => {
  const { text } = exportTunnel(
    parisTunnel('dead-peer: {probe-every: 2m, give-up-after: 10m}', NET),
    'cisco-asa',
    { showSecrets: false },
  )
  assert.match(text, /^ isakmp keepalive threshold 120 retry 10$/m)
})

test('PAN-OS: numbers have 16 bits, so that long lifetimes and volumes take larger units', () => {
  const { text } = exportTunnel(
    parisTunnel(
      'phase1: {propose: aes256-sha256-group14, lifetime: 1d}',
      'phase2: {propose: [aes256gcm16, aes256-sha256], lifetime: 8h, volume: 4608000KB}',
      NET,
    ),
    'palo-alto',
    { showSecrets: false },
  )
  assert.match(text, /ike-crypto-profiles \S+ lifetime hours 24$/m)
  assert.match(text, /ipsec-crypto-profiles \S+ lifetime seconds 28800$/m)
  assert.match(text, /ipsec-crypto-profiles \S+ lifesize mb 4500$/m)
  // Beside AES-CBC, "none" would be ESP without integrity.
  assert.match(text, /esp authentication sha256$/m)
})

test('PAN-OS: with GCM alone there is no authentication beside it', () => {
  const gcm = parisTunnel('phase2: aes256gcm16, pfs group14', NET)
  const { text } = exportTunnel(gcm, 'palo-alto', { showSecrets: false })
  assert.match(text, /esp encryption aes-256-gcm\n.* esp authentication none$/m)
})

test('RouterOS: what its profiles and identities do not have is not written', () => {
  const { text, byHand } = exportTunnel(
    parisTunnel(
      'phase1: {propose: [aes256-sha384-group20, aes256-sha256-group14]}',
      'networks: ["10.1.0.0/16 <-> 10.6.0.0/16 esp"]',
    ),
    'mikrotik',
    { showSecrets: false },
  )
  assert.match(byHand.join('\n'), /RouterOS has no aes256-sha384-group20 in phase 1/)
  assert.match(text, /hash-algorithm=sha256 /)
  assert.match(text, / protocol=50$/m)
})

test('pfSense and NetBox are not told of CBC where it is another mode', () => {
  const odd = parisTunnel('phase2: {propose: [aes256gcm8, aes256ctr-sha256]}', NET)
  const shown = (target: 'pfsense' | 'netbox') => exportTunnel(odd, target, { showSecrets: false })
  const ciphers = shown('pfsense').text.match(/(?<=Encryption Algorithm: +)AES\d.*/g)
  assert.deepEqual(ciphers, ['AES256-GCM, 64 bits'])
  assert.match(shown('pfsense').byHand.join('\n'), /pfSense has no aes256ctr-sha256 in phase 2/)
  const document = JSON.parse(shown('netbox').text)
  assert.deepEqual(
    document['vpn/ipsec-proposals'].map(
      (one: { encryption_algorithm: string }) => one.encryption_algorithm,
    ),
    ['aes-256-gcm'],
  )
  assert.match(shown('netbox').byHand.join('\n'), /NetBox has no aes256ctr-sha256/)
})

test('AWS wants phase 2 to live shorter than phase 1, and that is said', () => {
  const alike = parisTunnel('phase1: {lifetime: 1h}', 'phase2: {lifetime: 1h}', NET)
  const { byHand } = exportTunnel(alike, 'aws', { showSecrets: false })
  assert.match(byHand.join('\n'), /AWS wants phase 2 to live shorter than phase 1/)
})

test('products that agree on whole networks say so of a pair with a port', () => {
  const narrow = parisTunnel('networks: ["10.1.0.0/16 <-> 10.2.0.5 tcp/443"]')
  for (const target of ['pfsense', 'azure', 'aws'] as const) {
    const { byHand } = exportTunnel(narrow, target, { showSecrets: false })
    assert.match(byHand.join('\n'), /Pair 1 has a protocol, and \w+ agrees on whole networks/)
  }
})

test('clouds that speak Main mode and tunnel mode only say so', () => {
  const one = parisTunnel('ike: v1-aggressive', 'id: gw@example.net', 'mode: transport')
  for (const target of ['aws', 'azure'] as const) {
    const said = exportTunnel(one, target, { showSecrets: false }).byHand.join('\n')
    assert.match(said, /speaks IKEv1 in Main mode only/)
    assert.match(said, /has tunnel mode only/)
  }
})

function expected(ours: TunnelConfig, target: Target): ReturnType<typeof agreed> {
  assert.ok(ours.peer !== 'any' && ours.peer !== 'unresolved' && ours.remoteId.kind !== 'any-of')
  const { phase2 } = ours
  const { seconds, kilobytes } = phase2.lifetime
  const isSaid = kilobytes !== undefined && !WITHOUT_VOLUME.includes(target)
  return agreed({
    ...ours,
    local: ours.peer,
    peer: ours.local,
    localId: ours.remoteId,
    remoteId: ours.localId,
    networks: ours.networks.map(mirror),
    phase2: { ...phase2, lifetime: { seconds, ...(isSaid ? { kilobytes } : {}) } },
    ...(FOLLOWS_UDP.includes(target) ? { encapsulation: 'auto' as const } : {}),
  })
}

/** What both ends have to agree on, from the far end's point of view. */
function agreed(one: TunnelConfig) {
  const { ike, local, peer, localId, remoteId, phase1, phase2, networks, mode } = one
  return {
    ike,
    ends: `${local} ${peer}`,
    ids: `${formatIdentity(localId)} ${formatExpected(remoteId)}`,
    phase1: phase1.suites.map(formatIkeSuite),
    phase2: phase2.suites.map(formatEspSuite),
    pfs: formatPfs(phase2.pfs),
    lifetimes: [phase1.lifetime.seconds, phase2.lifetime.seconds],
    volume: phase2.lifetime.kilobytes,
    networks: networks.map(formatSelectorPair).sort(),
    mode,
    encapsulation: one.encapsulation,
    probeEvery: one.deadPeer.probeEvery,
  }
}

/** Where the text is kept in files of its product; the outside interface is the other side's own. */
function filesOf(target: Target, exported: string): Readonly<Record<string, string>> {
  switch (target) {
    case 'strongswan-swanctl':
      return { '/etc/swanctl/swanctl.conf': exported }
    case 'cisco-ios':
      return {
        '/x/cisco.txt': `${exported}interface G0\n ip address 198.51.100.7 255.255.255.0\n crypto map CW-PARIS\n`,
      }
    case 'cisco-asa':
      return {
        '/x/cisco.txt': `${exported}interface G0\n nameif outside\n ip address 198.51.100.7 255.255.255.0\n`,
      }
    case 'fortigate':
      return { '/x/device.txt': exported }
    case 'juniper-srx':
      return {
        '/x/device.txt': `${exported}set interfaces OUTSIDE unit 0 family inet address 198.51.100.7/24\n`,
      }
    case 'strongswan-ipsec':
    case 'libreswan': {
      const [conf = '', secrets = ''] = exported.split('# into ipsec.secrets, mode 600:\n')
      return { '/etc/ipsec.conf': conf, '/etc/ipsec.secrets': secrets }
    }
  }
}
