import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import { formatSelectorPair, mirror } from '#policy/traffic-selector'
import { importedFrom, loadedFrom } from '../../../test/support/import-check.ts'
import { PARIS_KEY, parisTunnel } from '../../../test/support/paris-tunnel.ts'
import type { TunnelConfig } from '../config.ts'
import { secretOf } from '../key-text.ts'
import { EXPORT_TARGETS, type ExportTarget, exportTunnel, targetOfPreset } from './export-tunnel.ts'

const USUAL = [
  'phase1: aes256-sha256-group14',
  'phase2: {propose: aes256-sha256, pfs: group14, lifetime: 1h}',
  'networks: ["10.1.0.0/16 <-> 10.2.0.0/16", "10.1.0.0/16 <-> 10.3.7.4 tcp/443"]',
]

function text(one: TunnelConfig, target: ExportTarget, showSecrets = false): string {
  return exportTunnel(one, target, { showSecrets }).text
}

/** What both ends have to agree on, from the far end's point of view. */
function agreed({ local, peer, localId, remoteId, phase1, phase2, networks, mode }: TunnelConfig) {
  return {
    ends: `${local} ${peer}`,
    ids: `${formatIdentity(localId)} ${formatExpected(remoteId)}`,
    phase1: phase1.suites.map(formatIkeSuite),
    phase2: phase2.suites.map(formatEspSuite),
    pfs: formatPfs(phase2.pfs),
    lifetimes: [phase1.lifetime.seconds, phase2.lifetime.seconds],
    networks: networks.map(formatSelectorPair),
    mode,
  }
}

function turned(one: TunnelConfig): TunnelConfig {
  assert.ok(one.peer !== 'any' && one.peer !== 'unresolved' && one.remoteId.kind !== 'any-of')
  return {
    ...one,
    local: one.peer,
    peer: one.local,
    localId: one.remoteId,
    remoteId: one.localId,
    networks: one.networks.map(mirror),
  }
}

/** Where the text is kept in files of its product. */
function filesOf(target: ExportTarget, exported: string): Readonly<Record<string, string>> {
  if (target === 'strongswan-swanctl') return { '/etc/swanctl/swanctl.conf': exported }
  if (target.startsWith('cisco')) {
    // The interface is the other side's own; the map is put on it by hand.
    const device =
      target === 'cisco-asa'
        ? 'interface G0\n nameif outside\n ip address 198.51.100.7 255.255.255.0\n'
        : 'interface G0\n ip address 198.51.100.7 255.255.255.0\n crypto map CW-PARIS\n'
    return { '/x/cisco.txt': `${exported}${device}` }
  }
  if (target === 'fortigate' || target === 'juniper-srx') return { '/x/device.txt': exported }
  const [conf = '', secrets = ''] = exported.split('# into ipsec.secrets, mode 600:\n')
  return { '/etc/ipsec.conf': conf, '/etc/ipsec.secrets': secrets }
}

/** The same statements with braces. */
function braced(lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line.startsWith('set '))
    .map((line) => {
      const [first = '', second = '', ...rest] = line.slice(4).split(' ')
      return `${first} {\n    ${second} {\n        ${rest.join(' ')};\n    }\n}\n`
    })
    .join('')
}

const MERGED = ['strongswan-ipsec', 'libreswan'] as const

for (const target of ['strongswan-swanctl', 'cisco-ios', 'fortigate'] as const) {
  test(`${target}: read back by our own import it is the tunnel mirrored`, () => {
    const ours = parisTunnel(...USUAL)
    const imported = importedFrom(filesOf(target, text(ours, target, true)))
    assert.equal(imported.format, target)
    const [theirs] = loadedFrom(imported.tunnels).tunnels
    assert.ok(theirs)
    assert.deepEqual(agreed(theirs), agreed(turned(ours)))
    assert.ok(theirs.authentication.kind === 'psk' && ours.authentication.kind === 'psk')
    assert.ok(theirs.authentication.psk.equals(ours.authentication.psk))
  })
}

for (const target of MERGED) {
  test(`${target}: read back by our own import the pairs are one tunnel again, mirrored`, () => {
    const ours = parisTunnel(...USUAL)
    const imported = importedFrom(filesOf(target, text(ours, target, true)), {
      ours: ['198.51.100.7'],
      format: target,
    })
    const { tunnels } = loadedFrom(imported.tunnels)
    assert.deepEqual(tunnels.map(agreed), [agreed(turned(ours))])
  })
}

