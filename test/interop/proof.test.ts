import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  LINK,
  meet,
  strongswanSide,
} from '../support/interop.ts'

test('a tunnel to strongSwan is proven in its first minute: both phases rekeyed, large packets back and forth, no packet lost', async () => {
  const link = { ...LINK, pfs: 'modp2048' }
  const { topology, causeway, strongswan, end } = await meet(
    { [link.name]: causewaySide(link, { start: 'always' }) },
    [strongswanSide(link)],
  )
  try {
    await causeway.becomes(link.name, 'up')
    const first = await agreement(link, causeway, strongswan)
    const pings = assertPing(topology.hostA, '10.2.0.2', { count: 20 })
    const proven = await causeway.waitFor('tunnel-proven', link.name, { patience: 45_000 })
    assert.ok(proven.after < 60_000)
    const { path, proof } = await causeway.tunnel(link.name)
    assert.deepEqual([path?.by, path?.shown, path?.blackHole], ['inside', 'both-ways', false])
    assert.ok(proof?.seen.includes('full-size-packet'))
    await pings
    const second = await agreement(link, causeway, strongswan)
    assert.notEqual(second.ikeSa.initiatorSpi, first.ikeSa.initiatorSpi)
    assert.notEqual(second.childSa.inboundSpi, first.childSa.inboundSpi)
    await assertPing(topology.hostA, '10.2.0.2')
  } finally {
    await end()
  }
})

test('strongSwan acknowledges padded liveness probes where the networks leave no echo, and the proof says what that shows', async () => {
  const link = { ...LINK, networks: [['10.1.0.0/16', '10.2.0.0/16']] } as const
  const side = strongswanSide(link)
  const { causeway, end } = await meet(
    {
      [link.name]: causewaySide(link, {
        start: 'always',
        networks: ['10.1.0.0/16 <-> 10.2.0.0/16 tcp/5001'],
      }),
    },
    [
      {
        ...side,
        children: side.children.map((child) => ({
          ...child,
          localTs: ['10.2.0.0/16[tcp/5001]'],
          remoteTs: ['10.1.0.0/16[tcp]'],
        })),
      },
    ],
  )
  try {
    const { unshown } = await causeway.waitFor('proof-incomplete', link.name, { patience: 45_000 })
    assert.deepEqual(unshown, ['full-size-packet'])
    const { path } = await causeway.tunnel(link.name)
    assert.deepEqual([path?.by, path?.shown, path?.octets], ['liveness', 'outwards', 1500])
  } finally {
    await end()
  }
})
