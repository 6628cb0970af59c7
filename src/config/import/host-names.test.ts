import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatExpected } from '#policy/expected-identity'
import { importedFrom, tunnelFrom } from '../../../test/support/import-check.ts'
import { CISCO_IOS, FORTIGATE } from '../../../test/support/import-samples-devices.ts'

const CONN = `conn x
  authby=secret
  left=203.0.113.10
  leftsubnet=10.1.0.0/16
  right=vpn.partner.example
  rightsubnet=10.2.0.0/16
`
const STRONGSWAN = `${CONN}  keyexchange=ikev1\n  ike=aes256-sha256-modp2048!\n`
const LIBRESWAN = `${CONN}  ikev2=no\n  auto=ondemand\n`
const KEYS = {
  '/etc/ipsec.secrets': '203.0.113.10 vpn.partner.example : PSK "a key that is long enough"\n',
}

function peerOf(texts: Readonly<Record<string, string>>) {
  const { tunnel, imported } = tunnelFrom(texts)
  const { peer, peerName, remoteId } = tunnel
  const isAddress = peerName?.isIdentity === true
  const id = isAddress ? 'its address' : formatExpected(remoteId)
  return { peer, name: peerName?.name, id, hasKey: imported.psk !== undefined }
}

test('ipsec.conf of strongSwan: right=NAME, whose identity there is the name itself', () => {
  assert.deepEqual(peerOf({ '/etc/ipsec.conf': STRONGSWAN, ...KEYS }), {
    peer: 'unresolved',
    name: 'vpn.partner.example',
    id: 'vpn.partner.example',
    hasKey: true,
  })
})

test('a rightid is taken as it is written, the name of the peer too', () => {
  for (const id of ['vpn.partner.example', 'asa1.example'])
    assert.equal(peerOf({ '/etc/ipsec.conf': `${STRONGSWAN}  rightid=@${id}\n`, ...KEYS }).id, id)
})

test('ipsec.conf of libreswan: right=NAME, whose identity there is the address', () => {
  const { name, id, hasKey } = peerOf({ '/etc/ipsec.conf': LIBRESWAN, ...KEYS })
  assert.deepEqual([name, id, hasKey], ['vpn.partner.example', 'its address', true])
})

test('swanctl.conf: remote_addrs = NAME, with a word on the identity that was not asked for', () => {
  const conf = `connections { x {
    version = 1
    local_addrs = 203.0.113.10
    remote_addrs = moon.strongswan.org
    local { auth = psk }
    remote { auth = psk }
    children { c { local_ts = 10.1.0.0/16
      remote_ts = 10.2.0.0/16 } } } }`
  const texts = { '/etc/swanctl/swanctl.conf': conf }
  const { name, id } = peerOf(texts)
  assert.deepEqual([name, id], ['moon.strongswan.org', 'its address'])
  const { remarks } = importedFrom(texts).tunnels[0]!
  assert.match(remarks.join('\n'), /peer-id: \{sends: moon\.strongswan\.org\}/)
  const said = conf.replace(
    'remote { auth = psk }',
    'remote { auth = psk\n id = moon.strongswan.org }',
  )
  assert.equal(peerOf({ '/etc/swanctl/swanctl.conf': said }).id, 'moon.strongswan.org')
})

test('transport mode between the gateways alone needs no networks', () => {
  const conf = STRONGSWAN.replace(/ {2}(?:left|right)subnet.*\n/g, '')
  const { tunnel } = tunnelFrom({ '/etc/ipsec.conf': `${conf}  type=transport\n`, ...KEYS })
  assert.deepEqual([tunnel.mode, tunnel.peerName?.isNetwork], ['transport', true])
  const swanctl = `connections { x {
    version = 1
    local_addrs = 203.0.113.10
    remote_addrs = moon.strongswan.org
    local { auth = psk }
    remote { auth = psk }
    children { c { mode = transport } } } }`
  const read = tunnelFrom({ '/etc/swanctl/swanctl.conf': swanctl }).tunnel
  assert.deepEqual([read.mode, read.peerName?.isNetwork], ['transport', true])
})

test('where a network is the address of the peer itself, that must be written', () => {
  const conf = STRONGSWAN.replace(/ {2}rightsubnet.*\n/, '')
  const { tunnels, skipped } = importedFrom({ '/etc/ipsec.conf': conf, ...KEYS })
  assert.deepEqual(tunnels, [])
  assert.match(skipped[0]?.why ?? '', /write its address in place of its name/)
})

test('devices: a crypto map, and a FortiGate with dynamic DNS', () => {
  const cisco = CISCO_IOS.replaceAll('198.51.100.7', 'vpn.partner.example')
  const names = importedFrom({ '/x/ios.txt': cisco }).tunnels.flatMap(({ values }) =>
    values.filter(({ key }) => key === 'peer').map(({ value }) => value),
  )
  assert.ok(names.includes('vpn.partner.example'), `${names}`)
  const fortigate = FORTIGATE.replace(
    /set remote-gw \S+/,
    'set type ddns\n        set remotegw-ddns "vpn.partner.example"',
  )
  assert.equal(peerOf({ '/x/device.txt': fortigate }).name, 'vpn.partner.example')
})
