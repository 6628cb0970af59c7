import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSelectorPair } from '#policy/traffic-selector'
import { importedFrom, tunnelFrom } from '../../../test/support/import-check.ts'
import type { ImportedTunnel } from './imported.ts'

const GATEWAY = `
conn %default
  keyexchange=ikev1
  authby=secret
  aggressive=yes
  left=192.0.2.1
  leftid=@hub.example
  leftsubnet=10.7.0.0/16
  right=%any
  ike=aes256-sha256-modp2048!
  auto=add
`
const BRANCH = `
conn branch
  rightid=b@example.net
  rightsubnet=10.8.0.0/16
`
const KEYS = '@hub.example : PSK "a key that is long enough for it"\n'

function imported(conf: string, secrets: string = KEYS, more: Record<string, string> = {}) {
  return importedFrom({ '/etc/ipsec.conf': conf, '/etc/ipsec.secrets': secrets, ...more })
}

function one(conf: string, secrets?: string): ImportedTunnel {
  const [tunnel, ...others] = imported(conf, secrets).tunnels
  assert.ok(tunnel && others.length === 0)
  return tunnel
}

const given = (tunnel: ImportedTunnel, key: string) =>
  tunnel.values.find((value) => value.key === key)?.value

const usersOf = (tunnel: ImportedTunnel) =>
  tunnel.users?.map(({ user, password }) => `${user}:${Buffer.from(password.reveal())}`)

test('a peer from anywhere without a network is skipped: a pair of all addresses would take all traffic of the host', () => {
  const { tunnels, skipped } = imported(`${GATEWAY}\nconn branch\n  rightid=b@example.net\n`)
  assert.deepEqual(tunnels, [])
  assert.match(skipped[0]?.why ?? '', /write its network, or give it an address/)
  const { tunnel } = tunnelFrom({
    '/etc/ipsec.conf': `${GATEWAY}${BRANCH}`,
    '/etc/ipsec.secrets': KEYS,
  })
  assert.deepEqual(
    [tunnel.peer, tunnel.narrow, ...tunnel.networks.map(formatSelectorPair)],
    ['any', undefined, '10.7.0.0/16 <-> 10.8.0.0/16'],
  )
})

test('an address or a network for the peer is Mode Config as a server, and of a range the largest network in it', () => {
  const conn = (range: string) =>
    one(`${GATEWAY}\nconn branch\n  rightid=b@example.net\n  rightsourceip=${range}\n`)
  const fixed = conn('10.9.0.7')
  assert.deepEqual(
    ['mode-config.role', 'mode-config.address', 'networks'].map((key) => given(fixed, key)),
    ['server', '10.9.0.7', ['10.7.0.0/16 <-> any']],
  )
  assert.equal(given(conn('10.9.0.0/24'), 'mode-config.pool'), '10.9.0.0/24')
  for (const [range, key, value] of [
    ['10.9.0.10-10.9.0.250', 'mode-config.pool', '10.9.0.64/26'],
    ['10.9.0.100/24', 'mode-config.pool', '10.9.0.128/25'],
    ['10.9.0.5-10.9.0.5', 'mode-config.address', '10.9.0.5'],
  ] as const) {
    const part = conn(range)
    assert.equal(given(part, key), value)
    assert.equal(/is no network/.test(part.remarks.join()), key === 'mode-config.pool')
  }
  const { skipped } = imported(
    `${GATEWAY}\nconn branch\n  rightid=b@example.net\n  rightsourceip=%dhcp\n`,
  )
  assert.match(skipped[0]?.why ?? '', /rightsourceip=%dhcp: a pool is a network/)
})

test('a client of Mode Config has its given address in phase 2', () => {
  const tunnel = one(
    'conn home\n keyexchange=ikev1\n authby=secret\n left=192.0.2.8\n leftsourceip=%config\n right=192.0.2.1\n rightsubnet=10.7.0.0/16\n',
  )
  assert.equal(given(tunnel, 'mode-config.role'), 'client')
  assert.deepEqual(given(tunnel, 'networks'), ['any <-> 10.7.0.0/16'])
})

test('who logs in is read from both ways of writing XAUTH, and the users with it', () => {
  const users = `${KEYS}ann : XAUTH "pass one"\n: XAUTH bob "pass two"\n`
  for (const line of ['rightauth2=xauth', 'xauth=server\n  authby=xauthpsk']) {
    const tunnel = one(`${GATEWAY}${BRANCH}  ${line}\n`, users)
    assert.equal(given(tunnel, 'xauth.role'), 'server')
    assert.equal(given(tunnel, 'xauth.users'), 'keys/branch.users')
    assert.deepEqual(usersOf(tunnel), ['ann:pass one', 'bob:pass two'])
  }
  const named = one(`${GATEWAY}${BRANCH}  rightauth2=xauth\n  xauth_identity=bob\n`, users)
  assert.deepEqual(usersOf(named), ['bob:pass two'])
})

test('a client of XAUTH has its user and password', () => {
  const conf = (more: string) =>
    `conn home\n keyexchange=ikev1\n left=192.0.2.8\n leftid=b@example.net\n right=192.0.2.1\n rightsubnet=10.7.0.0/16\n${more}`
  const secrets = ': PSK "a key that is long enough for it"\nann : XAUTH "pass one"\n'
  for (const more of [
    ' authby=xauthpsk\n xauth_identity=ann\n',
    ' authby=secret\n leftauth2=xauth\n',
    ' authby=secret\n leftxauthclient=yes\n leftusername=ann\n',
  ]) {
    const tunnel = one(conf(more), secrets)
    assert.deepEqual(
      ['xauth.role', 'xauth.user', 'xauth.password'].map((key) => given(tunnel, key)),
      ['client', 'ann', 'file:keys/home.password'],
      more,
    )
  }
})

