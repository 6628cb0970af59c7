import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  causewaySide,
  type Encounter,
  giveAddresses,
  meet,
  numberedLink,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'

/** What strongSwan answers when it is asked whether it would speak IKEv2. */

const V1 = numberedLink(1)
const V2 = numberedLink(2)
const SILENT = numberedLink(3)
const UNASKED = numberedLink(4)

let encounter: Encounter
before(async () => {
  encounter = await meet(
    {
      [V1.name]: causewaySide(V1),
      [V2.name]: causewaySide(V2),
      [SILENT.name]: causewaySide({ ...SILENT, strongswan: '198.51.100.250' }),
      [UNASKED.name]: causewaySide(UNASKED, { 'probe-v2': 'off' }),
    },
    [strongswanSide(V1), { ...strongswanSide(V2), version: 2 }, strongswanSide(UNASKED)],
    { prepare: (topology) => giveAddresses(topology, 4) },
  )
})
after(() => encounter?.end())

test('a connection for IKEv2 answers: the tunnel could leave IKEv1', async () => {
  const { answer, change } = await probed(V2.name)
  assert.equal(answer, 'yes')
  assert.match(change ?? '', /ike: v2/)
})

test('a connection for IKEv1 alone refuses, and IKEv1 goes on working', async () => {
  const { answer } = await probed(V1.name)
  assert.equal(answer, 'not-for-us')
  await encounter.causeway.up(V1.name)
  const { tunnels } = await encounter.causeway.status()
  assert.equal(tunnels.find(({ name }) => name === V1.name)?.ikeV2?.answer, 'not-for-us')
})

test('a peer that says nothing is told so, and one that shall not be asked is not', async () => {
  assert.equal((await probed(SILENT.name)).answer, 'none')
  assert.equal((await encounter.causeway.tunnel(UNASKED.name)).ikeV2, undefined)
})

async function probed(name: string) {
  return eventually(
    `${name} was asked`,
    async () => (await encounter.causeway.tunnel(name)).ikeV2,
    { patience: 30_000 },
  )
}
