import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import {
  assertAllDelivered,
  LAN_4,
  LAN_6,
  type Link,
  OUTER_6,
  saOf,
  sasOf,
  withLink,
} from '../support/data-plane-link.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Namespace, type Topology } from '../support/topology.ts'

let net: Topology
before(async () => {
  net = await buildTopology()
})
after(() => net.dispose())

const TRAIN = join(import.meta.dirname, '../support/datagram-train-program.ts')

const LINKS: readonly (readonly [string, Link, 'ipv4' | 'ipv6'])[] = [
  ['inside UDP, IPv4', {}, 'ipv4'],
  ['inside UDP, IPv6 in IPv6', { pairs: [LAN_6], outer: OUTER_6 }, 'ipv6'],
  ['as protocol 50', { encapsulation: 'native' }, 'ipv4'],
  [
    'inside UDP, AES-CBC',
    { suite: { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: true } },
    'ipv4',
  ],
]

for (const [name, link, family] of LINKS) {
  test(`long TCP and UDP packets of hosts arrive cut right, nothing lost: ${name}`, async () => {
    await withLink(net, link, async (planes) => {
      const before = await checksumErrors(net.hostB)
      await planes.transfer(30_000_000, ADDRESSES.hostB[family])
      const train = await sendTrain(family, 400, 1200)
      assert.deepEqual(train, { received: 400, whole: 400, ordered: true })
      assert.equal(await checksumErrors(net.hostB), before)
      await assertAllDelivered(planes)
      const { unknownSpi, malformed, notSent } = await planes.b.counters()
      assert.deepEqual(
        { unknownSpi, malformed, notSent },
        { unknownSpi: 0, malformed: 0, notSent: 0 },
      )
    })
  })
}

test('what hosts behind the gateway send in one long packet comes to it in one', async () => {
  await withLink(net, {}, async (planes) => {
    await planes.transfer(30_000_000, ADDRESSES.hostB.ipv4)
    const { packets, bytes } = await sentToTunnel(net.gatewayA)
    // No packet that the kernel has cut is longer than the path takes.
    assert.ok(bytes / packets > 2_000, `${bytes} octets in ${packets} packets`)
  })
})

test('what comes faster than the gateway reads it is counted', async () => {
  await withLink(net, { encapsulation: 'native' }, async ({ a, b }) => {
    b.process.kill('SIGSTOP')
    const { hostA, hostB } = ADDRESSES
    const train = [process.execPath, TRAIN, 'send', hostA.ipv4, hostB.ipv4, '8000', '1200']
    // On a busy machine some are lost before they come so far.
    await eventually('so many have left that no socket holds them', async () => {
      await net.hostA.runOk(train)
      return (await saOf(a, 'outbound')).packets > 20_000
    })
    b.process.kill('SIGCONT')
    const [read, lost] = await eventually(
      'what was read and what was lost is counted',
      async () => {
        const { packets } = await saOf(b, 'inbound')
        const { notReceived } = await b.counters()
        return packets > 0 && notReceived > 0 ? [packets, notReceived] : undefined
      },
    )
    const sent = (await saOf(a, 'outbound')).packets
    assert.ok(read + lost <= sent, `${read} read, ${lost} lost of ${sent}`)
  })
})

test('datagrams that just fill the path pass, handed over as long messages too', async () => {
  await withLink(net, {}, async ({ a }) => {
    await sendTrain('ipv4', 40, 1410)
    const { received } = await sendTrain('ipv4', 40, 1410)
    assert.equal(received, 40)
    assert.equal((await a.counters()).notSent, 0)
  })
})

