// The end of the 32-bit number space (RFC 4303 §2.2.1, §3.3.3), which takes days to come to: the SAs here begin just before it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Link, saOf, withLink } from '../support/data-plane-link.ts'
import { emulateLink } from '../support/link-emulator.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology } from '../support/topology.ts'
import { TUNNEL, withTunnel } from '../support/two-gateways.ts'

const { hostB } = ADDRESSES
const HALF = 0x1_0000_0000
/** What `SequenceCounter` calls near the end. */
const SOFT = 0xf000_0000
/** So that no probe is among the packets counted. */
const QUIET = { 'dead-peer': { 'probe-every': '60s', 'give-up-after': '5m' } }

before(() => {
  const preload = new URL('../support/first-sequence-preload.ts', import.meta.url)
  process.env.NODE_OPTIONS = `--import=${preload.href}`
})
after(() => {
  delete process.env.NODE_OPTIONS
  delete process.env.CAUSEWAY_TEST_LAST_SEQUENCE
})

const LINKS: readonly (readonly [string, Link])[] = [
  ['AES-GCM inside UDP', { suite: { encryption: 'aes128-gcm16', integrity: 'none', esn: true } }],
  [
    'AES-CBC as protocol 50',
    {
      suite: { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: true },
      encapsulation: 'native',
    },
  ],
]

for (const [name, link] of LINKS) {
  test(`extended sequence numbers cross 2³² while packets overtake each other: ${name}`, async () => {
    beginBehind(HALF - 1_500)
    const net = await buildTopology()
    try {
      const late = { every: 20, behind: 150 }
      const emulated = await emulateLink(net, { delay: 1, loss: 0, reorder: 2, late })
      await withLink(net, link, async (planes) => {
        const { a, b } = planes
        await planes.transfer(5_000_000, hostB.ipv4)
        const { sequence, packets: sent } = await saOf(a, 'outbound')
        assert.ok(sequence > HALF + 1_000 && sequence === HALF - 1_500 + sent)
        const { replayed, badIcv, latest } = await saOf(b, 'inbound')
        assert.deepEqual([replayed, badIcv, latest], [0, 0, 0])
        assert.ok((await saOf(b, 'inbound')).sequence > HALF + 1_000)
      })
      const { aToB } = await emulated.stop()
      assert.ok(aToB.late > 50 && aToB.reordered > 50)
    } finally {
      net.dispose()
    }
  })
}

describe('without extended sequence numbers', () => {
  test('an SA near its end is replaced in time, and nothing is lost', async () => {
    beginBehind(SOFT - 20)
    await withTunnel({ tunnel: QUIET }, async ({ net, a }) => {
      const { sent, received } = await net.hostA.ping(hostB.ipv4, { count: 200, interval: 0.01 })
      assert.equal(received, sent)
      const { rekeys, dropped, state } = await a.tunnel(TUNNEL)
      assert.ok(rekeys >= 2, `${rekeys} rekeys`)
      assert.deepEqual([state, dropped.exhausted], ['up', 0])
    })
  })

  test('one that cannot be replaced ends with its last number, and the gateway says so', async () => {
    beginBehind(HALF - 21)
    await withTunnel({ tunnel: QUIET }, async ({ net, a, b }) => {
      await net.middle.runOk(['nft', '-f', '-'], { input: NO_IKE })
      const { received } = await net.hostA.ping(hostB.ipv4, { count: 40, interval: 0.01, wait: 1 })
      assert.equal(received, 20)
      const { why } = await a.waitFor('child-sa-closed', TUNNEL)
      assert.equal(why, 'expired')
      await eventually('the log says so', () =>
        /phase 2 of network pair 1 closed, .*sequence numbers were used up/.test(a.output()),
      )
      const { dropped, traffic, childSas } = await a.tunnel(TUNNEL)
      assert.deepEqual([traffic.out.packets, childSas], [20, []])
      assert.ok(dropped.exhausted >= 1)
      assert.equal((await b.tunnel(TUNNEL)).traffic.in.packets, 20)
    })
  })
})

const NO_IKE = `
  table ip test {
    chain forward {
      type filter hook forward priority 0
      udp dport 500 drop
    }
  }
`

function beginBehind(sequence: number): void {
  process.env.CAUSEWAY_TEST_LAST_SEQUENCE = `${sequence}`
}
