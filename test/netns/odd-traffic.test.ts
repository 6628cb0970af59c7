// Traffic that only some paths make: packets far out of order, packets twice.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DegradedStatus } from '#control/status'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { emulateLink, type LinkQuality } from '../support/link-emulator.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
const TUNNEL = 'site'
const FLOOD = { count: 600, interval: 0.002 }
const BEHIND = 50
const STILL: LinkQuality = { delay: 1, loss: 0, reorder: 0 }

type Site = {
  readonly net: Topology
  readonly a: GatewayProcess
  readonly b: GatewayProcess
}

describe('odd traffic', { concurrency: true }, () => {
  test('packets come later than the replay window reaches: CW-507, and the window it names takes them all', async () => {
    const late = { ...STILL, late: { every: 20, behind: BEHIND } }
    const narrow = { 'replay-window': 32 }
    await withTunnel({ link: late, b: narrow }, async ({ net, a, b }) => {
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

      await b.reload({ name: 'b', tunnels: { [TUNNEL]: sideB({ 'replay-window': 64 }) } })
      await a.down(TUNNEL)
      await a.up(TUNNEL)
      await net.hostA.ping(ADDRESSES.hostB.ipv4, FLOOD)
      const child = (await b.tunnel(TUNNEL)).childSas.find(({ state }) => state === 'active')
      assert.ok(child !== undefined && child.in.sequence >= FLOOD.count)
      assert.equal(child.in.dropped.replayed, 0)
    })
  })

  test('packets come twice: CW-507, and no larger window is asked for', async () => {
    await withTunnel({ link: { ...STILL, duplicate: 10 } }, async ({ net, b }) => {
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

async function withTunnel(
  options: {
    readonly link: LinkQuality
    /** Beside what gateway B has anyway. */
    readonly b?: Partial<TunnelSettings>
  },
  work: (site: Site) => Promise<void>,
): Promise<void> {
  const net = await buildTopology()
  const running: { stop(): Promise<unknown> }[] = []
  const start = async (where: 'gatewayA' | 'gatewayB', name: string, tunnel: TunnelSettings) => {
    const gateway = await GatewayProcess.start(net[where], { name, tunnels: { [TUNNEL]: tunnel } })
    running.push(gateway)
    return gateway
  }
  try {
    running.push(await emulateLink(net, options.link))
    const b = await start('gatewayB', 'b', sideB(options.b))
    const a = await start('gatewayA', 'a', {
      address: ADDRESSES.gatewayA.ipv4,
      peer: ADDRESSES.gatewayB.ipv4,
      networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
      ...BOTH,
    })
    await a.up(TUNNEL)
    await work({ net, a, b })
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    net.dispose()
  }
}

function sideB(more: Partial<TunnelSettings> = {}): TunnelSettings {
  return {
    address: ADDRESSES.gatewayB.ipv4,
    peer: ADDRESSES.gatewayA.ipv4,
    networks: ['10.2.0.0/16 <-> 10.1.0.0/16'],
    ...BOTH,
    ...more,
  }
}

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

const BOTH = {
  psk: PSK,
  start: 'respond',
  proof: 'off',
  'dead-peer': { 'probe-every': '60s', 'give-up-after': '5m' },
} as const
