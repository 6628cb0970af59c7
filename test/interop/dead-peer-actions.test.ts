import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { GatewayProcess } from '../support/gateway.ts'
import {
  agreement,
  assertPing,
  causewaySide,
  giveAddresses,
  type Link,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'
import { StrongSwan } from '../support/strongswan.ts'
import { buildTopology, type Topology } from '../support/topology.ts'

// strongSwan's dpd-clear and dpd-restart: what each end does once the other has died without a word.

const CLEAR = numberedLink(1)
const RESTART = numberedLink(2)
const LINKS = [CLEAR, RESTART]

let topology: Topology
let causeway: GatewayProcess
let strongswan: StrongSwan

before(async () => {
  topology = await buildTopology()
  await giveAddresses(topology, LINKS.length)
})
after(async () => {
  await causeway?.stop()
  await strongswan?.stop()
  topology?.dispose()
})

test('Causeway clears a tunnel that waits for the peer, and restarts one that is always wanted', async () => {
  const probes = { 'dead-peer': { 'probe-every': '2s', 'give-up-after': '6s' } }
  await startCauseway(
    { ...causewaySide(CLEAR, probes) },
    { ...causewaySide(RESTART, { ...probes, start: 'always' }) },
  )
  await startSwan('clear')
  await strongswanInitiates(CLEAR, causeway, strongswan)
  await causeway.becomes(RESTART.name, 'up', { patience: 30_000 })
  for (const link of LINKS) await agreement(link, causeway, strongswan)
  const from = causeway.events.length
  await strongswan.crash()
  for (const { name } of LINKS) {
    const { why } = await causeway.waitFor('ike-sa-closed', name, { from, patience: 20_000 })
    assert.equal(why, 'dead-peer')
  }
  await startSwan('clear')
  await causeway.becomes(RESTART.name, 'up', { patience: 20_000 })
  await agreement(RESTART, causeway, strongswan)
  await assertPing(topology.hostA, '10.2.2.2', { source: '10.1.2.2' })
  const cleared = await causeway.tunnel(CLEAR.name)
  assert.deepEqual([cleared.state, cleared.ikeSas, cleared.childSas], ['down', [], []])
})

test('strongSwan clears one tunnel and restarts the other, once Causeway was killed', async () => {
  await causeway.stop()
  await strongswan.stop()
  await startCauseway(causewaySide(CLEAR), causewaySide(RESTART))
  await startSwan('restart')
  for (const link of LINKS) {
    await strongswanInitiates(link, causeway, strongswan)
    await agreement(link, causeway, strongswan)
  }
  process.kill(causeway.pid, 'SIGKILL')
  await eventually('strongSwan gives both up', () => gaveUp(strongswan.log()), { patience: 20_000 })
  await startCauseway(causewaySide(CLEAR), causewaySide(RESTART))
  // strongSwan asks at 0, 4, 11 and 24 s: what comes before Causeway runs again is lost.
  await causeway.becomes(RESTART.name, 'up', { patience: 40_000 })
  await agreement(RESTART, causeway, strongswan)
  await assertPing(topology.hostA, '10.2.2.2', { source: '10.1.2.2' })
  const { state, ikeSas } = await causeway.tunnel(CLEAR.name)
  assert.deepEqual([state, ikeSas], ['down', []])
})

async function startCauseway(
  clear: ReturnType<typeof causewaySide>,
  restart: ReturnType<typeof causewaySide>,
): Promise<void> {
  causeway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: { [CLEAR.name]: clear, [RESTART.name]: restart },
  })
}

/** @param action what strongSwan does with the second link when Causeway is dead; the first it clears. */
async function startSwan(action: 'clear' | 'restart'): Promise<void> {
  strongswan = await StrongSwan.start(topology.gatewayB)
  await strongswan.load([side(CLEAR, 'clear'), side(RESTART, action)])
}

function side(link: Link, dpdAction: 'clear' | 'restart') {
  const connection = strongswanSide(link, { dpdDelay: 1, dpdTimeout: 4 })
  return {
    ...connection,
    children: connection.children.map((child) => ({ ...child, dpdAction })),
  }
}

function gaveUp(log: string): boolean {
  return (log.match(/DPD check timed out|no DPD response|DPD timed out/gi)?.length ?? 0) >= 2
}
