import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DegradedStatus } from '#control/status'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { eventually } from '../support/process.ts'
import { buildTopology, type Namespace, type Topology } from '../support/topology.ts'

/**
 * Two gateways with a tunnel for each way that traffic can fail although the tunnel is up. Tunnel `n` runs between 203.0.113.(100+n) and
 * 198.51.100.(100+n) and carries 10.1.(100+n).0/24 <-> 10.2.(100+n).0/24; its hosts have the address .2.
 */
const FAILURES = [
  'filtered',
  'refused',
  'masqueraded',
  'foreign',
  'silent',
  'elsewhere',
  'truncated',
  'forwarding',
  'watched',
] as const
type Failing = (typeof FAILURES)[number]

const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
const numberOf = (name: Failing): number => 100 + FAILURES.indexOf(name)
const ours = (name: Failing): string => `10.1.${numberOf(name)}.2`
const theirs = (name: Failing): string => `10.2.${numberOf(name)}.2`

let net: Topology
let a: GatewayProcess
let b: GatewayProcess

before(async () => {
  net = await buildTopology()
  const each = (line: (number: number) => string) => FAILURES.map((name) => line(numberOf(name)))
  await Promise.all([
    net.gatewayA.ip(...each((n) => `addr add 203.0.113.${n}/32 dev wan`)),
    net.gatewayB.ip(...each((n) => `addr add 198.51.100.${n}/32 dev wan`)),
    net.hostA.ip(...each((n) => `addr add 10.1.${n}.2/32 dev lan`)),
    net.hostB.ip(...each((n) => `addr add 10.2.${n}.2/32 dev lan`)),
    net.gatewayA.ip(`addr add 10.1.${numberOf('watched')}.1/32 dev lan`),
  ])
  ;[a, b] = await Promise.all([
    GatewayProcess.start(net.gatewayA, { name: 'a', tunnels: tunnelsOf('a') }),
    GatewayProcess.start(net.gatewayB, { name: 'b', tunnels: tunnelsOf('b') }),
  ])
  // From the beginning, before the gateways ask each other through the tunnel what its path carries.
  await nft(
    net.middle,
    'filtered',
    `ip saddr { 203.0.113.${numberOf('filtered')}, 198.51.100.${numberOf('filtered')} } ip protocol esp drop`,
  )
  for (const name of FAILURES) await a.up(name)
})

after(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  net?.dispose()
})

describe('up, but no traffic', { concurrency: true }, () => {
  test('IP protocol 50 is dropped on the way: CW-501, and gone when it passes', async () => {
    const found = await degrades(a, 'filtered', () => ping('filtered'))
    assert.equal(found.code, 'CW-501')
    assert.match(found.summary, /none of our \d+ ESP packets/)
    await net.middle.runOk(['nft', 'delete', 'table', 'inet', 'filtered'])
    await eventually('it is cured', async () => {
      await ping('filtered')
      return (await a.tunnel('filtered')).degraded === undefined
    })
    const told = a.events.map(({ event }) => event)
    const kinds = told.flatMap((event) =>
      (event.kind === 'traffic-degraded' || event.kind === 'recovered') &&
      event.tunnel === 'filtered'
        ? [event.kind]
        : [],
    )
    assert.deepEqual(kinds, ['traffic-degraded', 'recovered'])
  })

  test('an ICMP error for our ESP makes CW-501 certain and names who sent it', async () => {
    const n = numberOf('refused')
    await nft(
      net.middle,
      'refused',
      `ip saddr 203.0.113.${n} ip protocol esp reject with icmp admin-prohibited`,
    )
    const found = await degrades(a, 'refused', () => ping('refused'))
    assert.equal(found.code, 'CW-501')
    assert.equal(found.certainty, 'certain')
    assert.match(found.summary, /IP protocol 50 is refused by 203\.0\.113\.1$/)
  })

  test('source addresses are rewritten before they reach the tunnel: CW-502, with the rule', async () => {
    await net.gatewayA.runOk(['nft', '-f', '-'], {
      input: `
        table ip nat {
          chain post {
            type nat hook postrouting priority 100
            ip daddr 10.2.${numberOf('masqueraded')}.0/24 masquerade
          }
        }
      `,
    })
    const found = await degrades(a, 'masqueraded', () => ping('masqueraded'))
    assert.equal(found.code, 'CW-502')
    assert.match(found.summary, /nft table ip nat, chain post, handle \d+/)
    assert.match(found.remedy, /nft insert rule ip nat post ip daddr 10\.2\.102\.0\/24 accept/)
  })

  test('a network here that the tunnel does not have: CW-502, with a packet of it', async () => {
    await net.hostA.ip('addr add 10.1.99.2/32 dev lan')
    const found = await degrades(a, 'foreign', () =>
      net.hostA.ping(theirs('foreign'), { source: '10.1.99.2', wait: 1 }),
    )
    assert.equal(found.code, 'CW-502')
    assert.match(found.summary, /10\.1\.99\.2 → 10\.2\.103\.2 icmp/)
  })

  test('a host behind the peer does not answer: CW-503, once ESP has come', async () => {
    assert.equal((await ping('silent')).received, 3)
    await nft(net.hostB, 'silent', `ip daddr ${theirs('silent')} drop`, 'input')
    const found = await degrades(a, 'silent', () => ping('silent'))
    assert.equal(found.code, 'CW-503')
  })

  test('a watched host stops answering while nothing else is sent: CW-503, until it answers again', async () => {
    const watch = async () => (await a.tunnel('watched')).watch
    await eventually('it answers', async () => (await watch())?.answeredAt !== undefined)
    assert.equal((await watch())?.lost, 0)
    await nft(net.hostB, 'watched', `ip daddr ${theirs('watched')} drop`, 'input')
    const found = await degrades(a, 'watched', async () => {})
    assert.equal(found.code, 'CW-503')
    assert.match(found.summary, /^10\.2\.108\.2, which is watched behind watched/)
    assert.equal((await a.tunnel('watched')).state, 'up')
    await net.hostB.runOk(['nft', 'delete', 'table', 'inet', 'watched'])
    await eventually(
      'it is cured',
      async () => (await a.tunnel('watched')).degraded === undefined,
      { patience: 20_000, interval: 500 },
    )
    assert.equal((await watch())?.silentSince, undefined)
  })

  test('a rule of this host leads packets past the tunnel: CW-508, without a packet lost', async () => {
    const network = `10.2.${numberOf('elsewhere')}.0/24`
    await net.gatewayA.ip(`rule add to ${network} priority 100 lookup main`)
    const found = await degrades(a, 'elsewhere', async () => {})
    assert.equal(found.code, 'CW-508')
    assert.match(found.summary, /leave by wan instead of cw-elsewhere/)
  })

  test('the peer cuts HMAC-SHA-256 to 96 bits: CW-506, certain, and nothing accepted', async () => {
    const found = await degrades(b, 'truncated', () => ping('truncated'))
    assert.equal(found.code, 'CW-506')
    assert.equal(found.certainty, 'certain')
    assert.match(found.summary, /truncates HMAC-SHA-256 to 96 bits/)
    assert.equal((await b.tunnel('truncated')).traffic.in.packets, 0)
  })
})

