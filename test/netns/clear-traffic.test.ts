// What comes in clear although a network pair protects it is dropped, whatever the reverse path filter is set to (RFC 4301 §5.2).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Capture } from '../support/capture.ts'
import { GatewayProcess, type GatewaySettings, type TunnelSettings } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
const { gatewayA, gatewayB, hostA, hostB } = ADDRESSES
const PARIS = ['10.1.0.0/16 <-> 10.2.0.0/16']
/** Addresses of site B, as somebody outside pretends to have them. */
const FORGED = { ipv4: '10.2.0.2', ipv6: 'fd00:2::2' }

let net: Topology
before(async () => {
  net = await buildTopology()
  await net.middle.ip(
    `addr add ${FORGED.ipv4}/32 dev lo`,
    `addr add ${FORGED.ipv6}/128 dev lo`,
    `addr add 192.0.2.9/32 dev lo`,
    `route add 10.1.0.0/16 via ${gatewayA.ipv4}`,
    `route add fd00:1::/64 via ${gatewayA.ipv6}`,
  )
})
after(() => net.dispose())

test('the forged packets arrive while no gateway runs', async () => {
  assert.equal(await arriving(hostA.ipv4, FORGED.ipv4), 3)
  assert.equal(await arriving(hostA.ipv6, FORGED.ipv6), 3)
})

test('forwarded or for the gateway itself, in both families, they end before the host; others pass', async () => {
  const gateway = await start({
    paris: { peer: gatewayB.ipv4, networks: PARIS },
    paris6: {
      address: gatewayA.ipv6,
      peer: gatewayB.ipv6,
      networks: ['fd00:1::/64 <-> fd00:2::/64'],
    },
  })
  try {
    assert.equal(await arriving(hostA.ipv4, FORGED.ipv4), 0)
    assert.equal(await arriving(hostA.ipv6, FORGED.ipv6), 0)
    assert.equal(await arriving(hostA.ipv4, '192.0.2.9'), 3, 'from elsewhere')
    const before = await inEchos()
    await net.middle.ping(gatewayA.lan, { source: FORGED.ipv4, wait: 1 })
    assert.equal(await inEchos(), before, 'the gateway’s own address inside')
    await net.middle.ping(gatewayA.lan, { source: '192.0.2.9', wait: 1 })
    assert.equal(await inEchos(), before + 3)
    // Three forwarded in each family, three for itself; a filter that takes the place of this one goes on from there.
    assert.equal(await cameInClear(gateway), 9)
    await gateway.reload(settingsOf({ paris: { peer: gatewayB.ipv4, networks: PARIS } }))
    await eventually('the filter follows', async () => {
      return !(await net.gatewayA.runOk(['nft', 'list', 'ruleset'])).includes('fd00:')
    })
    assert.equal(await cameInClear(gateway), 9)
    assert.equal(await arriving(hostA.ipv4, FORGED.ipv4), 0)
    assert.equal(await cameInClear(gateway), 12)
  } finally {
    await gateway.stop()
  }
  assert.equal(await arriving(hostA.ipv4, FORGED.ipv4), 3, 'undone with the gateway')
})

test('what comes out of the tunnel passes, and a gateway that is killed leaves nothing behind', async () => {
  const settings = { networks: ['10.1.0.0/16 <-> 10.2.0.0/16'] }
  const gateways = await Promise.all([
    start({ paris: { ...settings, peer: gatewayB.ipv4 } }),
    GatewayProcess.start(net.gatewayB, {
      name: 'paris',
      address: gatewayB.ipv4,
      tunnels: {
        berlin: {
          psk: PSK,
          peer: gatewayA.ipv4,
          start: 'respond',
          networks: ['10.2.0.0/16 <-> 10.1.0.0/16'],
        },
      },
    }),
  ])
  const [berlin] = gateways
  try {
    await berlin.up('paris')
    assert.equal((await net.hostA.ping(hostB.ipv4)).received, 3)
    assert.equal((await net.hostB.ping(gatewayA.lan)).received, 3)
    assert.match(await net.gatewayA.runOk(['nft', 'list', 'ruleset']), /table ip causeway/)
    process.kill(berlin.pid, 'SIGKILL')
    await eventually('the kernel takes the filter away', async () => {
      return (await net.gatewayA.runOk(['nft', 'list', 'ruleset'])) === ''
    })
  } finally {
    await Promise.all(gateways.map((one) => one.stop()))
  }
})

test('a pair of everything leaves the gateway’s own network and the gateway’s outside alone', async () => {
  const gateway = await start({
    hub: { peer: gatewayB.ipv4, networks: ['10.1.0.0/16 <-> 0.0.0.0/0'] },
  })
  try {
    assert.equal(await arriving(hostA.ipv4, '192.0.2.9'), 0, 'everything is protected')
    assert.equal((await net.hostA.ping(gatewayA.lan)).received, 3)
    // Its answer would go into the tunnel, but that is the route's doing.
    const before = await inEchos()
    await net.middle.ping(gatewayA.ipv4, { wait: 1 })
    assert.equal((await inEchos()) - before, 3)
  } finally {
    await gateway.stop()
  }
})

test('between two hosts in transport mode only what is listed is kept out in clear', async () => {
  const [a, b] = [gatewayA.ipv4, gatewayB.ipv4]
  for (const [networks, expected] of [
    [`${a} <-> ${b}`, 0],
    [`${a} icmp <-> ${b} icmp`, 0],
    [`${a} tcp/5001 <-> ${b} tcp`, 3],
  ] as const) {
    const gateway = await start({ host: { peer: b, mode: 'transport', networks: [networks] } })
    try {
      const before = await inEchos()
      await net.gatewayB.ping(a, { wait: 1 })
      assert.equal((await inEchos()) - before, expected, networks)
    } finally {
      await gateway.stop()
    }
  }
})

type Tunnels = Readonly<Record<string, Omit<TunnelSettings, 'psk'>>>

function start(tunnels: Tunnels): Promise<GatewayProcess> {
  return GatewayProcess.start(net.gatewayA, settingsOf(tunnels))
}

function settingsOf(tunnels: Tunnels): GatewaySettings {
  return {
    name: 'berlin',
    address: gatewayA.ipv4,
    tunnels: Object.fromEntries(
      Object.entries(tunnels).map(([name, one]) => [
        name,
        { psk: PSK, start: 'respond', ...one } as TunnelSettings,
      ]),
    ),
  }
}

async function cameInClear(gateway: GatewayProcess): Promise<number | undefined> {
  return (await gateway.status()).dropped['came-in-clear']
}

/** Echo requests of three that reach host A from the middle under this source address. */
async function arriving(destination: string, source: string): Promise<number> {
  const capture = await Capture.start(net.hostA, 'lan')
  await net.middle.ping(destination, { source, wait: 1, count: 3 })
  return (await capture.frames()).filter(isEchoRequest).length
}

/** Of an Ethernet frame, without options or extension headers. */
function isEchoRequest(frame: Uint8Array): boolean {
  const type = (frame[12] ?? 0) * 256 + (frame[13] ?? 0)
  if (type === 0x0800) return frame[23] === 1 && frame[34] === 8
  return type === 0x86dd && frame[20] === 58 && frame[54] === 128
}

/** ICMP echo requests that the gateway's own kernel has taken. */
async function inEchos(): Promise<number> {
  const text = await net.gatewayA.runOk(['cat', '/proc/net/snmp'])
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Icmp:'))
  return Number(values.split(' ')[names.split(' ').indexOf('InEchos')])
}
