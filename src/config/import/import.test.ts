import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  essence,
  importedFrom,
  loadedFrom,
  tunnelFrom,
} from '../../../test/support/import-check.ts'
import {
  IPSEC_CERT,
  IPSEC_MOON,
  IPSEC_SECRETS,
  IPSEC_TRANSPORT,
  LIBRESWAN,
  SWANCTL_MOON,
} from '../../../test/support/import-samples.ts'
import {
  AWS_GENERIC,
  CISCO_ASA,
  CISCO_IOS,
  FORTIGATE,
  JUNIPER,
} from '../../../test/support/import-samples-devices.ts'
import { memoryFiles } from '../files.ts'
import { keyFileOctets } from '../key-text.ts'
import { formatOf, importTexts } from './import-texts.ts'
import { tunnelYaml } from './tunnel-yaml.ts'

const SECRETS = { '/etc/ipsec.secrets': IPSEC_SECRETS }

test('a connection of swanctl.conf means the same here', () => {
  const { tunnel, imported } = tunnelFrom({ '/etc/swanctl/swanctl.conf': SWANCTL_MOON })
  assert.deepEqual(essence(tunnel), {
    ike: 'v1-main',
    ends: '192.168.0.1 192.168.0.2',
    ids: 'moon.strongswan.org sun.strongswan.org',
    phase1: ['aes128-sha256-group15'],
    phase2: ['aes128-sha256'],
    pfs: 'group15',
    networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
    mode: 'tunnel',
    start: 'on-traffic',
  })
  assert.deepEqual(
    [tunnel.phase1.lifetime.seconds, tunnel.phase2.lifetime],
    [10_800, { seconds: 5_400, kilobytes: 488_281 }],
  )
  const key = Buffer.from('v+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL', 'base64')
  assert.ok(imported.psk)
  assert.deepEqual(
    Buffer.from(keyFileOctets(imported.psk)),
    Buffer.concat([key, Buffer.from('\n')]),
  )
})

test('every statement of a connection is told of, with its line', () => {
  const { imported } = tunnelFrom({ '/etc/swanctl/swanctl.conf': SWANCTL_MOON })
  const lines = SWANCTL_MOON.split('\n')
  const told = new Set(imported.notes.map(({ origin }) => origin.line))
  const first = lines.findIndex((line) => line.includes('gw-gw'))
  const last = lines.findIndex((line) => line.startsWith('secrets'))
  for (let i = first; i < last; i++)
    assert.ok(told.has(i + 1) || !(lines[i] ?? '').includes('='), `${lines[i]}`)
  const left = imported.notes.filter(({ kind }) => kind === 'left-out')
  assert.deepEqual(
    left.map(({ origin }) => origin.text.split(' ')[0]),
    ['updown', 'rekey_packets'],
  )
})

