import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { undoAtExit } from '../support/leftovers.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** CW-108: a gateway that cannot start says what is missing, and who has it. */

const folder = mkdtempSync(join(tmpdir(), 'cwx-host-'))
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'causeway.yaml')
let topology: Topology

before(async () => {
  topology = await buildTopology({ siteB: 'none' })
  const paris = {
    peer: '198.51.100.7',
    psk: 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa',
    networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
  }
  const gateway = { name: 'gw', address: ADDRESSES.gatewayA.ipv4, control: join(folder, 'control') }
  writeFileSync(file, JSON.stringify({ version: 1, gateway, tunnels: { paris } }), { mode: 0o600 })
})
after(() => {
  topology?.dispose()
  forget()
})

const RUN = [process.execPath, 'bin/causeway.js', 'run', '-c', file]

test('CW-108: another program has UDP 500, and is named', async () => {
  const { gatewayA } = topology
  const program = `require('dgram').createSocket('udp4').bind(500, () => console.log('bound'))`
  const other = gatewayA.start([process.execPath, '-e', program])
  let said = ''
  other.stdout?.on('data', (chunk) => {
    said += chunk
  })
  await eventually('the port is taken', async () => said.includes('bound') || undefined)
  const { code, stdout, stderr } = await gatewayA.run(RUN)
  other.kill()
  assert.equal(code, 1, stdout + stderr)
  assert.match(stdout, /CW-108 not started: .*500/)
  const words = stderr.replace(/\s+/g, ' ')
  assert.match(words, /CW-108 the gateway cannot start on this host: UDP 500 is taken by .*pid \d+/)
})

test('CW-108: the address is on no interface, and check names the line and the addresses there are', async () => {
  const { gatewayA } = topology
  const other = join(folder, 'other.yaml')
  const text = readFileSync(file, 'utf8').replace(ADDRESSES.gatewayA.ipv4, '203.0.113.77')
  writeFileSync(other, text, { mode: 0o600 })
  const { code, stdout, stderr } = await gatewayA.run([...RUN.slice(0, -1), other])
  assert.equal(code, 1, stdout + stderr)
  assert.match(stdout, /CW-108 not started: .*203\.0\.113\.77/)
  const [, ...command] = /causeway (check \S+)/.exec(stderr)?.[1]?.split(' ') ?? []
  const check = await gatewayA.run([...RUN.slice(0, 2), 'check', ...command])
  const words = `${check.stdout} ${check.stderr}`.replace(/\s+/g, ' ')
  assert.match(words, /203\.0\.113\.77 is no address of this host: .* it has .*203\.0\.113\.10/)
})

test('CW-108: the rights are missing, and are named', async () => {
  const { gatewayA } = topology
  const without = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', ...RUN]
  const { code, stdout, stderr } = await gatewayA.run(without)
  assert.equal(code, 5, stdout + stderr)
  assert.match(stderr, /CW-108/)
  assert.match(stderr, /CAP_NET_ADMIN/)
})
