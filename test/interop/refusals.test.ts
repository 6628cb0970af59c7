import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Failure } from '#ike/events'
import {
  causewaySide,
  childName,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanSide,
} from '../support/interop.ts'
import type { SwanConnection } from '../support/swan-conf.ts'

const KEY = numberedLink(1)
const PHASE1 = numberedLink(2)
const PHASE2 = numberedLink(3)
const PFS = numberedLink(4)
const SELECTORS = numberedLink(5)
const ROUTED = numberedLink(6)
// Transport mode behind a NAT is for the two gateways themselves.
const MODE = numberedLink(7, { networks: [['203.0.113.107/32', '198.51.100.107/32']] })

let encounter: Encounter

before(async () => {
  encounter = await meet(
    {
      [KEY.name]: causewaySide(KEY, { psk: 'another key' }),
      [PHASE1.name]: causewaySide(PHASE1),
      [PHASE2.name]: causewaySide(PHASE2),
      [PFS.name]: causewaySide(PFS),
      [SELECTORS.name]: causewaySide(SELECTORS),
      [ROUTED.name]: causewaySide(ROUTED),
      [MODE.name]: causewaySide(MODE),
    },
    [
      strongswanSide(KEY),
      strongswanSide({ ...PHASE1, phase1: 'aes128-sha1-modp1024' }),
      strongswanSide({ ...PHASE2, esp: 'aes128gcm16' }),
      strongswanSide({ ...PFS, pfs: 'ecp256' }),
      strongswanSide({ ...SELECTORS, networks: [['10.1.5.0/24', '10.2.55.0/24']] }),
      strongswanSide({ ...ROUTED, networks: [['0.0.0.0/0', '0.0.0.0/0']] }),
      inTransportMode(strongswanSide(MODE)),
    ],
    { prepare: (topology) => giveAddresses(topology, 7) },
  )
})
after(() => encounter?.end())

// What comes before the keys are proven is only a hint, so the initiator waits its time out: both at once.
describe('refused in phase 1, Causeway initiates', { concurrency: true }, () => {
  test('wrong key, Causeway initiates: strongSwan cannot decrypt message 5 and Causeway names the key', async () => {
    const { failure, phase, log } = await causewayFails(KEY)
    assert.equal(phase, 1)
    assert.equal(failure.code, 'CW-301')
    assert.match(log, /could not decrypt payloads|decryption failed/)
  })

  test('wrong phase 1 proposal, Causeway initiates: it hears NO_PROPOSAL_CHOSEN', async () => {
    const { failure, phase, log } = await causewayFails(PHASE1)
    assert.equal(phase, 1)
    assert.equal(failure.code, 'CW-201')
    assert.match(log, /no proposal found/)
  })
})

test('wrong key, strongSwan initiates: Causeway answers PAYLOAD_MALFORMED, and names the key', async () => {
  const { failure, phase, log } = await strongswanFails(KEY)
  assert.equal(phase, 1)
  assert.equal(failure.code, 'CW-301')
  assert.match(log, /N\(PLD_MAL\)|PAYLOAD_MALFORMED/)
})

test('wrong phase 1 proposal, strongSwan initiates: it hears NO_PROPOSAL_CHOSEN, and Causeway tells both values', async () => {
  const { failure, phase, log } = await strongswanFails(PHASE1)
  assert.equal(phase, 1)
  assert.equal(failure.code, 'CW-201')
  assert.match(failure.ours ?? '', /aes256-sha256-group14/)
  assert.match(failure.theirs ?? '', /aes128-sha1-group2/)
  assert.match(log, /received NO_PROPOSAL_CHOSEN error notify/)
})

test('wrong phase 2 proposal, Causeway initiates: it hears NO_PROPOSAL_CHOSEN, and finds out what strongSwan takes', async () => {
  const { failure, phase, log } = await causewayFails(PHASE2)
  assert.equal(phase, 2)
  assert.equal(failure.code, 'CW-404')
  assert.match(failure.summary, /takes phase 2 with aes128gcm16, .* only the key length differs/)
  assert.equal(failure.certainty, 'certain')
  assert.match(log, /no matching proposal found, sending NO_PROPOSAL_CHOSEN/)
  assert.doesNotMatch(log, /CHILD_SA .* established/)
})