test('no key is in what is shown', () => {
  for (const [file, text, key] of [
    ['/etc/swanctl/swanctl.conf', SWANCTL_MOON, /strong password|v\+NkxY|45a30759/],
    ['/x/ios.txt', CISCO_IOS, /SuperSecret|AB\[hTZ/],
    ['/x/asa.txt', CISCO_ASA, /SuperSecret/],
    ['/x/aws.txt', AWS_GENERIC, /plain\.text_password1/],
    ['/x/fgt.txt', FORTIGATE, /EncryptedOnTheDevice|written in clear/],
    ['/x/srx.txt', JUNIPER, /scrambledByTheDevice/],
  ] as const) {
    const imported = importedFrom({ [file]: text })
    assert.doesNotMatch(JSON.stringify(imported), key)
    for (const tunnel of imported.tunnels) assert.doesNotMatch(tunnelYaml(tunnel), key)
  }
  const { imported } = tunnelFrom({ '/etc/ipsec.conf': IPSEC_MOON, ...SECRETS })
  assert.doesNotMatch(`${JSON.stringify(imported)}${tunnelYaml(imported)}`, /v\+NkxY|another peer/)
})

test('strongSwan: templates, includes and selectors with protocol and port', () => {
  const files = {
    '/etc/swanctl/swanctl.conf': 'include conf.d/*.conf\n',
    '/etc/swanctl/conf.d/base.conf': `base {
  version = 1
  local { auth = psk }
  remote { auth = psk }
  proposals = aes256-aes128-sha256-ecp256-modp2048
}`,
    '/etc/swanctl/conf.d/paris.conf': `connections {
  paris : base {
    local_addrs = 203.0.113.10   # ours
    remote_addrs = 198.51.100.7, 198.51.100.8
    children {
      web { local_ts = 10.1.4.4/16[tcp]
            remote_ts = 10.2.0.0/24[tcp/https], 10.3.0.0/24
            esp_proposals = aes256gcm16-ecp256, aes256-sha256-ecp256
            start_action = start }
      ah { ah_proposals = sha256 local_ts = 10.9.0.0/16 }
    }
  }
}
secrets { ike { secret = "a key that is long enough for all" } }`,
  }
  const { tunnels } = importTexts({
    sources: [{ file: '/etc/swanctl/swanctl.conf', text: files['/etc/swanctl/swanctl.conf'] }],
    files: memoryFiles(files),
    options: { ourAddresses: [] },
  }).imported[0]!
  const [tunnel] = loadedFrom(tunnels).tunnels
  assert.ok(tunnel)
  const { phase1, phase2, pfs, networks, start } = essence(tunnel)
  assert.deepEqual(phase1, [
    'aes256-sha256-group19',
    'aes256-sha256-group14',
    'aes128-sha256-group19',
    'aes128-sha256-group14',
  ])
  assert.deepEqual([phase2, pfs], [['aes256gcm16', 'aes256-sha256'], 'group19'])
  assert.deepEqual(networks, ['10.1.0.0/16 tcp <-> 10.2.0.0/24 tcp/443'.replace(' tcp <', ' <')])
  assert.equal(start, 'always')
  const left = tunnels[0]?.notes.filter(({ kind }) => kind === 'left-out') ?? []
  assert.match(JSON.stringify(left), /198\.51\.100\.8: one address a tunnel/)
  assert.match(JSON.stringify(left), /10\.3\.0\.0\/24: IKEv1 sends the first only/)
  assert.match(JSON.stringify(left), /AH is not spoken here/)
})

for (const [what, text, why] of [
  ['IKEv2', 'version = 2', /IKEv2 is not in this version/],
  ['no name and no address', 'version = 1\nremote_addrs = sun_1', /no address/],
  ['a range of peers', 'version = 1\nremote_addrs = 192.0.2.0/28', /a connection for each peer/],
  ['EAP', 'version = 0\nremote_addrs = 192.0.2.1\nremote { auth = eap-tls }', /eap/],
] as const) {
  test(`${what} is skipped, with the reason`, () => {
    const conf = `connections { x { local { auth = psk }
      remote { auth = psk }
      ${text}
      children { c { local_ts = 10.1.0.0/16
        remote_ts = 10.2.0.0/16 } } } }`
    const { tunnels, skipped } = importedFrom({ '/etc/swanctl/swanctl.conf': conf })
    assert.deepEqual(tunnels, [])
    assert.match(skipped[0]?.why ?? '', why)
  })
}

test('ipsec.conf of strongSwan: defaults, identities and the key that names both', () => {
  const { tunnel } = tunnelFrom({ '/etc/ipsec.conf': IPSEC_MOON, ...SECRETS })
  const { ids, networks, pfs, start } = essence(tunnel)
  assert.equal(ids, 'moon.strongswan.org sun.strongswan.org')
  assert.deepEqual(networks, ['10.1.0.0/16 <-> 10.2.0.0/16'])
  assert.deepEqual([pfs, start], ['none', 'always'])
  assert.deepEqual([tunnel.phase1.lifetime.seconds, tunnel.phase2.lifetime.seconds], [3_600, 1_200])
})

test('the side that has an address of ours is ours', () => {
  const { tunnel } = tunnelFrom(
    { '/etc/ipsec.conf': IPSEC_MOON, ...SECRETS },
    { ours: ['192.168.0.2'] },
  )
  const { ends, ids, networks } = essence(tunnel)
  assert.equal(ends, '192.168.0.2 192.168.0.1')
  assert.equal(ids, 'sun.strongswan.org moon.strongswan.org')
  assert.deepEqual(networks, ['10.2.0.0/16 <-> 10.1.0.0/16'])
})

test('transport mode, also=, one port and dead peer detection', () => {
  const { tunnel } = tunnelFrom({ '/etc/ipsec.conf': IPSEC_TRANSPORT, ...SECRETS })
  const { mode, networks, phase2, start } = essence(tunnel)
  assert.deepEqual([mode, phase2, start], ['transport', ['aes128gcm16'], 'on-traffic'])
  assert.deepEqual(networks, ['192.168.0.1 <-> 192.168.0.77 tcp/22'])
  assert.deepEqual(tunnel.deadPeer, { probeEvery: 10_000, giveUpAfter: 30_000 })
})

test('an identity of ours that is none is left out, not taken for the default', () => {
  const conf = IPSEC_MOON.replace(/leftid=\S+/, 'leftid="two words"')
  const { imported } = tunnelFrom({ '/etc/ipsec.conf': conf, ...SECRETS })
  const [left] = imported.notes.filter(({ origin }) => origin.text.includes('two words'))
  assert.equal(left?.kind, 'left-out')
})

test('certificates: files, and names turned to the order of RFC 4514', () => {
  const { tunnels } = importedFrom({ '/etc/ipsec.conf': IPSEC_CERT })
  const yaml = tunnelYaml(tunnels[0]!)
  assert.match(yaml, /own: "?\/etc\/ipsec\.d\/certs\/moonCert\.pem/)
  assert.match(yaml, /peer-id: "CN=sun\.strongswan\.org, O=strongSwan Project, C=CH"/)
  assert.match(yaml, /id: moon\.strongswan\.org/)
})

test('libreswan: PFS with the group of phase 1, lists of networks, and IKEv2 unless told', () => {
  const texts = {
    '/etc/ipsec.conf': LIBRESWAN,
    '/etc/ipsec.secrets': ': PSK "a key that is long enough for all"',
  }
  const imported = importedFrom(texts, { ours: ['203.0.113.10'] })
  assert.equal(imported.format, 'libreswan')
  assert.match(imported.skipped[0]?.why ?? '', /without keyexchange=ikev1 it is IKEv2/)
  const [tunnel] = loadedFrom(imported.tunnels).tunnels
  assert.ok(tunnel)
  const { phase1, phase2, pfs, networks } = essence(tunnel)
  assert.deepEqual(phase1, ['aes256-sha256-group14'])
  assert.deepEqual([phase2, pfs], [['aes256gcm16', 'aes256-sha256'], 'group14'])
  assert.deepEqual(networks, ['10.1.0.0/16 <-> 10.2.0.0/16', '10.5.0.0/16 <-> 10.2.0.0/16'])
  assert.equal(tunnel.encapsulation, 'force')
})

test('the usual names tell the format where the text does not, and that no connection is there is said', () => {
  for (const file of ['/etc/ipsec.conf', '/etc/swanctl/swanctl.conf']) {
    const { notes, tunnels } = importedFrom({ [file]: '# all of it is in a database\n' })
    assert.deepEqual(tunnels, [])
    assert.match(JSON.stringify(notes), /no connection is in this file/)
  }
  const eap = { '/etc/ipsec.secrets': 'ann : EAP "for another protocol"\n' }
  assert.equal(importedFrom({ '/etc/ipsec.conf': IPSEC_MOON, ...eap }).tunnels.length, 1)
})

test('the format is seen from the text', () => {
  assert.equal(formatOf(SWANCTL_MOON), 'strongswan-swanctl')
  assert.equal(formatOf(IPSEC_MOON), 'strongswan-ipsec')
  assert.equal(formatOf(IPSEC_SECRETS), 'secrets')
  assert.equal(formatOf(CISCO_IOS), 'cisco-ios')
  assert.equal(formatOf(CISCO_ASA), 'cisco-asa')
  assert.equal(formatOf(AWS_GENERIC), 'aws')
  assert.equal(formatOf('hello: world\n'), undefined)
})

const SAMPLES = [
  SWANCTL_MOON,
  IPSEC_MOON,
  IPSEC_SECRETS,
  LIBRESWAN,
  CISCO_IOS,
  CISCO_ASA,
  AWS_GENERIC,
  FORTIGATE,
  JUNIPER,
]
const FORMATS = [
  'strongswan-swanctl',
  'libreswan',
  'cisco-ios',
  'aws',
  'juniper-srx',
  'fortigate',
] as const

test('no text makes it throw, and what comes out is YAML our reader can take apart', () => {
  const damaged = fc
    .tuple(
      fc.constantFrom(...SAMPLES),
      fc.array(fc.tuple(fc.nat(4_000), fc.nat(40), fc.string({ maxLength: 12, unit: 'binary' })), {
        maxLength: 6,
      }),
    )
    .map(([text, cuts]) =>
      cuts.reduce(
        (now, [at, length, insert]) => now.slice(0, at) + insert + now.slice(at + length),
        text,
      ),
    )
  const check = (text: string, format: (typeof FORMATS)[number]) => {
    const { imported } = importTexts({
      sources: [{ file: '/x/text', text }],
      files: memoryFiles({}),
      options: { ourAddresses: [] },
      format,
    })
    for (const tunnel of imported.flatMap(({ tunnels }) => tunnels)) {
      const yaml = tunnelYaml(tunnel)
      const shown = [...yaml].every((char) => char === '\n' || char >= ' ')
      assert.ok(shown, JSON.stringify(yaml))
    }
  }
  fc.assert(fc.property(damaged, fc.constantFrom(...FORMATS), check), { numRuns: 400 })
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...FORMATS), check))
})

