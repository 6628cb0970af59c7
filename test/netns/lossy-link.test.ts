import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Link, saOf, withLink } from '../support/data-plane-link.ts'
import { emulateLink } from '../support/link-emulator.ts'
import { ADDRESSES, buildTopology } from '../support/topology.ts'

const LINKS: readonly (readonly [string, Link])[] = [
  ['inside UDP', {}],
  ['as protocol 50', { encapsulation: 'native' }],
]

for (const [name, link] of LINKS) {
  test(`over a link with loss, reordering and delay TCP arrives whole, and no packet is taken for a replay: ${name}`, async () => {
    const net = await buildTopology()
    try {
      const emulated = await emulateLink(net, { delay: 20, loss: 1, reorder: 2 })
      await withLink(net, link, async (planes) => {
        await planes.transfer(3_000_000, ADDRESSES.hostB.ipv4)
        const { replayed, badIcv, badPadding, packets } = await saOf(planes.b, 'inbound')
        assert.deepEqual([replayed, badIcv, badPadding], [0, 0, 0])
        assert.ok(packets > 2000)
      })
      const { aToB, bToA } = await emulated.stop()
      assert.ok(aToB.lost > 5 && aToB.reordered > 5 && bToA.carried > 200)
    } finally {
      net.dispose()
    }
  })
}
