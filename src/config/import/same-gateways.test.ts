import assert from 'node:assert/strict'
import { test } from 'node:test'
import { essence, importedFrom, loadedFrom } from '../../../test/support/import-check.ts'

const BOTH = `conn %default
  keyexchange=ikev1
  authby=secret
  left=192.0.2.1
  right=192.0.2.2
  ike=aes256-sha256-modp2048!
  esp=aes256-sha256!
conn office
  leftsubnet=10.1.0.0/16
  rightsubnet=10.8.0.0/16
  auto=add
conn store
  leftsubnet=10.1.0.0/16
  rightsubnet=10.9.0.0/16
  auto=route
`
const KEY = ': PSK "a key that is long enough for both"\n'

const imported = (conf: string) =>
  importedFrom({ '/etc/ipsec.conf': conf, '/etc/ipsec.secrets': KEY })

test('connections between the same two gateways are one tunnel with the networks of both', () => {
  const { tunnels } = imported(BOTH)
  const [tunnel, ...others] = loadedFrom(tunnels).tunnels
  assert.ok(tunnel && others.length === 0)
  assert.deepEqual(
    [tunnel.name, ...essence(tunnel).networks],
    ['office', '10.1.0.0/16 <-> 10.8.0.0/16', '10.1.0.0/16 <-> 10.9.0.0/16'],
  )
  assert.equal(tunnel.start, 'on-traffic')
  assert.match(tunnels[0]?.remarks.join('\n') ?? '', /those of store, too/)
  const lines = new Set(tunnels[0]?.notes.map(({ origin }) => origin.line))
  for (const line of [9, 10, 11, 13, 14, 15]) assert.ok(lines.has(line), `line ${line}`)
})

test('where they differ in more than networks both stay, and what is different is said', () => {
  const { tunnels } = imported(`${BOTH}  esp=aes128-sha256!\n`)
  assert.deepEqual(
    tunnels.map(({ name }) => name),
    ['office', 'store'],
  )
  assert.match(
    tunnels[1]?.remarks.join('\n') ?? '',
    /gateways as office but another phase2\.propose/,
  )
})

test('connections to different peers stay apart', () => {
  const { tunnels } = imported(`${BOTH}  right=192.0.2.3\n`)
  assert.equal(tunnels.length, 2)
})
