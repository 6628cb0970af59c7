import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MemoryFile, memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const USERS = '/etc/cw/branches.users'

test('a client has a user and a password from a file, an end of line not being part of it', () => {
  const { config, problems } = load(
    'xauth: {role: client, user: branch-7, password: file:pw}\n    mode-config: {role: client}',
    'any <-> 10.2.0.0/16',
    { '/etc/cw/pw': 'open sesame\n' },
  )
  assert.deepEqual(problems, [])
  const [tunnel] = config?.tunnels ?? []
  assert.ok(tunnel?.xauth?.role === 'client')
  assert.equal(new TextDecoder().decode(tunnel.xauth.password.reveal()), 'open sesame')
  assert.deepEqual(tunnel.modeConfig, { role: 'client', method: 'pull' })
})

test('a server has users from a file; what follows the first colon is the password', () => {
  const { config, problems } = load(
    'xauth: {role: server, users: branches.users}\n    mode-config: {role: server, address: 10.2.0.7, dns: 10.1.0.53}',
    '10.1.0.0/16 <-> 10.2.0.7',
    { [USERS]: '# branches\n\nbranch-7:open: sesame \r\nbranch-8:x\n' },
  )
  assert.deepEqual(problems, [])
  const xauth = config?.tunnels[0]?.xauth
  assert.ok(xauth?.role === 'server')
  assert.deepEqual(
    xauth.users.map(({ user, password }) => [user, new TextDecoder().decode(password.reveal())]),
    [
      ['branch-7', 'open: sesame '],
      ['branch-8', 'x'],
    ],
  )
})

for (const [what, keys, networks, files, message] of [
  ['no password', 'xauth: {role: client, user: u}', '', {}, /needs "password"/],
  [
    'users at a client',
    `xauth: {role: client, user: u, password: "p p", users: x}`,
    '',
    {},
    /belongs to a server/,
  ],
  [
    'a user at a server',
    'xauth: {role: server, users: branches.users, user: u}',
    '',
    { [USERS]: 'a:b' },
    /belongs to a client/,
  ],
  ['a missing file', 'xauth: {role: server, users: branches.users}', '', {}, /no such file/],
  [
    'a file for all to read',
    'xauth: {role: server, users: branches.users}',
    '',
    { [USERS]: { text: 'a:b', mode: 0o644 } },
    /others can read/,
  ],
  [
    'a line without password',
    'xauth: {role: server, users: branches.users}',
    '',
    { [USERS]: 'a:b\nc\n' },
    /line 2/,
  ],
  [
    'a user twice',
    'xauth: {role: server, users: branches.users}',
    '',
    { [USERS]: 'a:b\na:c\n' },
    /line 2/,
  ],
  ['no users', 'xauth: {role: server, users: branches.users}', '', { [USERS]: '#\n' }, /0 users/],
  ['a server without address', 'mode-config: {role: server}', '', {}, /needs "address"/],
  [
    'a client with an address',
    'mode-config: {role: client, address: 10.9.0.1}',
    'any <-> 10.2.0.0/16',
    {},
    /what a server gives/,
  ],
  [
    'a client with name servers',
    'mode-config: {role: client, dns: 10.9.0.1}',
    'any <-> 10.2.0.0/16',
    {},
    /what a server gives/,
  ],
  ['a client with a network of its own', 'mode-config: {role: client}', '', {}, /write any/],
  [
    'an address outside the networks',
    'mode-config: {role: server, address: 10.9.0.1}',
    '',
    {},
    /no pair of networks/,
  ],
] as const) {
  test(`says what is wrong with ${what}`, () => {
    const { problems } = load(keys, networks || '10.1.0.0/16 <-> 10.2.0.0/16', files)
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0]?.message ?? '', message)
  })
}

test('users written where their file is to be named are said nowhere', () => {
  const { problems, sources } = load('xauth: {role: server, users: "bob:hunter2"}', '', {})
  assert.ok(problems.some(({ message }) => /^xauth\.users names a file, and what/.test(message)))
  assert.doesNotMatch(JSON.stringify([problems, [...sources.values()]]), /hunter2/)
})

test('a password in the file is blanked wherever the file is shown', () => {
  const { sources } = load('xauth: {role: client, user: u, password: "opensesame"}', '', {})
  const text = [...sources.values()].join()
  assert.ok(text.includes('branch') || text.includes('user'))
  assert.ok(!text.includes('opensesame'))
})

function load(keys: string, networks: string, more: Readonly<Record<string, MemoryFile>>) {
  const text = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  t:
    peer: 198.51.100.7
    psk: "b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe"
    networks: ["${networks || '10.1.0.0/16 <-> 10.2.0.0/16'}"]
    ${keys}
`
  const files = memoryFiles({ '/etc/cw/c.yaml': text, ...more })
  return loadConfig('/etc/cw/c.yaml', { files, variables: {}, hostName: 'gw' })
}
