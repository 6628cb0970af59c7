import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import {
  assertPings,
  type Link,
  OUTER_4,
  saOf,
  sasOf,
  TUNNEL,
  withLink,
} from '../support/data-plane-link.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology } from '../support/topology.ts'

for (const workers of [1, 2] as const) {
  test(`follows a peer behind a NAT, on its word only when it is authenticated: ${workers} threads`, async () => {
    const net = await buildTopology({ nat: true })
    const link: Link = {
      outer: { a: ip(ADDRESSES.gatewayBehindNat.ipv4), b: OUTER_4.b },
      aSeenAs: OUTER_4.a,
      workers,
    }
    try {
      await withLink(net, link, async ({ a, b }) => {
        // The NAT chose another port than 4500: the answers of the first ping go astray, the event says where to.
        await net.hostA.ping('10.2.0.2', { count: 3, wait: 1 })
        assert.equal((await saOf(b, 'inbound')).packets, 3)
        const events = b.events.filter(({ kind }) => kind === 'peer-moved')
        assert.equal(events.length, 1, 'told once a second')
        const [moved] = events
        assert.ok(moved?.kind === 'peer-moved')
        assert.equal(moved.spi, sasOf(link, 0).b.inbound.spi)
        assert.equal(moved.remote.address, OUTER_4.a)
        assert.notEqual(moved.remote.port, 4500)
        const local = { address: OUTER_4.b, port: 4500 }
        await b.call({ kind: 'move', tunnel: TUNNEL, local, remote: moved.remote })
        await assertPings(net.hostA, '10.2.0.2')
        assert.equal(b.events.filter(({ kind }) => kind === 'peer-moved').length, 1)

        // A packet with a known SPI and a wrong ICV, from elsewhere.
        const forged = `${sasOf(link, 0).b.inbound.spi.toString(16)}00000fff${'00'.repeat(64)}`
        await net.nat?.runOk([
          process.execPath,
          '-e',
          `const s = require('dgram').createSocket('udp4')
         s.send(Buffer.from('${forged}', 'hex'), 4500, '${OUTER_4.b}', () => s.close())`,
        ])
        await eventually('it is counted', async () => (await saOf(b, 'inbound')).badIcv === 1)
        assert.equal(b.events.filter(({ kind }) => kind === 'peer-moved').length, 1)
        await assertPings(net.hostA, '10.2.0.2')
        assert.deepEqual(a.events, [])
      })
    } finally {
      net.dispose()
    }
  })
}
