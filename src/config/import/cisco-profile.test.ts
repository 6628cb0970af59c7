import assert from 'node:assert/strict'
import { test } from 'node:test'
import { essence, importedFrom, loadedFrom } from '../../../test/support/import-check.ts'

const VTI = `
hostname branch7
ip domain name example.net
crypto keyring KR-PARIS
  local-address 203.0.113.10
  pre-shared-key address 198.51.100.7 key a-key-of-paris
crypto isakmp profile PROF-PARIS
   keyring KR-PARIS
   self-identity fqdn
   match identity host paris.example.net
crypto isakmp policy 1
 encr aes 256
 hash sha256
 authentication pre-share
 group 14
crypto ipsec transform-set T1 esp-gcm 256
crypto ipsec profile IPSEC-PARIS
 set transform-set T1
 set isakmp-profile PROF-PARIS
interface Tunnel1
 ip address 169.254.10.2 255.255.255.252
 tunnel source GigabitEthernet0/0
 tunnel mode ipsec ipv4
 tunnel destination 198.51.100.7
 tunnel protection ipsec profile IPSEC-PARIS
interface GigabitEthernet0/0
 ip address 203.0.113.10 255.255.255.0
ip route 10.2.0.0 255.255.0.0 Tunnel1
ip route 10.3.0.0 255.255.0.0 169.254.10.1
ip route 0.0.0.0 0.0.0.0 203.0.113.1
`

test('an ISAKMP profile of IOS says whose key it is and who both sides are, and nothing of it is called unused', () => {
  const { tunnels, notes } = importedFrom({ '/x/ios.txt': VTI })
  const [tunnel] = loadedFrom(tunnels).tunnels
  assert.ok(tunnel !== undefined)
  assert.equal(essence(tunnel).ids, 'branch7.example.net paris.example.net')
  assert.ok(tunnels[0]?.psk)
  assert.deepEqual(notes, [])
  const left = tunnels[0].notes.filter(({ kind }) => kind === 'left-out')
  assert.deepEqual(left, [])
})

test('a static route leads into a tunnel interface by its name or by a next hop in its network', () => {
  const { tunnels } = importedFrom({ '/x/ios.txt': VTI })
  const [tunnel] = loadedFrom(tunnels).tunnels
  assert.deepEqual(
    tunnel?.routes?.map(({ address }) => address),
    ['10.2.0.0', '10.3.0.0'],
  )
})

test('what an ISAKMP profile matches beside the peer is left out with the reason', () => {
  const text = VTI.replace(
    'match identity host paris.example.net',
    'match identity address 0.0.0.0',
  )
  const { tunnels } = importedFrom({ '/x/ios.txt': text })
  const left = tunnels[0]?.notes.filter(({ kind }) => kind === 'left-out') ?? []
  assert.equal(left.length, 1)
})
