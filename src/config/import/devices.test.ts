import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  essence,
  importedFrom,
  loadedFrom,
  tunnelFrom,
} from '../../../test/support/import-check.ts'
import {
  AWS_GENERIC,
  CISCO_ASA,
  CISCO_IOS,
  FORTIGATE,
  JUNIPER,
} from '../../../test/support/import-samples-devices.ts'

test('Cisco IOS: crypto map with wildcard masks, and tunnel interface with routes', () => {
  const { tunnels, skipped } = importedFrom({ '/x/ios.txt': CISCO_IOS })
  const [paris, lyon] = [...loadedFrom(tunnels).tunnels].sort((a, b) => (a.name < b.name ? 1 : -1))
  assert.ok(paris && lyon)
  assert.deepEqual(essence(paris), {
    ike: 'v1-main',
    ends: '203.0.113.10 198.51.100.7',
    ids: '203.0.113.10 198.51.100.7',
    phase1: ['aes256-sha1-group14'],
    phase2: ['aes256-sha1'],
    pfs: 'group14',
    networks: ['10.1.0.0/16 <-> 10.2.0.0/16', '10.1.0.0/16 <-> 10.3.7.4 tcp/443'],
    mode: 'tunnel',
    start: 'on-traffic',
  })
  assert.deepEqual(
    [lyon.routes, lyon.mtu, lyon.addresses],
    [[{ address: '10.8.0.0', bits: 14 }], 1400, [{ address: '169.254.10.1', bits: 30 }]],
  )
  assert.match(skipped[0]?.why ?? '', /dynamic/)
  assert.ok(tunnels.find(({ name }) => name === 'Paris-office')?.psk)
  const remarks = tunnels.find(({ name }) => name === 'Lyon')?.remarks.join()
  assert.match(remarks ?? '', /not in this text in clear/)
})

test('Cisco ASA: objects, groups, masks; IKEv2 skipped', () => {
  const { format, tunnels, skipped } = importedFrom({ '/x/asa.txt': CISCO_ASA })
  assert.equal(format, 'cisco-asa')
  const [tunnel] = loadedFrom(tunnels).tunnels
  assert.ok(tunnel)
  const { networks, pfs } = essence(tunnel)
  assert.deepEqual(networks, [
    '10.2.0.0/16 <-> 10.1.0.0/16',
    '10.3.7.4 tcp/443 <-> 10.1.0.0/16 tcp',
  ])
  assert.equal(pfs, 'group14')
  assert.match(skipped[0]?.why ?? '', /IKEv2/)
})

test('a pasted Cisco text without its indentation is read the same', () => {
  const flat = CISCO_IOS.replace(/^ +/gm, '')
  const read = (text: string) =>
    loadedFrom(importedFrom({ '/x/ios.txt': text }).tunnels).tunnels.map(essence)
  assert.deepEqual(read(flat), read(CISCO_IOS))
})

test('AWS: both phases, inside address and MTU, on its preset', () => {
  const { tunnel, imported } = tunnelFrom({ '/x/vpn.txt': AWS_GENERIC })
  const { ends, phase1, phase2, pfs } = essence(tunnel)
  assert.equal(ends, '203.0.113.10 198.51.100.7')
  assert.deepEqual([phase1, phase2, pfs], [['aes128-sha1-group2'], ['aes128-sha1'], 'group2'])
  assert.deepEqual([tunnel.mtu, tunnel.preset, tunnel.routes], [1436, 'aws', []])
  assert.equal(imported.name, 'vpn-44a8938f-1')
})

test('FortiGate: a tunnel of a phase 1 with its phase 2 entries', () => {
  const { format, tunnels, skipped } = importedFrom({ '/x/fgt.conf': FORTIGATE })
  assert.equal(format, 'fortigate')
  assert.match(skipped[0]?.why ?? '', /IKEv2/)
  const [tunnel] = loadedFrom(tunnels).tunnels
  assert.ok(tunnel)
  assert.deepEqual(essence(tunnel), {
    ike: 'v1-main',
    ends: '203.0.113.10 198.51.100.7',
    ids: '203.0.113.10 198.51.100.7',
    phase1: [
      'aes256-sha256-group14',
      'aes256-sha256-group5',
      'aes128-sha1-group14',
      'aes128-sha1-group5',
    ],
    phase2: ['aes256gcm16', 'aes256-sha256'],
    pfs: 'group14',
    networks: ['10.1.0.0/16 <-> 10.2.0.0/16', '10.1.0.0/16 <-> 10.3.7.4 tcp/443'],
    mode: 'tunnel',
    start: 'on-traffic',
  })
  assert.match(tunnels[0]?.remarks.join() ?? '', /stored encrypted/)
})

test('Juniper with braces: a tunnel over st0 with its routes', () => {
  const { format, tunnels } = importedFrom({ '/x/srx.conf': JUNIPER })
  assert.equal(format, 'juniper-srx')
  const [tunnel] = loadedFrom(tunnels).tunnels
  assert.ok(tunnel)
  const { ends, ids, phase1, phase2, pfs, networks, start } = essence(tunnel)
  assert.equal(ends, '203.0.113.10 198.51.100.7')
  assert.equal(ids, 'srx.example.net 198.51.100.7')
  assert.deepEqual([phase1, phase2, pfs], [['aes256-sha256-group14'], ['aes256-sha256'], 'group14'])
  assert.deepEqual([networks, start], [['0.0.0.0/0 <-> 0.0.0.0/0'], 'always'])
  assert.deepEqual(
    [tunnel.routes, tunnel.addresses],
    [[{ address: '10.2.0.0', bits: 16 }], [{ address: '169.254.10.1', bits: 30 }]],
  )
  assert.doesNotMatch(JSON.stringify(tunnels), /scrambledByTheDevice/)
})
