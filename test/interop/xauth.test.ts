import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  childName,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { undoAtExit } from '../support/leftovers.ts'
import { eventually } from '../support/process.ts'

// What strongSwan calls xauth-psk and config-payload: XAUTH and Mode Config, in both roles.

const PASSWORD = 'open sesame'
const LOGIN = numberedLink(1)
const WRONG = numberedLink(2)
const HOST = numberedLink(3)
const WRONG_THERE = numberedLink(4)
const PULL = numberedLink(5, { networks: [['10.9.5.7/32', '10.2.5.0/24']] })
const GIVE = numberedLink(6, { networks: [['10.1.6.0/24', '10.9.6.7/32']] })
const BOTH = numberedLink(7, { networks: [['10.9.7.7/32', '10.2.7.0/24']] })
const PUSH = numberedLink(8, { networks: [['10.9.8.7/32', '10.2.8.0/24']] })
const AGGRESSIVE = numberedLink(9, { ike: 'v1-aggressive' })

const CLIENT = { role: 'client', user: 'branch', password: PASSWORD } as const
const SERVER = { role: 'server', user: 'branch', password: PASSWORD } as const

const folder = mkdtempSync(join(tmpdir(), 'cwm-'))
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
const users = join(folder, 'users')
writeFileSync(users, `# who may log in\nbranch:${PASSWORD}\n`, { mode: 0o600 })

let encounter: Encounter

before(async () => {
  const log = (link: Link, password = PASSWORD) =>
    causewaySide(link, { xauth: { ...CLIENT, password } })
  const host = (link: Link) => causewaySide(link, { xauth: { role: 'server', users } })
  const assigned = (link: Link) => ({ networks: [`any <-> 10.2.${link.name.slice(4)}.0/24`] })
  const giving = (link: Link) => {
    const side = strongswanSide(link)
    const [[address] = ['']] = link.networks
    return {
      ...side,
      modeConfig: { gives: address },
      children: side.children.map((child) => ({ ...child, remoteTs: ['dynamic'] })),
    }
  }
  const taking = strongswanSide(GIVE)
  encounter = await meet(
    {
      [LOGIN.name]: log(LOGIN),
      [WRONG.name]: log(WRONG, 'close sesame'),
      [HOST.name]: host(HOST),
      [WRONG_THERE.name]: host(WRONG_THERE),
      [PULL.name]: causewaySide(PULL, { ...assigned(PULL), 'mode-config': { role: 'client' } }),
      [GIVE.name]: causewaySide(GIVE, {
        networks: ['10.1.6.0/24 <-> 10.9.6.7'],
        'mode-config': { role: 'server', address: '10.9.6.7', dns: '10.1.6.53' },
      }),
      [BOTH.name]: causewaySide(BOTH, {
        ...assigned(BOTH),
        xauth: CLIENT,
        'mode-config': { role: 'client' },
      }),
      [PUSH.name]: causewaySide(PUSH, {
        ...assigned(PUSH),
        'mode-config': { role: 'client', method: 'push' },
      }),
      [AGGRESSIVE.name]: log(AGGRESSIVE),
    },
    [
      { ...strongswanSide(LOGIN), xauth: SERVER },
      { ...strongswanSide(WRONG), xauth: SERVER },
      { ...strongswanSide(HOST), xauth: CLIENT },
      { ...strongswanSide(WRONG_THERE), xauth: { ...CLIENT, user: 'stranger' } },
      giving(PULL),
      {
        ...taking,
        modeConfig: {},
        children: taking.children.map((child) => ({ ...child, localTs: ['dynamic'] })),
      },
      { ...giving(BOTH), xauth: SERVER },
      { ...giving(PUSH), modeConfig: { ...giving(PUSH).modeConfig, method: 'push' } },
      { ...strongswanSide(AGGRESSIVE), xauth: SERVER },
    ],
    { prepare: (topology) => giveAddresses(topology, 9) },
  )
})
after(async () => {
  await encounter?.end()
  forget()
})