test('absurd texts are bounded', () => {
  for (const text of [
    'connections {'.repeat(5_000),
    `connections { a { ${'x = y\n'.repeat(10_000)} } }`,
    `a : a { }\nconnections { a : a, connections.a { } }`,
    `conn a\n also=a\n${' also=b\n'.repeat(2_000)}conn b\n also=a\n`,
    'crypto map M 1 set peer 192.0.2.1\n'.repeat(5_000),
    `object-group network A\n${' group-object A\n'.repeat(500)}access-list L extended permit ip object-group A any\ncrypto map M 1 match address L\ncrypto map M 1 set peer 192.0.2.1\n`,
    'include *\n'.repeat(1_000),
    Array.from({ length: 5_000 }, (_, i) => `set security ipsec vpn V${i} ike gateway G\n`).join(
      '',
    ),
    `config vpn ipsec phase1-interface\n${Array.from({ length: 5_000 }, (_, i) => `edit ${i}\nset remote-gw 192.0.2.1\n`).join('')}`,
  ]) {
    for (const format of FORMATS) {
      importTexts({
        sources: [{ file: '/x/text', text }],
        files: memoryFiles({ '/x/a': 'include *\n' }),
        options: { ourAddresses: [] },
        format,
      })
    }
  }
})

test('an address that is not written is the only one of this host, with a remark; of several none is taken', () => {
  const conf = IPSEC_MOON.replace(/left=\S+/, 'left=%defaultroute')
  const texts = { '/etc/ipsec.conf': conf, ...SECRETS }
  const read = (ourAddresses: readonly string[]) => {
    const sources = Object.entries(texts).map(([file, text]) => ({ file, text }))
    const request = { sources, files: memoryFiles(texts), options: { ourAddresses } }
    const [tunnel] = importTexts(request).imported[0]?.tunnels ?? []
    const address = tunnel?.values.find(({ key }) => key === 'address')?.value
    return { address, remarks: tunnel?.remarks.join(' ') ?? '' }
  }
  const one = read(['192.0.2.8', 'fe80::1', '2001:db8::8'])
  assert.equal(one.address, '192.0.2.8')
  assert.match(one.remarks, /192\.0\.2\.8 is taken, the only one of this host/)
  const several = read(['192.0.2.8', '192.0.2.9'])
  assert.equal(several.address, undefined)
  assert.match(several.remarks, /Our address is not said/)
})
