import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Failure } from '#ike/events'
import { GatewayProcess } from '../support/gateway.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** What the network says of a peer that does not answer reaches the operator, with its sender. */

let topology: Topology
let gateway: GatewayProcess

before(async () => {
  topology = await buildTopology()
  await topology.gatewayB.ip('addr add 198.51.100.66/24 dev wan')
  const rules = [
    'table inet firewall {',
    '  chain forward {',
    '    type filter hook forward priority 0',
    '    ip daddr 198.51.100.66 udp dport 500 reject with icmp type admin-prohibited',
    '  }',
    '}',
  ]
  await topology.middle.runOk(['nft', '-f', '-'], { input: rules.join('\n') })
  const tunnel = (peer: string, n: number) => ({
    address: ADDRESSES.gatewayA.ipv4,
    peer,
    psk: 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa',
    networks: [`10.1.${n}.0/24 <-> 10.2.${n}.0/24`],
    start: 'respond' as const,
  })
  gateway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: {
      nobody: tunnel(ADDRESSES.gatewayB.ipv4, 1),
      walled: tunnel('198.51.100.66', 2),
    },
  })
})
after(async () => {
  await gateway?.stop()
  topology?.dispose()
})

test('CW-101: no IKE daemon listens, the peer says so itself, and up says it at once', async () => {
  const failure = await hinted('nobody')
  assert.match(failure.summary, /^198\.51\.100\.20 is there, and no IKE daemon listens/)
  assert.match(failure.evidence, /type 3, code 3\) from 198\.51\.100\.20/)
})

test('CW-101: a firewall on the way rejects it, and is named', async () => {
  const failure = await hinted('walled')
  assert.match(
    failure.summary,
    /a firewall on the way to 198\.51\.100\.66, 203\.0\.113\.1, rejects/,
  )
  assert.match(failure.evidence, /administratively prohibited/)
})

async function hinted(name: string): Promise<Failure> {
  const from = gateway.events.length
  const outcome = await topology.gatewayA.run([
    process.execPath,
    'bin/causeway.js',
    'up',
    name,
    '--control',
    gateway.control,
  ])
  assert.equal(outcome.code, 1, outcome.stdout + outcome.stderr)
  const told = await gateway.waitFor('refusal-hinted', name, { from })
  assert.equal(told.failure.code, 'CW-101')
  assert.ok(outcome.stdout.includes('CW-101'), outcome.stdout)
  assert.deepEqual(
    outcome.stdout.split('\n').filter((line) => [...line].length > 80),
    [],
  )
  const { lastFailure } = await gateway.tunnel(name)
  assert.equal(lastFailure?.summary, told.failure.summary)
  return told.failure
}