test('swanctl.conf: a server of XAUTH and Mode Config has its users and its pool', () => {
  const { tunnels, notes } = importedFrom({
    '/etc/swanctl/swanctl.conf': `connections {
  hub {
    version = 1
    aggressive = yes
    local_addrs = 192.0.2.1
    pools = inside
    local { auth = psk
      id = hub.example }
    remote { auth = psk
      id = b@example.net }
    remote-login { auth = xauth }
    children { net { local_ts = 10.7.0.0/16 } }
  }
}
pools {
  inside { addrs = 10.9.0.0/24
    dns = 10.7.0.53 }
  spare { addrs = 10.8.0.0/24 }
}
secrets {
  ike-hub { id = hub.example
    secret = "a key that is long enough for it" }
  ike-other { id = other.example
    secret = "another one for nobody here" }
  xauth-ann { id = ann
    secret = "pass one" }
}
`,
  })
  const [tunnel] = tunnels
  assert.ok(tunnel)
  assert.deepEqual(
    ['xauth.role', 'mode-config.pool', 'mode-config.dns', 'networks'].map((key) =>
      given(tunnel, key),
    ),
    ['server', '10.9.0.0/24', ['10.7.0.53'], ['10.7.0.0/16 <-> any']],
  )
  assert.deepEqual(usersOf(tunnel), ['ann:pass one'])
  assert.deepEqual(
    notes.map(({ origin }) => origin.text.trim()),
    ['spare { addrs = 10.8.0.0/24 }', 'ike-other { id = other.example'],
  )
})

test('ipsec.secrets: what is included is read, and no line is passed over in silence', () => {
  const conf =
    'conn a\n keyexchange=ikev1\n authby=secret\n left=192.0.2.8\n right=192.0.2.1\n leftsubnet=10.1.0.0/16\n rightsubnet=10.7.0.0/16\n'
  const { tunnels, notes } = imported(
    conf,
    'include more.secrets\ninclude gone.secrets\nnonsense hunter2\n192.0.2.77 : PSK "for nobody who is here"\n: RSA {\n  Modulus: 0x12\n  }\n',
    { '/etc/more.secrets': '192.0.2.8 192.0.2.1 : PSK "a key that is long enough for it"\n' },
  )
  assert.equal(tunnels[0]?.psk && Buffer.from(tunnels[0].psk.reveal()).toString().length, 32)
  assert.deepEqual(
    notes.map(({ origin }) => origin.line),
    [2, 3, 5, 4],
  )
  assert.doesNotMatch(JSON.stringify(notes), /hunter2|0x12|nobody who/)
})

test('the passphrase of a private key goes into a file of its own', () => {
  const tunnel = one(
    'conn a\n keyexchange=ikev1\n left=192.0.2.8\n leftcert=a.pem\n right=192.0.2.1\n rightid=@hub.example\n rightsubnet=10.7.0.0/16\n',
    ': RSA a.key "words to open it"\n',
  )
  assert.equal(given(tunnel, 'certificate.passphrase'), 'file:keys/a.passphrase')
  assert.ok(tunnel.passphrase)
})

test('where none of the algorithms written can be, strongSwan offers its defaults unless told not to', () => {
  const conf = (ike: string) => `${GATEWAY.replace(/ike=.*/, `ike=${ike}`)}${BRANCH}`
  assert.equal(given(one(conf('aes128-sha')), 'phase1.propose'), undefined)
  assert.equal(imported(conf('aes128-sha!')).tunnels.length, 0)
})

test('a peer by name that may come from anywhere is waited for', () => {
  const conf = GATEWAY.replace('right=%any', 'right=%branch.example.net')
  const tunnel = one(`${conf}\nconn b\n rightid=b@example.net\n rightsubnet=10.8.0.0/16\n`)
  assert.equal(given(tunnel, 'peer'), 'any')
  assert.match(tunnel.remarks.join('\n'), /called at that name/)
})

test('with and without extended sequence numbers are two proposals', () => {
  const tunnel = one(`${GATEWAY}${BRANCH} esp=aes128-sha256-modp2048-esn-noesn!\n`)
  assert.deepEqual(given(tunnel, 'phase2.propose'), ['aes128-sha256-esn', 'aes128-sha256'])
})

test('swanctl.conf: a connection whose children are all AH is skipped with that reason', () => {
  const { skipped } = importedFrom({
    '/etc/swanctl/swanctl.conf': `connections {
  a { version = 1
    local_addrs = 192.0.2.1
    remote_addrs = 192.0.2.2
    local { auth = psk }
    remote { auth = psk }
    children { host { ah_proposals = sha256-modp2048 } }
  }
}
`,
  })
  assert.match(skipped[0]?.why ?? '', /host is AH/)
})

test('swanctl.conf: a login without a name has that of the first round, as strongSwan takes it', () => {
  const { tunnels } = importedFrom({
    '/etc/swanctl/swanctl.conf': `connections {
  home { version = 1
    local_addrs = 192.0.2.8
    remote_addrs = 192.0.2.1
    local-1 { auth = psk
      id = ann@example.net }
    local-2 { auth = xauth }
    remote { auth = psk }
    children { net { remote_ts = 10.7.0.0/16 } }
  }
}
secrets {
  ike { secret = "a key that is long enough for it" }
  xauth { id = ann@example.net
    secret = "pass one" }
}
`,
  })
  const [tunnel] = tunnels
  assert.ok(tunnel?.password)
  assert.equal(given(tunnel, 'xauth.user'), 'ann@example.net')
})
