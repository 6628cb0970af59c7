// Traffic that only some paths make: packets far out of order, packets twice.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DegradedStatus } from '#control/status'
import type { GatewayProcess } from '../support/gateway.ts'
import type { LinkQuality } from '../support/link-emulator.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES } from '../support/topology.ts'
import { TUNNEL, tunnelAt, withTunnel } from '../support/two-gateways.ts'

const QUIET = { 'dead-peer': { 'probe-every': '60s', 'give-up-after': '5m' } }
const FLOOD = { count: 600, interval: 0.002 }
const BEHIND = 50
const STILL: LinkQuality = { delay: 1, loss: 0, reorder: 0 }

describe('odd traffic', { concurrency: true }, () => {
  test('packets come later than the replay window reaches: CW-507, and the window it names takes them all', async () => {
    const late = { ...STILL, late: { every: 20, behind: BEHIND } }
    const narrow = { 'replay-window': 32 }
    await withTunnel({ tunnel: QUIET, link: late, b: narrow }, async ({ net, a, b }) => {
      await net.hostA.ping(ADDRESSES.hostB.ipv4, FLOOD)
      const found = await replaysTold(b)
      const { replayed } = (await b.tunnel(TUNNEL)).dropped
      assert.ok(replayed >= 20 && replayed <= 32, `${replayed} of every 20th of some 600`)
      const [, lateness] = /come up to (\d+) packets late; the replay window is 32$/.exec(
        found.summary,
      ) ?? [found.summary]
      assert.ok(Number(lateness) > 32 && Number(lateness) <= BEHIND, `${lateness} packets late`)
      assert.equal(found.certainty, 'certain')
      assert.match(found.remedy, /^set replay-window: 64;/)
      // The other way is no better, but that side has the usual window.
      assert.equal((await a.tunnel(TUNNEL)).dropped.replayed, 0)

      const wider = tunnelAt('b', { ...QUIET, 'replay-window': 64 })
      await b.reload({ name: 'b', tunnels: { [TUNNEL]: wider } })
      await a.down(TUNNEL)
      await a.up(TUNNEL)
      await net.hostA.ping(ADDRESSES.hostB.ipv4, FLOOD)
      const child = (await b.tunnel(TUNNEL)).childSas.find(({ state }) => state === 'active')
      assert.ok(child !== undefined && child.in.sequence >= FLOOD.count)
      assert.equal(child.in.dropped.replayed, 0)
    })
  })

  test('packets come twice: CW-507, and no larger window is asked for', async () => {
    await withTunnel({ tunnel: QUIET, link: { ...STILL, duplicate: 10 } }, async ({ net, b }) => {
      const { sent, received } = await net.hostA.ping(ADDRESSES.hostB.ipv4, FLOOD)
      assert.equal(received, sent)
      const found = await replaysTold(b)
      assert.match(found.summary, /% of the packets of site come twice: /)
      assert.match(found.evidence, /none of them behind the window of 1024$/)
      assert.equal(found.certainty, 'very likely')
      assert.match(found.remedy, /^nothing is lost by it/)
    })
  })
})

/** Waits until CW-507 is told with the figures that the counters have now. */
async function replaysTold(gateway: GatewayProcess): Promise<DegradedStatus> {
  return eventually(
    'CW-507 with the right figures',
    async () => {
      const { degraded, dropped, traffic } = await gateway.tunnel(TUNNEL)
      if (degraded === undefined) return undefined
      assert.equal(degraded.code, 'CW-507')
      const { replayed } = dropped
      const all = traffic.in.packets + replayed
      const share = `${((100 * replayed) / all).toFixed(1)} % of the packets of ${TUNNEL} come `
      const counted = `${replayed} packets of ${all} in the last minute dropped by the replay check`
      const isExact = degraded.summary.startsWith(share) && degraded.evidence.startsWith(counted)
      return isExact ? degraded : undefined
    },
    { patience: 30_000, interval: 200 },
  )
}