test('a gateway that does not forward is told its sysctl: CW-508', async () => {
  await net.gatewayB.sysctl({ 'net/ipv4/ip_forward': 0 })
  const found = await degrades(b, 'forwarding', () => ping('forwarding'))
  assert.equal(found.code, 'CW-508')
  assert.match(found.remedy, /sysctl -w net\.ipv4\.ip_forward=1/)
})

test('a peer that has the fault is lived with where the operator says so', async () => {
  await net.gatewayB.sysctl({ 'net/ipv4/ip_forward': 1 })
  const tunnels = tunnelsOf('b')
  const truncated = { ...tunnels.truncated, quirks: ['sha256-96'] } as TunnelSettings
  await b.reload({ name: 'b', tunnels: { ...tunnels, truncated } })
  await a.down('truncated')
  await a.up('truncated')
  assert.equal((await ping('truncated')).received, 3)
  assert.match((await b.tunnel('truncated')).childSas[0]?.suite ?? '', /^aes256-sha256-96$/)
})

function ping(name: Failing) {
  return net.hostA.ping(theirs(name), { source: ours(name), wait: 1 })
}

/** Keeps `traffic` going until the gateway says what is wrong. */
async function degrades(
  gateway: GatewayProcess,
  name: Failing,
  traffic: () => Promise<unknown>,
): Promise<DegradedStatus> {
  return eventually(
    `${name} is told`,
    async () => {
      await traffic()
      return (await gateway.tunnel(name)).degraded
    },
    { patience: 40_000, interval: 500 },
  )
}

async function nft(where: Namespace, table: string, rule: string, hook = 'forward'): Promise<void> {
  await where.runOk(['nft', '-f', '-'], {
    input: `
      table inet ${table} {
        chain ${hook} {
          type filter hook ${hook} priority 0
          ${rule}
        }
      }
    `,
  })
}

function tunnelsOf(site: 'a' | 'b'): Readonly<Record<string, TunnelSettings>> {
  return Object.fromEntries(
    FAILURES.map((name) => {
      const n = numberOf(name)
      const [left, right] = [`203.0.113.${n}`, `198.51.100.${n}`]
      const [lanA, lanB] = [`10.1.${n}.0/24`, `10.2.${n}.0/24`]
      const isA = site === 'a'
      return [
        name,
        {
          address: isA ? left : right,
          peer: isA ? right : left,
          psk: PSK,
          networks: [isA ? `${lanA} <-> ${lanB}` : `${lanB} <-> ${lanA}`],
          start: 'respond',
          proof: 'off',
          'dead-peer': { 'probe-every': '2s', 'give-up-after': '30s' },
          ...(name === 'watched' && isA ? { watch: `ping ${theirs(name)}` } : {}),
          ...(name === 'truncated' ? { phase2: 'aes256-sha256' } : {}),
          ...(name === 'truncated' && isA ? { quirks: ['sha256-96'] } : {}),
        },
      ]
    }),
  )
}
