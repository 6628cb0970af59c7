import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { importFiles } from './import.ts'
import { rehearse } from './rehearse.ts'

const BOTH = `conn %default
  keyexchange=ikev1
  authby=secret
  aggressive=yes
  ike=aes128-sha256-modp2048!
  esp=aes128-sha256!
`
const SERVER = `${BOTH}conn branches
  left=192.0.2.1
  leftid=@hub.example
  leftsubnet=10.7.0.0/16
  right=%any
  rightid=b@example.net
  auto=add
`
const CLIENT = `${BOTH}conn hub
  left=192.0.2.8
  leftid=b@example.net
  right=192.0.2.1
  rightid=@hub.example
  rightsubnet=10.7.0.0/16
  auto=start
`
const SECRETS = ': PSK "a rather long key for the two"\nann : XAUTH "of seven syllables"\n'

for (const [what, server, client] of [
  ['a network of its own', '  rightsubnet=10.8.0.0/16\n', '  leftsubnet=10.8.0.0/16\n'],
  ['an address it is given', '  rightsourceip=10.9.0.7\n', '  leftsourceip=%config\n'],
  [
    'a login',
    '  rightsourceip=10.9.0.0/28\n  rightauth2=xauth\n',
    '  leftsourceip=%config\n  leftauth2=xauth\n  xauth_identity=ann\n',
  ],
] as const) {
  test(`a road warrior with ${what}: both ends imported come up with each other`, (context) => {
    const folder = temporary(context)
    const { terminal, said } = recordingTerminal()
    const mains = [CLIENT + client, SERVER + server].map((text, i) => {
      const from = join(folder, `from${i}`)
      const to = join(folder, `to${i}`)
      mkdirSync(from)
      writeFileSync(join(from, 'ipsec.conf'), text)
      writeFileSync(join(from, 'ipsec.secrets'), SECRETS)
      assert.equal(importFiles(terminal, [join(from, 'ipsec.conf')], { write: to }), EXIT.ok)
      return join(to, 'causeway.yaml')
    })
    const code = rehearse(terminal, mains, { loss: 0, nat: 'none', seed: 1 })
    assert.equal(code, EXIT.ok, said.out + said.err)
    if (what !== 'a login') return
    const users = join(folder, 'to1/keys/branches.users')
    assert.equal(statSync(users).mode & 0o777, 0o600)
    assert.equal(readFileSync(users, 'utf8'), 'ann:of seven syllables\n')
    assert.doesNotMatch(said.out + said.err, /seven syllables|rather long/)
  })
}

function temporary(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'cw-import-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
