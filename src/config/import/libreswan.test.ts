import assert from 'node:assert/strict'
import { test } from 'node:test'
import { essence, importedFrom, tunnelFrom } from '../../../test/support/import-check.ts'
import { readIkeProposals } from './proposal-text.ts'

const SITE = `conn site
  left=192.0.2.8
  leftsubnet=10.1.0.0/16
  right=192.0.2.1
  rightsubnet=10.7.0.0/16
  keyexchange=ikev1
`
const KEY = { '/etc/ipsec.secrets': '192.0.2.8 192.0.2.1: PSK "a key that is long enough"\n' }

const imported = (more: string) => importedFrom({ '/etc/ipsec.conf': `${SITE}${more}`, ...KEY })

test('keyexchange=ikev1 tells nothing of the family, what stands beside it does', () => {
  const daemon = 'config setup\n  ikev1-policy=accept\n'
  for (const [text, format] of [
    [`${daemon}${SITE}`, 'libreswan'],
    [`config setup\n  uniqueids=no\n${SITE}  authby=secret\n`, 'strongswan-ipsec'],
    [`${SITE}  leftauth=psk\n  rightauth=psk\n`, 'strongswan-ipsec'],
    [`${SITE}  leftrsasigkey=%cert\n`, 'libreswan'],
  ] as const)
    assert.equal(importedFrom({ '/etc/ipsec.conf': text, ...KEY }).format, format, text)
})

test('a proposal that leaves hash or group to libreswan is filled in, and a remark says so', () => {
  const { tunnel, imported: read } = tunnelFrom({
    '/etc/ipsec.conf': `${SITE}  authby=secret\n  ike=aes256-sha2,aes128\n  phase2alg=aes256\n`,
    ...KEY,
  })
  const { phase1, phase2, pfs } = essence(tunnel)
  assert.deepEqual(phase1, ['aes256-sha256-group14', 'aes128-sha256-group14'])
  assert.deepEqual([phase2, pfs], [['aes256-sha256'], 'group14'])
  assert.match(read.remarks.join('\n'), /leaves it to libreswan how aes256-sha2, aes128 goes on/)
  assert.deepEqual(readIkeProposals('aes256-sha2').suites, [])
})

test('a raw public key is no certificate: the connection is skipped with that reason', () => {
  const { tunnels, skipped } = imported('  ikev2=no\n  authby=rsasig\n  leftrsasigkey=0sAQO9bJ\n')
  assert.deepEqual(tunnels, [])
  assert.match(skipped[0]?.why ?? '', /leftrsasigkey=: public keys without certificates/)
  assert.equal(imported('  ikev2=no\n  leftrsasigkey=%cert\n  leftcert=near\n').tunnels.length, 1)
})

test('the address inside a VTI is that of the interface', () => {
  const { tunnels } = imported(
    '  authby=secret\n  ikev2=no\n  vti-interface=vti1\n  mark=5/0xffffffff\n  leftvti=169.254.9.1/30\n  rightvti=169.254.9.2/30\n',
  )
  const [tunnel] = tunnels
  assert.equal(
    tunnel?.values.find(({ key }) => key === 'interface.address')?.value,
    '169.254.9.1/30',
  )
  assert.deepEqual(
    tunnel?.notes.filter(({ kind }) => kind === 'left-out'),
    [],
  )
})

test('what lets packets pass is called that, whatever IKE it would speak', () => {
  const { skipped } = importedFrom({
    '/etc/ipsec.conf': `${SITE}conn clear\n  ikev2=insist\n  type=passthrough\n  left=192.0.2.8\n  right=192.0.2.1\n`,
  })
  assert.match(skipped.find(({ name }) => name === 'clear')?.why ?? '', /type=passthrough/)
})
