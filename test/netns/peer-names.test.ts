import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { HostsFile } from '../support/hosts-file.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** A peer that is written as a host name, with a hosts file that changes under the running gateway. */

const NAME = 'gw-b.example'
const [OLD, NEW, OTHER] = [ADDRESSES.gatewayB.ipv4, '198.51.100.30', '198.51.100.40']

let net: Topology
let hosts: HostsFile
let a: GatewayProcess
let b: GatewayProcess

before(async () => {
  net = await buildTopology()
  hosts = new HostsFile()
  await net.gatewayB.ip(`addr add ${NEW}/24 dev wan`, `addr add ${OTHER}/24 dev wan`)
  b = await GatewayProcess.start(net.gatewayB, siteB(OLD))
  a = await GatewayProcess.start(hosts.seenFrom(net.gatewayA), siteA)
})
after(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  hosts?.dispose()
  net?.dispose()
})

test('CW-109: a name that leads nowhere keeps its tunnel down, and no other', async () => {
  await a.becomes('rome', 'up', { patience: 30_000 })
  const { state, peer, peerName, lastFailure } = await eventually(
    'the name is looked up',
    async () => {
      const tunnel = await a.tunnel('paris')
      return tunnel.lastFailure === undefined ? undefined : tunnel
    },
  )
  assert.deepEqual([state, peer, lastFailure?.code], ['down', 'unresolved', 'CW-109'])
  assert.equal(peerName?.name, NAME)
  assert.match(lastFailure?.line?.file ?? '', /causeway\.yaml$/)
})

test('up looks it up at once', async () => {
  hosts.write({ [NAME]: [OLD] })
  await a.up('paris')
  const { peer, peerName, ikeSas } = await a.tunnel('paris')
  assert.deepEqual([peer, ikeSas[0]?.remote], [OLD, `${OLD}:500`])
  assert.deepEqual(peerName?.addresses, [OLD])
  assert.equal((await net.hostA.ping(ADDRESSES.hostB.ipv4)).received > 0, true)
})

test('a tunnel that is up stays when the name leads elsewhere, at a reload too', async () => {
  hosts.write({ [NAME]: [NEW] })
  const result = await a.reload(siteA)
  assert.deepEqual(result.outcome === 'applied' && result.unchanged, ['paris', 'rome'])
  assert.equal((await a.tunnel('paris')).peer, OLD)
})

test('when the peer has moved, the tunnel follows its name, and no other is touched', async () => {
  const result = await b.reload(siteB(NEW))
  assert.deepEqual(result.outcome === 'applied' && result.changed, ['berlin'])
  await a.waitFor('child-sa-closed', 'paris')
  await a.becomes('paris', 'up', { patience: 60_000 })
  const { peer, ikeSas } = await a.tunnel('paris')
  assert.deepEqual([peer, ikeSas[0]?.remote], [NEW, `${NEW}:500`])
  const closed = a.events.filter(
    ({ event }) => event.kind === 'ike-sa-closed' && event.tunnel === 'rome',
  )
  assert.deepEqual(closed, [])
})

const common = {
  psk: 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa',
  'dead-peer': { 'probe-every': '2s', 'give-up-after': '6s' },
}

const siteA = {
  name: 'gw-a',
  address: ADDRESSES.gatewayA.ipv4,
  tunnels: {
    paris: { ...common, peer: NAME, networks: ['10.1.0.0/24 <-> 10.2.0.0/24'] },
    rome: { ...common, peer: OTHER, networks: ['10.1.9.0/24 <-> 10.2.9.0/24'] },
  },
}

function siteB(address: string) {
  const peer = ADDRESSES.gatewayA.ipv4
  const answers = (own: string, networks: string): TunnelSettings => ({
    ...common,
    address: own,
    peer,
    networks: [networks],
    start: 'respond',
  })
  return {
    name: 'gw-b',
    tunnels: {
      berlin: answers(address, '10.2.0.0/24 <-> 10.1.0.0/24'),
      milano: answers(OTHER, '10.2.9.0/24 <-> 10.1.9.0/24'),
    },
  }
}