test('juniper-srx: read back it is the tunnel mirrored, in either form', () => {
  const ours = parisTunnel(
    ...USUAL.slice(0, 2),
    'networks: ["10.1.0.0/16 <-> 10.2.0.0/16", "10.1.0.0/16 <-> 10.9.0.0/16"]',
  )
  const exported = `${text(ours, 'juniper-srx', true)}set interfaces OUTSIDE unit 0 family inet address 198.51.100.7/24\n`
  for (const form of [exported, braced(exported)]) {
    const [theirs] = loadedFrom(importedFrom(filesOf('juniper-srx', form)).tunnels).tunnels
    assert.ok(theirs)
    assert.deepEqual(agreed(theirs), agreed(turned(ours)))
  }
})

test('cisco-asa: read back it is the tunnel mirrored, with what IKEv1 has there', () => {
  const ours = parisTunnel(
    'phase1: aes256-sha1-group14',
    'phase2: {propose: aes256-sha1, pfs: group14}',
    'networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]',
  )
  const imported = importedFrom(filesOf('cisco-asa', text(ours, 'cisco-asa', true)))
  const [theirs] = loadedFrom(imported.tunnels).tunnels
  assert.ok(theirs)
  assert.deepEqual(agreed(theirs), agreed(turned(ours)))
})

test('an algorithm a product does not have is named, and where none is left that is said', () => {
  const { byHand } = exportTunnel(parisTunnel(...USUAL), 'cisco-asa', { showSecrets: false })
  assert.match(byHand.join('\n'), /ASA has no aes256-sha256-group14 in phase 1 of IKEv1/)
  assert.match(byHand.join('\n'), /NOTHING of phase 2 can be configured there/)
})

for (const target of EXPORT_TARGETS) {
  test(`${target}: the key is there only when asked for`, () => {
    const ours = parisTunnel(...USUAL)
    assert.doesNotMatch(text(ours, target), new RegExp(PARIS_KEY))
    const { byHand } = exportTunnel(ours, target, { showSecrets: false })
    assert.match(byHand.join(), /Put the key where PRE-SHARED-KEY stands/)
    if (!target.startsWith('aws')) assert.match(text(ours, target, true), new RegExp(PARIS_KEY))
  })

  test(`${target}: certificates, identities and Aggressive mode are said, never left out in silence`, () => {
    const one = parisTunnel(
      'id: gw.example.net',
      'peer-id: {sends: asa1.example}',
      'networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]',
    )
    const { text: shown } = exportTunnel(one, target, { showSecrets: false })
    if (target === 'aws' || target === 'azure' || target === 'netbox') return
    assert.match(shown, /gw\.example\.net/)
    assert.match(shown, /asa1\.example/)
  })
}

for (const [target, ...lines] of [
  [
    'fortigate',
    'config vpn ipsec phase1-interface',
    '        set ike-version 1',
    '        set remote-gw 203.0.113.10',
    '        set proposal aes256-sha256',
    '        set dhgrp 14',
    '        set keylifeseconds 3600',
    '        set src-subnet 10.2.0.0 255.255.0.0',
    '        set dst-subnet 10.1.0.0 255.255.0.0',
    '        set protocol 6',
  ],
  [
    'juniper-srx',
    'set security ike proposal CW-paris authentication-method pre-shared-keys',
    'set security ike proposal CW-paris dh-group group14',
    'set security ike proposal CW-paris authentication-algorithm sha-256',
    'set security ike gateway CW-paris version v1-only',
    'set security ipsec proposal CW-paris authentication-algorithm hmac-sha-256-128',
    'set security ipsec policy CW-paris perfect-forward-secrecy keys group14',
    'set security ipsec vpn CW-paris traffic-selector t1 local-ip 10.2.0.0/16',
  ],
  [
    'palo-alto',
    'set network ike crypto-profiles ike-crypto-profiles CW-paris dh-group group14',
    'set network ike gateway CW-paris protocol ikev1 exchange-mode main',
    'set network tunnel ipsec CW-paris auto-key proxy-id pair1 protocol any local 10.2.0.0/16 remote 10.1.0.0/16',
  ],
  [
    'mikrotik',
    '/ip ipsec peer add name=cw-paris address=203.0.113.10 local-address=198.51.100.7 profile=cw-paris exchange-mode=main passive=yes',
    '/ip ipsec policy add peer=cw-paris proposal=cw-paris tunnel=yes level=unique src-address=10.2.0.0/16 dst-address=10.1.0.0/16',
  ],
  [
    'pfsense',
    '  Remote Gateway:             203.0.113.10',
    '  Encryption Algorithm:       AES, 256 bits; SHA256; DH group 14',
    '  PFS key group:              14',
  ],
  [
    'azure',
    '$policy = New-AzIpsecPolicy -IkeEncryption AES256 -IkeIntegrity SHA256 -DhGroup DHGroup14 `',
    '  -IpsecEncryption AES256 -IpsecIntegrity SHA256 -PfsGroup PFS2048 `',
  ],
  ['text', '  Proposals             aes256-sha256-group14', '  PFS                   group14'],
] as const) {
  test(`${target}: the words its maker documents`, () => {
    const written = text(parisTunnel(...USUAL), target).split('\n')
    for (const line of lines) assert.ok(written.includes(line), `${line}\n${written.join('\n')}`)
  })
}

