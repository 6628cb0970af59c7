import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importedFrom } from '../../../test/support/import-check.ts'
import { readEspProposals, readIkeProposals } from './proposal-text.ts'

const connection = (children: string, remote = 'auth = psk') => ({
  '/etc/swanctl/swanctl.conf': `connections {
  a { version = 1
    local_addrs = 192.0.2.8
    remote_addrs = 192.0.2.1
    local { auth = psk }
    remote { ${remote} }
    children { ${children} }
  }
}
secrets { ike { secret = "a key that is long enough for it" } }
`,
})

test('of children in both modes those in the mode of the first are taken, and the others named', () => {
  const { tunnels } = importedFrom(
    connection(`net { local_ts = 10.1.0.0/16
      remote_ts = 10.7.0.0/16 }
    hosts { mode = transport }`),
  )
  const given = new Map(tunnels[0]?.values.map(({ key, value }) => [key, value]))
  assert.deepEqual(given.get('networks'), ['10.1.0.0/16 <-> 10.7.0.0/16'])
  assert.equal(given.get('mode'), undefined)
  assert.match(JSON.stringify(tunnels[0]?.notes), /a tunnel has one mode, and hosts has transport/)
})

test('children that begin each in another way leave a remark', () => {
  const { tunnels } = importedFrom(
    connection(`one { remote_ts = 10.7.0.0/16
      start_action = start }
    two { remote_ts = 10.8.0.0/16
      start_action = trap }`),
  )
  assert.match(tunnels[0]?.remarks.join('\n') ?? '', /begin each in another way/)
})

test('an identity with a wildcard names nobody', () => {
  const { tunnels } = importedFrom(
    connection('net { remote_ts = 10.7.0.0/16 }', 'auth = psk\n id = *@example.net'),
  )
  assert.deepEqual(
    tunnels[0]?.values.filter(({ key }) => key.startsWith('peer-id')),
    [],
  )
  assert.match(JSON.stringify(tunnels[0]?.notes), /one identity is accepted here/)
})

test('what of a proposal cannot be here is named by its word', () => {
  assert.deepEqual(readIkeProposals('twofish256-sha512-modp4096').refused, [
    'twofish256-sha512-modp4096: twofish256 is not among the algorithms here',
  ])
  assert.match(readEspProposals('null-sha256').refused.join(), /encrypts nothing/)
  assert.deepEqual(readEspProposals('aes_gcm256-null;dh14').suites, ['aes256gcm16'])
})

test('what is loaded and begun by hand elsewhere waits here, and how to begin it is said', () => {
  const remarks = (start: string) =>
    importedFrom(connection(`net { remote_ts = 10.7.0.0/16\n${start} }`)).tunnels[0]?.remarks.join(
      ' ',
    )
  assert.match(remarks('') ?? '', /begins once, start: always keeps it up/)
  assert.doesNotMatch(remarks('start_action = trap') ?? '', /causeway up/)
})

test('ESP in UDP is forced where it was, and marks and interface numbers need no line', () => {
  const texts = connection('net { remote_ts = 10.7.0.0/16\n if_id_in = 7\n mark_out = 7 }')
  const file = '/etc/swanctl/swanctl.conf' as const
  const forced = { [file]: texts[file].replace('version = 1', 'version = 1\n encap = yes') }
  const [tunnel] = importedFrom(forced).tunnels
  assert.equal(tunnel?.values.find(({ key }) => key === 'encapsulation')?.value, 'force')
  assert.deepEqual(
    tunnel?.notes.filter(({ kind }) => kind === 'left-out'),
    [],
  )
})
