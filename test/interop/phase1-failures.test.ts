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
  PSK,
  strongswanSide,
} from '../support/interop.ts'

/** Phase 1 with a strongSwan that is misconfigured, each time in another way; Causeway must say in which. */

const GROUP = numberedLink(1)
const LENGTH = numberedLink(2)
const SILENT = numberedLink(3)
const MOVED = numberedLink(4)
const UNKNOWN = numberedLink(5)
const V2 = numberedLink(6)
const MODE = numberedLink(7)
const SLIP = numberedLink(8)
const NAME = numberedLink(9)
const PORT = numberedLink(10)
const AGGRESSIVE = numberedLink(11, { ike: 'v1-aggressive' })
const MAIN_ONLY = numberedLink(12, { ike: 'v1-aggressive' })
const SLIP_THERE = numberedLink(13)
const AGGRESSIVE_GROUP = numberedLink(14, { ike: 'v1-aggressive' })
const AGGRESSIVE_ID = numberedLink(15, { ike: 'v1-aggressive' })
const RARE = numberedLink(16)

const NEW_ADDRESS = '198.51.100.140'
const STRANGE = '198.51.100.141'

let encounter: Encounter

before(async () => {
  const links = [
    GROUP,
    LENGTH,
    SILENT,
    MOVED,
    UNKNOWN,
    V2,
    MODE,
    SLIP,
    NAME,
    PORT,
    AGGRESSIVE,
    MAIN_ONLY,
    SLIP_THERE,
    AGGRESSIVE_GROUP,
    AGGRESSIVE_ID,
    RARE,
  ]
  const hex = Buffer.from(`${PSK}\n`).toString('hex')
  encounter = await meet(
    Object.fromEntries(links.map((link) => [link.name, causewaySide(link)])),
    [
      strongswanSide({ ...GROUP, phase1: 'aes256-sha256-modp1536' }),
      strongswanSide({ ...LENGTH, phase1: 'aes128-sha256-modp2048' }),
      strongswanSide({ ...SILENT, phase1: 'aes128-sha1-modp1024' }),
      strongswanSide({ ...MOVED, strongswan: NEW_ADDRESS }),
      strongswanSide({ ...UNKNOWN, causeway: STRANGE }),
      { ...strongswanSide(V2), version: 2 },
      { ...strongswanSide(MODE), aggressive: true },
      strongswanSide(SLIP, { psk: `0x${hex}` }),
      strongswanSide(NAME, { localId: 'asa1.example' }),
      strongswanSide(PORT),
      strongswanSide(AGGRESSIVE, { psk: `0x${hex}` }),
      strongswanSide({ ...MAIN_ONLY, ike: 'v1-main' }),
      strongswanSide(SLIP_THERE, { psk: `0x${Buffer.from(`"${PSK}"`).toString('hex')}` }),
      strongswanSide({ ...AGGRESSIVE_GROUP, phase1: 'aes256-sha256-modp1024' }),
      strongswanSide(AGGRESSIVE_ID, { remoteId: 'berlin.example' }),
      strongswanSide({ ...RARE, phase1: 'aes192-sha512-modp3072' }),
    ],
    {
      prepare: async (topology) => {
        await giveAddresses(topology, links.length)
        await topology.gatewayB.ip(`addr add ${NEW_ADDRESS}/24 dev wan`)
        const rules = [
          'table inet peer {',
          '  chain output {',
          '    type filter hook output priority 0',
          // Informational exchanges: behind the header of UDP, octet 18 of that of ISAKMP.
          `    ip saddr ${SILENT.strongswan} udp sport 500 @th,208,8 5 drop`,
          '  }',
          '  chain input {',
          '    type filter hook input priority 0',
          `    ip daddr ${PORT.strongswan} udp dport 4500 drop`,
          '  }',
          '}',
        ]
        await topology.gatewayB.runOk(['nft', '-f', '-'], { input: rules.join('\n') })
      },
    },
  )
})
after(() => encounter?.end())

test('CW-202: refused, Causeway finds out that only the group differs', async () => {
  const failure = await causewayFindsOut(GROUP)
  assert.equal(failure.code, 'CW-202')
  assert.match(failure.summary, /has Diffie-Hellman group5, we require group14/)
})

test('CW-203: called with another key length, Causeway says so', async () => {
  const failure = await strongswanFails(LENGTH)
  assert.equal(failure.code, 'CW-203')
  assert.match(failure.summary, /offers aes128, we accept aes256/)
  assert.match(failure.forPeer ?? '', /Please set .* to aes256-sha256-group14/)
})

test('CW-103: a peer that calls from a new address is recognised', async () => {
  const failure = await strongswanFails({ ...MOVED }, 'refusal-hinted')
  assert.equal(failure.code, 'CW-103')
  assert.deepEqual([failure.ours, failure.theirs], [MOVED.strongswan, NEW_ADDRESS])
})

test('CW-103: refused whatever it offers, Causeway says that the peer has no tunnel for it', async () => {
  const failure = await causewayFindsOut(UNKNOWN)
  assert.equal(failure.code, 'CW-103')
})

test('CW-106: refused, Causeway finds out that the peer speaks IKEv2 with it', async () => {
  const failure = await causewayFindsOut(V2)
  assert.equal(failure.code, 'CW-106')
})

test('CW-106: called with IKEv2, Causeway says so', async () => {
  const failure = await strongswanFails(V2, 'refusal-hinted')
  assert.equal(failure.code, 'CW-106')
  assert.match(failure.summary, /speaks IKEv2 to us/)
})

test('CW-107: called in Aggressive mode, Causeway says so', async () => {
  const failure = await strongswanFails(MODE, 'refusal-hinted')
  assert.equal(failure.code, 'CW-107')
})