test('aws: tunnel options as its API takes them', () => {
  const shown = text(parisTunnel(...USUAL), 'aws')
  const options = JSON.parse(/--tunnel-options '(.*)'/.exec(shown)?.[1] ?? '')
  assert.deepEqual(options.IKEVersions, [{ Value: 'ikev1' }])
  assert.deepEqual(options.Phase1DHGroupNumbers, [{ Value: 14 }])
  assert.deepEqual(options.Phase2IntegrityAlgorithms, [{ Value: 'SHA2-256' }])
})

test('azure: each address space there goes with each prefix here, and pairs that are not written are asked for', () => {
  const pairs = '["10.1.0.0/16 <-> 10.2.0.0/16", "10.4.0.0/16 <-> 10.3.0.0/16"]'
  const shown = text(parisTunnel(`networks: ${pairs}`), 'azure').replace(/\n# +/g, ' ')
  assert.match(shown, /virtual network must be 10\.2\.0\.0\/16, 10\.3\.0\.0\/16, no more/)
  assert.match(shown, /That makes 4 pairs: networks here must have all of them/)
  const one = text(parisTunnel('networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]'), 'azure')
  assert.doesNotMatch(one, /That makes/)
})

test('netbox: one JSON document of its VPN model', () => {
  const document = JSON.parse(text(parisTunnel(...USUAL), 'netbox'))
  assert.deepEqual(document['vpn/ike-proposals'][0], {
    name: 'paris-ike-1',
    authentication_method: 'preshared-keys',
    encryption_algorithm: 'aes-256-cbc',
    authentication_algorithm: 'hmac-sha256',
    group: 14,
    sa_lifetime: 28_800,
  })
})

test('a route-based tunnel becomes a tunnel interface with the other inside address', () => {
  const one = parisTunnel(
    'networks: any',
    'interface: {address: 169.254.10.1/30, mtu: 1400, routes: [10.2.0.0/16]}',
  )
  const ios = text(one, 'cisco-ios')
  assert.match(ios, /^ ip address 169\.254\.10\.2 255\.255\.255\.252$/m)
  assert.match(ios, /^ tunnel destination 203\.0\.113\.10$/m)
  assert.match(
    text(one, 'juniper-srx'),
    /^set interfaces st0 unit 0 family inet address 169\.254\.10\.2\/30$/m,
  )
})

test('a key with quotes and backslashes stays one value', () => {
  const odd = parisTunnel(...USUAL)
  const key = 'a "quoted" \\ key of some length'
  const shown = text(
    { ...odd, authentication: { kind: 'psk', psk: secretOf(key) } },
    'strongswan-swanctl',
    true,
  )
  const imported = importedFrom({ '/etc/swanctl/swanctl.conf': shown })
  const [theirs] = loadedFrom(imported.tunnels).tunnels
  assert.ok(theirs?.authentication.kind === 'psk')
  assert.equal(new TextDecoder().decode(theirs.authentication.psk.reveal()), key)
})

test('without --for the preset tells the product', () => {
  assert.equal(targetOfPreset('cisco-asa'), 'cisco-asa')
  assert.equal(targetOfPreset('opnsense'), 'pfsense')
  assert.equal(targetOfPreset('strongswan'), 'strongswan-swanctl')
  assert.equal(targetOfPreset('draytek'), undefined)
  assert.equal(targetOfPreset(undefined), undefined)
})