test('SAs are replaced under full load, and no packet is lost, replayed or refused', async () => {
  await withLink(net, {}, async (planes) => {
    const { a, b } = planes
    const moving = planes.transfer(120_000_000, ADDRESSES.hostB.ipv4)
    for (let generation = 1; generation <= 4; generation++) {
      const fresh = sasOf({ generation }, 0)
      await Promise.all([a.install(fresh.a.inbound), b.install(fresh.b.inbound)])
      await Promise.all([a.install(fresh.a.outbound), b.install(fresh.b.outbound)])
      await eventually('the new SA carries', async () => {
        const { sas } = await a.counters()
        return sas.some((sa) => sa.spi === fresh.a.outbound.spi && sa.packets > 200)
      })
    }
    await moving
    await eventually('B has delivered what A has sent', async () => {
      const [sent, received] = [await a.counters(), await b.counters()]
      const total = (counters: typeof sent, direction: string): number =>
        counters.sas
          .filter((sa) => sa.direction === direction)
          .reduce((sum, { packets }) => sum + packets, 0)
      return total(sent, 'outbound') === total(received, 'inbound')
    })
    for (const { sas, unknownSpi, notSent } of [await a.counters(), await b.counters()]) {
      assert.deepEqual([unknownSpi, notSent], [0, 0])
      for (const { replayed, badIcv, badPadding, outsideSelectors } of sas) {
        assert.deepEqual([replayed, badIcv, badPadding, outsideSelectors], [0, 0, 0, 0])
      }
    }
  })
})

test('a volume limit ends an SA in the middle of a long packet, not after it', async () => {
  await withLink(
    net,
    {},
    async ({ a, b }) => {
      const { a: atA, b: atB } = sasOf({ pairs: [LAN_4] }, 0)
      const volume = { soft: 100_000, hard: 200_000 }
      await Promise.all([a.install(atA.inbound), b.install(atB.inbound)])
      await Promise.all([a.install({ ...atA.outbound, volume }), b.install(atB.outbound)])
      await sendTrain('ipv4', 400, 1200)
      const { octets } = await saOf(a, 'outbound')
      assert.ok(octets >= 200_000 && octets < 200_000 + 1500, `${octets} octets`)
      const told = a.events.filter(({ kind }) => kind === 'sa-expired')
      assert.deepEqual(
        told.map((event) => event.kind === 'sa-expired' && event.hard),
        [false, false, true],
      )
    },
    'without SAs',
  )
})

test('an IKE message that the kernel joined to ESP packets is still an IKE message', async () => {
  await withLink(
    net,
    {},
    async ({ b }) => {
      const { gatewayA, gatewayB } = ADDRESSES
      await net.gatewayA.runOk([process.execPath, TRAIN, 'mixed', gatewayA.ipv4, gatewayB.ipv4])
      const ike = await eventually('the IKE message is handed over', () =>
        b.events.find(({ kind }) => kind === 'ike-datagram'),
      )
      assert.equal(ike.kind === 'ike-datagram' && `${ike.octets}`, '11'.repeat(60))
      const { unknownSpi, malformed } = await b.counters()
      assert.deepEqual([unknownSpi, malformed], [3, 0])
    },
    'without SAs',
  )
})

/** From host A to host B. */
async function sendTrain(
  family: 'ipv4' | 'ipv6',
  count: number,
  octets: number,
): Promise<{ received: number; whole: number; ordered: boolean }> {
  const to = ADDRESSES.hostB[family]
  const program = (...args: readonly (string | number)[]): string[] => [
    process.execPath,
    TRAIN,
    ...args.map(String),
  ]
  const receiver = net.hostB.start(program('receive', to, count, octets))
  const lines: string[] = []
  if (receiver.stdout !== null) {
    createInterface({ input: receiver.stdout }).on('line', (line) => lines.push(line))
  }
  await eventually('the receiver is ready', () => lines.includes('ready'))
  await net.hostA.runOk(program('send', ADDRESSES.hostA[family], to, count, octets))
  return JSON.parse(await eventually('the receiver has ended', () => lines[1]))
}

/** Segments and datagrams that the host's kernel found damaged. */
async function checksumErrors(host: Namespace): Promise<number> {
  const text = await host.runOk(['cat', '/proc/net/snmp', '/proc/net/snmp6'])
  const column = (protocol: string): number => {
    const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith(protocol))
    return Number(values.split(' ')[names.split(' ').indexOf('InCsumErrors')])
  }
  const udp6 = Number(/Udp6InCsumErrors\s+(\d+)/.exec(text)?.[1])
  return column('Tcp:') + column('Udp:') + udp6
}

async function sentToTunnel(gateway: Namespace): Promise<{ packets: number; bytes: number }> {
  const links = JSON.parse(
    await gateway.runOk(['ip', '-j', '-s', 'link', 'show', 'type', 'tun']),
  ) as readonly { stats64: { tx: { packets: number; bytes: number } } }[]
  assert.equal(links.length, 1)
  return links[0]?.stats64.tx ?? { packets: 0, bytes: 0 }
}