test('CW-107: refused in Aggressive mode, Causeway finds out that the peer takes Main mode', async () => {
  const failure = await causewayFindsOut(MAIN_ONLY)
  assert.equal(failure.code, 'CW-107')
  assert.match(failure.summary, /answers Main mode and refuses Aggressive mode/)
})

test('CW-202: refused in Aggressive mode, Causeway finds out that only the group differs', async () => {
  const failure = await causewayFindsOut(AGGRESSIVE_GROUP)
  assert.deepEqual([failure.code, failure.theirs], ['CW-202', 'aes256-sha256-group2'])
})

test('CW-107 of a peer that has Aggressive mode and expects another identity is possible, and names ours as the other cause', async () => {
  const failure = await causewayFindsOut(AGGRESSIVE_ID)
  assert.deepEqual([failure.code, failure.certainty], ['CW-107', 'possible'])
  assert.match(failure.otherCauses?.join() ?? '', /expects another identity of us than 203\./)
})

test('CW-201: refused, Causeway asks for rarer algorithms too before it says that there is no tunnel', async () => {
  const failure = await causewayFindsOut(RARE)
  assert.deepEqual([failure.code, failure.theirs], ['CW-201', 'aes192-sha512-group15'])
})

test('CW-301: the peer has our key with a line end, Causeway says so and refuses it', async () => {
  const failure = await strongswanFails(SLIP)
  assert.deepEqual([failure.code, failure.certainty], ['CW-301', 'certain'])
  assert.match(failure.summary, /ours followed by a line end \(LF\)/)
  assert.equal((await encounter.causeway.tunnel(SLIP.name)).state === 'up', false)
})

test('CW-301: Causeway initiates, and reads in the refusal that the peer has our key in quotes', async () => {
  const failure = await causewayFindsOut(SLIP_THERE)
  assert.deepEqual([failure.code, failure.certainty], ['CW-301', 'certain'])
  assert.match(failure.summary, /ours with double quotes around it/)
})

test('CW-302: in Aggressive mode Causeway finds the same before it shows its own proof', async () => {
  const { causeway } = encounter
  const from = causeway.events.length
  await assert.rejects(causeway.up(AGGRESSIVE.name, 10_000))
  const { failure } = await causeway.waitFor('negotiation-failed', AGGRESSIVE.name, { from })
  await causeway.down(AGGRESSIVE.name)
  assert.deepEqual([failure.code, failure.certainty], ['CW-302', 'certain'])
  assert.match(failure.summary, /ours followed by a line end/)
})

test('CW-302: called in Aggressive mode by a peer with another key, Causeway reads that in the refusal of its answer', async () => {
  // It would go on with what it answered to us before.
  await encounter.strongswan.terminate({ ike: AGGRESSIVE.name }).catch(() => {})
  const failure = await strongswanFails(AGGRESSIVE, 'refusal-hinted')
  assert.equal(failure.code, 'CW-302')
  assert.match(failure.summary, /what .* answers to message 2 of Aggressive mode/)
  assert.match(failure.theirs ?? '', /line end/)
})

test('CW-303: called in Aggressive mode by a peer that expects another identity, Causeway hears that in clear', async () => {
  const failure = await strongswanFails(AGGRESSIVE_ID, 'refusal-hinted')
  assert.equal(failure.code, 'CW-303')
  assert.match(failure.summary, /refuses our identity 203\.0\.113\.115/)
})

test('CW-304: the peer shows a name where we expect its address', async () => {
  const failure = await strongswanFails(NAME)
  assert.equal(failure.code, 'CW-304')
  assert.equal(failure.theirs, 'asa1.example')
  assert.match(failure.remedy, /peer-id: \{sends: asa1\.example\}/)
  assert.match(failure.forPeer ?? '', /Please have it send 198\.51\.100\.109/)
})

// These wait until the time of the negotiation is up: both at once.
describe('silence', { concurrency: true }, () => {
  test('CW-102: a peer that says nothing to our proposal answers others', async () => {
    const failure = await causewayFails(SILENT)
    assert.equal(failure.code, 'CW-102')
    assert.equal(failure.theirs, 'aes128-sha1-group2')
  })

  test('CW-104: UDP 4500 is blocked, and nothing else', async () => {
    const failure = await causewayFails(PORT)
    assert.equal(failure.code, 'CW-104')
  })
})

async function causewayFails(link: Link): Promise<Failure> {
  const { causeway } = encounter
  const from = causeway.events.length
  await assert.rejects(causeway.up(link.name, 40_000))
  const { failure } = await causeway.waitFor('negotiation-failed', link.name, { from })
  await causeway.down(link.name)
  return failure
}

/** The last hint of what `up` shows at once. */
async function causewayFindsOut(link: Link): Promise<Failure> {
  const { causeway } = encounter
  const outcome = await encounter.topology.gatewayA.run([
    process.execPath,
    'bin/causeway.js',
    'up',
    link.name,
    '--json',
    '--control',
    causeway.control,
  ])
  await causeway.down(link.name)
  const result = JSON.parse(outcome.stdout.trim().split('\n').at(-1) ?? '{}')
  assert.equal(result.result?.kind, 'failed', outcome.stdout)
  return result.result.failure
}

async function strongswanFails(
  link: Link,
  kind: 'negotiation-failed' | 'refusal-hinted' = 'negotiation-failed',
): Promise<Failure> {
  const { causeway, strongswan } = encounter
  const from = causeway.events.length
  const outcome = await strongswan.initiate(childName(link), { ike: link.name, timeout: 1 })
  assert.notEqual(outcome.code, 0)
  const { failure } = await causeway.waitFor(kind, link.name, { from })
  await strongswan.terminate({ ike: link.name }).catch(() => {})
  return failure
}
