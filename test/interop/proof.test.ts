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

test('a tunnel to strongSwan is proven in its first minute: both phases rekeyed, no packet lost', async () => {
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
    await pings
    const second = await agreement(link, causeway, strongswan)
    assert.notEqual(second.ikeSa.initiatorSpi, first.ikeSa.initiatorSpi)
    assert.notEqual(second.childSa.inboundSpi, first.childSa.inboundSpi)
    await assertPing(topology.hostA, '10.2.0.2')
  } finally {
    await end()
  }
})
