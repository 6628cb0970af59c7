import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { type ExportArguments, exportFor } from './export.ts'

const FILE = `version: 1
gateway: {address: 203.0.113.10}
tunnels:
  paris:
    preset: cisco-ios
    peer: 198.51.100.7
    psk: "b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe"
    networks: ["10.1.0.0/16 <-> 10.2.0.0/16"]
`

function run(
  context: TestContext,
  tunnel: string | undefined,
  options: Partial<ExportArguments> = {},
  text = FILE,
) {
  const folder = mkdtempSync(join(tmpdir(), 'cw-export-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const config = join(folder, 'causeway.yaml')
  writeFileSync(config, text, { mode: 0o600 })
  const { terminal, said } = recordingTerminal()
  const code = exportFor(terminal, tunnel, { config, ...options })
  return { code, ...said }
}

test('prints what the other side has to type, in the words of its preset', (context) => {
  const { code, out } = run(context, undefined)
  assert.equal(code, EXIT.ok)
  assert.match(out, /^crypto isakmp key PRE-SHARED-KEY address 203\.0\.113\.10$/m)
  assert.match(out, /^ permit ip 10\.2\.0\.0 0\.0\.255\.255 10\.1\.0\.0 0\.0\.255\.255$/m)
})

test('--for says for what, --show-secrets puts the key in, --json wraps it', (context) => {
  const { out } = run(context, 'paris', { for: 'fortigate', showSecrets: true, json: true })
  const document = JSON.parse(out)
  assert.deepEqual([document.schema, document.for, document.tunnel], [1, 'fortigate', 'paris'])
  assert.match(document.text, /set psksecret "b6uJ0-/)
  assert.ok(document.byHand.length > 0)
})

test('an unknown tunnel is answered with the nearest', (context) => {
  const { code, err } = run(context, 'pariss')
  assert.deepEqual(
    [code, err],
    [EXIT.usage, 'causeway: there is no tunnel "pariss": did you mean "paris"?\n'],
  )
})

test('nothing is exported from a file with errors', (context) => {
  const { code, out, err } = run(context, 'paris', {}, FILE.replace('peer:', 'pear:'))
  assert.deepEqual([code, out], [EXIT.configuration, ''])
  assert.match(err, /unknown key "pear"[\s\S]*nothing is exported/)
})

test('a peer with a host name is told to keep it, and sends its own address as it is', (context) => {
  const named = FILE.replace('198.51.100.7', 'vpn.paris.example')
  const swan = run(context, 'paris', { for: 'strongswan-swanctl' }, named).out
  assert.match(swan, /# - We find your gateway by its host name, vpn\.paris\.example/)
  assert.match(swan, /^ {4}local_addrs = %any$/m)
  assert.match(swan, /^ {6}id = 203\.0\.113\.10$/m)
  assert.doesNotMatch(swan, /id.*paris\.example$/m)
  const form = run(context, 'paris', { for: 'text' }, named).out
  assert.match(form, /Your address +the one vpn\.paris\.example leads to/)
  assert.match(form, /Your IKE identity +your address/)
})

test('in transport mode, where the networks are the addresses, a host name is not enough', (context) => {
  const named = FILE.replace('198.51.100.7', 'vpn.paris.example').replace(
    /networks:.*/,
    'mode: transport',
  )
  const { code, err } = run(context, 'paris', { for: 'libreswan' }, named)
  assert.equal(code, EXIT.configuration)
  assert.match(err, /vpn\.paris\.example is looked up when the gateway\s+runs/)
})