test('wrong phase 2 proposal, strongSwan initiates: it hears NO_PROPOSAL_CHOSEN, and Causeway tells both values', async () => {
  const { failure, phase, log } = await strongswanFails(PHASE2)
  assert.equal(phase, 2)
  assert.equal(failure.code, 'CW-404')
  assert.match(failure.ours ?? '', /aes256gcm16/)
  assert.match(failure.theirs ?? '', /aes128gcm16/)
  assert.match(log, /received NO_PROPOSAL_CHOSEN error notify/)
})

test('PFS on one side only, strongSwan initiates: it hears NO_PROPOSAL_CHOSEN, and Causeway names PFS', async () => {
  const { failure, phase, log } = await strongswanFails(PFS)
  assert.equal(phase, 2)
  assert.equal(failure.code, 'CW-405')
  assert.match(log, /received NO_PROPOSAL_CHOSEN error notify/)
})

test('PFS on one side only, Causeway initiates: it finds out which group strongSwan takes, and strongSwan drops what it agreed to', async () => {
  const { failure, log } = await causewayFails(PFS)
  assert.equal(failure.code, 'CW-405')
  assert.match(failure.summary, /takes phase 2 with PFS group19, we offer no PFS/)
  assert.match(log, /received DELETE for/)
  assert.doesNotMatch(log, /CHILD_SA .* established/)
})

test('tunnel mode on one side, transport mode on the other, Causeway initiates: it finds that out behind INVALID_ID_INFORMATION', async () => {
  const { failure, log } = await causewayFails(MODE)
  assert.equal(failure.code, 'CW-406')
  assert.match(failure.summary, /wants transport mode, we have tunnel mode/)
  assert.match(log, /sending INVALID_ID_INFORMATION|no matching CHILD_SA config found/)
})

test('wrong selectors, Causeway initiates: it hears INVALID_ID_INFORMATION, and strongSwan shows what it has', async () => {
  const { failure, phase, log } = await causewayFails(SELECTORS)
  assert.equal(phase, 2)
  assert.equal(failure.code, 'CW-401')
  assert.match(failure.theirs ?? '', /10\.2\.55\.0\/24/)
  assert.equal(failure.certainty, 'certain')
  assert.match(log, /no matching CHILD_SA config found|traffic selectors .* unacceptable/)
})

test('wrong selectors, strongSwan initiates: it hears INVALID_ID_INFORMATION, and Causeway tells both values', async () => {
  const { failure, phase, log } = await strongswanFails(SELECTORS)
  assert.equal(phase, 2)
  assert.equal(failure.code, 'CW-401')
  assert.match(failure.ours ?? '', /10\.2\.5\.0\/24/)
  assert.match(failure.theirs ?? '', /10\.2\.55\.0\/24/)
  assert.match(log, /received INVALID_ID_INFORMATION error notify/)
})

test('any to any where we name networks, strongSwan initiates: Causeway calls it route-based (CW-402)', async () => {
  const { failure, phase } = await strongswanFails(ROUTED)
  assert.equal(phase, 2)
  assert.equal(failure.code, 'CW-402')
  assert.match(failure.remedy, /networks: any here/)
})

function inTransportMode(connection: SwanConnection): SwanConnection {
  const children = connection.children.map((child) => ({ ...child, mode: 'transport' }) as const)
  return { ...connection, children }
}

type Refusal = { readonly failure: Failure; readonly phase: 1 | 2; readonly log: string }

async function causewayFails(link: Link): Promise<Refusal> {
  const { causeway, strongswan } = encounter
  const [from, mark] = [causeway.events.length, strongswan.mark()]
  await assert.rejects(causeway.up(link.name, 30_000))
  const told = await causeway.waitFor('negotiation-failed', link.name, { from })
  await assertNothingStands(link)
  return { ...told, log: strongswan.logSince(mark) }
}

async function strongswanFails(link: Link): Promise<Refusal> {
  const { causeway, strongswan } = encounter
  const [from, mark] = [causeway.events.length, strongswan.mark()]
  const outcome = await strongswan.initiate(childName(link), { ike: link.name, timeout: 3 })
  assert.notEqual(outcome.code, 0)
  const told = await causeway.waitFor('negotiation-failed', link.name, { from })
  await assertNothingStands(link)
  return { ...told, log: strongswan.logSince(mark) }
}

/** No traffic could pass, and the tunnel is closed again for the next attempt. */
async function assertNothingStands(link: Link): Promise<void> {
  const { causeway } = encounter
  const tunnel = await causeway.tunnel(link.name)
  assert.deepEqual(tunnel.childSas, [])
  assert.notEqual(tunnel.state, 'up')
  await causeway.down(link.name)
  await encounter.strongswan.terminate({ ike: link.name }).catch(() => {})
}
