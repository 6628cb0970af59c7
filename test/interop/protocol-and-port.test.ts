import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  assertPing,
  causewaySide,
  childName,
  type Encounter,
  LINK,
  meet,
  strongswanSide,
} from '../support/interop.ts'
import { eventually } from '../support/process.ts'
import type { Namespace } from '../support/topology.ts'
import { transfer } from '../support/transfer.ts'

// strongSwan's protoport-dual: between the same networks one Child SA for ICMP and one for TCP to one port; nothing else passes.

const link = {
  ...LINK,
  networks: [
    ['10.1.0.0/16', '10.2.0.0/16'],
    ['10.1.0.0/16', '10.2.0.0/16'],
  ],
} as const

let encounter: Encounter

before(async () => {
  const side = strongswanSide(link)
  const words = [
    ['icmp', 'icmp'],
    ['tcp/5001', 'tcp'],
  ] as const
  encounter = await meet(
    {
      [link.name]: causewaySide(link, {
        networks: ['10.1.0.0/16 <-> 10.2.0.0/16 icmp', '10.1.0.0/16 <-> 10.2.0.0/16 tcp/5001'],
      }),
    },
    [
      {
        ...side,
        children: side.children.map((child, index) => ({
          ...child,
          localTs: [`10.2.0.0/16[${words[index]?.[0]}]`],
          remoteTs: [`10.1.0.0/16[${words[index]?.[1]}]`],
        })),
      },
    ],
  )
})
after(() => encounter?.end())

for (const role of ['initiator', 'responder'] as const) {
  test(`ICMP and one TCP port have a Child SA each, Causeway as ${role}`, async () => {
    const { topology, causeway, strongswan } = encounter
    const { hostA, hostB } = topology
    if (role === 'initiator') await causeway.up(link.name)
    else {
      for (const index of [0, 1]) {
        const { code, stdout } = await strongswan.initiate(childName(link, index))
        assert.equal(code, 0, stdout)
      }
    }
    await eventually('both Child SAs', async () => {
      const { childSas } = await causeway.tunnel(link.name)
      const [ikeSa] = await strongswan.ikeSas()
      return childSas.length === 2 && ikeSa?.children.length === 2
    })
    await assertPing(hostA, '10.2.0.2')
    const sent = await transfer(hostA, hostB, '10.2.0.2', 256 * 1024)
    assert.equal(sent.received.digest, sent.sent.digest)
    const counts = await countsByPair()
    assert.ok(
      counts.every((count) => count > 0),
      `${counts}`,
    )
    assert.ok((counts[1] ?? 0) > (counts[0] ?? 0), 'TCP has its own')
    // The port stands on the far side alone: another one there, or the same one here, is nobody's.
    const before = await countsByPair()
    await connects(hostA, '10.2.0.2', 5_002)
    await connects(hostB, '10.1.0.2', 5_001)
    // Of the pair for ICMP the gateway itself makes use, to ask how large packets may be.
    assert.equal((await countsByPair())[1], before[1])
    assert.equal((await causeway.status()).defects, 0)
    await causeway.down(link.name)
    await eventually(
      'strongSwan has been told',
      async () => (await strongswan.ikeSas()).length === 0,
    )
  })
}

async function countsByPair(): Promise<readonly number[]> {
  const { childSas } = await encounter.causeway.tunnel(link.name)
  return childSas.toSorted((a, b) => a.pair - b.pair).map((sa) => sa.in.packets + sa.out.packets)
}

/** Tries for a moment; whether somebody answers does not matter. */
async function connects(from: Namespace, address: string, port: number): Promise<void> {
  await from.run(['timeout', '0.5', 'bash', '-c', `: < /dev/tcp/${address}/${port}`])
}