for (const link of [LOGIN, AGGRESSIVE]) {
  test(`Causeway logs in to strongSwan (${link.ike ?? 'v1-main'})`, async () => {
    const { topology, causeway, strongswan } = encounter
    await causeway.up(link.name)
    await agreement(link, causeway, strongswan)
    const n = link.name.slice(4)
    await assertPing(topology.hostA, `10.2.${n}.2`, { source: `10.1.${n}.2` })
    assert.match(strongswan.log(), /XAuth authentication of 'branch' successful/)
  })
}

test('Causeway renews phase 1 with XAUTH, and the Child SA stays', async () => {
  const { topology, causeway, strongswan } = encounter
  const before = await agreement(LOGIN, causeway, strongswan)
  await causeway.rekey(LOGIN.name, 1)
  await eventually('another IKE SA', async () => {
    const now = await agreement(LOGIN, causeway, strongswan)
    return now.ikeSa.initiatorSpi !== before.ikeSa.initiatorSpi
  })
  const { childSa } = await agreement(LOGIN, causeway, strongswan)
  assert.equal(childSa.inboundSpi, before.childSa.inboundSpi)
  await assertPing(topology.hostA, '10.2.1.2', { source: '10.1.1.2' })
})

test('strongSwan renews phase 1 as the server, saying INITIAL-CONTACT though it has all it had: no packet is lost', async () => {
  const { topology, causeway, strongswan } = encounter
  const before = await agreement(LOGIN, causeway, strongswan)
  const mark = strongswan.mark()
  const count = 500
  const pinging = assertPing(topology.hostA, '10.2.1.2', {
    source: '10.1.1.2',
    count,
    interval: 0.01,
    wait: 2,
  })
  await strongswan.rekey({ ike: LOGIN.name })
  await pinging
  assert.match(strongswan.logSince(mark), /INITIAL_CONTACT/)
  const { childSa, ikeSa } = await agreement(LOGIN, causeway, strongswan)
  assert.equal(childSa.inboundSpi, before.childSa.inboundSpi)
  assert.notEqual(ikeSa.initiatorSpi, before.ikeSa.initiatorSpi)
})

test('strongSwan refuses a wrong password, and Causeway says so', async () => {
  const { causeway } = encounter
  await assert.rejects(causeway.up(WRONG.name), /CW-312 .*refused user branch/)
  await causeway.down(WRONG.name)
})

test('strongSwan logs in to Causeway', async () => {
  const { topology, causeway, strongswan } = encounter
  await strongswanInitiates(HOST, causeway, strongswan)
  const { tunnel } = await agreement(HOST, causeway, strongswan)
  assert.equal(tunnel.ikeSas[0]?.user, 'branch')
  await assertPing(topology.hostB, '10.1.3.2', { source: '10.2.3.2' })
})

test('Causeway refuses a user it does not know, and names it', async () => {
  const { causeway, strongswan } = encounter
  const outcome = await strongswan.initiate(childName(WRONG_THERE), { ike: WRONG_THERE.name })
  assert.notEqual(outcome.code, 0)
  const told = await causeway.waitFor('negotiation-failed', WRONG_THERE.name)
  assert.equal(told.failure.code, 'CW-312')
  assert.match(told.failure.summary, /stranger/)
})

for (const link of [PULL, PUSH, BOTH]) {
  test(`strongSwan gives Causeway an address (${link.name}), which its interface has`, async () => {
    const { topology, causeway, strongswan } = encounter
    await causeway.up(link.name)
    const { tunnel } = await agreement(link, causeway, strongswan)
    const n = link.name.slice(4)
    assert.deepEqual(tunnel.ikeSas[0]?.assigned?.addresses, [`10.9.${n}.7`])
    assert.equal(tunnel.childSas[0]?.local, `10.9.${n}.7`)
    await assertPing(topology.gatewayA, `10.2.${n}.2`, { source: `10.9.${n}.7` })
  })
}

test('Causeway gives strongSwan an address', async () => {
  const { topology, causeway, strongswan } = encounter
  await strongswanInitiates(GIVE, causeway, strongswan)
  const { tunnel } = await agreement(GIVE, causeway, strongswan)
  assert.equal(tunnel.childSas[0]?.remote, '10.9.6.7')
  await assertPing(topology.gatewayB, '10.1.6.2', { source: '10.9.6.7' })
})
