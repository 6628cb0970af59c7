// Mode Config with addresses of IPv6, and from a pool of ours; XAUTH and plain clients are in xauth.test.ts.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'

const TAKES = numberedLink(1, { networks: [['fd00:9::7/128', 'fd00:2::/64']] })
const GIVES = numberedLink(2, { networks: [['fd00:1::/64', 'fd00:9::9/128']] })
const FROM_POOL = numberedLink(3, { networks: [['10.1.3.0/24', '10.9.3.0/24']] })

let encounter: Encounter

before(async () => {
  const given = strongswanSide(TAKES)
  const asking = (link: Link, asks: '0.0.0.0' | '::') => {
    const side = strongswanSide(link)
    const children = side.children.map((child) => ({ ...child, localTs: ['dynamic'] }))
    return { ...side, modeConfig: { asks }, children }
  }
  encounter = await meet(
    {
      [TAKES.name]: causewaySide(TAKES, {
        networks: ['::/0 <-> fd00:2::/64'],
        'mode-config': { role: 'client' },
      }),
      [GIVES.name]: causewaySide(GIVES, {
        networks: ['fd00:1::/64 <-> any'],
        'mode-config': { role: 'server', address: 'fd00:9::9', dns: 'fd00:1::53' },
      }),
      [FROM_POOL.name]: causewaySide(FROM_POOL, {
        networks: ['10.1.3.0/24 <-> any'],
        'mode-config': { role: 'server', pool: '10.9.3.0/24' },
      }),
    },
    [
      {
        ...given,
        modeConfig: { gives: 'fd00:9::7' },
        children: given.children.map((child) => ({ ...child, remoteTs: ['dynamic'] })),
      },
      asking(GIVES, '::'),
      asking(FROM_POOL, '0.0.0.0'),
    ],
    { prepare: (topology) => giveAddresses(topology, 3) },
  )
})
after(() => encounter?.end())

test('strongSwan gives Causeway an IPv6 address, which its interface has', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.up(TAKES.name)
  const { tunnel } = await agreement(TAKES, causeway, strongswan)
  assert.deepEqual(tunnel.ikeSas[0]?.assigned?.addresses, ['fd00:9::7'])
  assert.equal(tunnel.childSas[0]?.local, 'fd00:9::7')
  await assertPing(topology.gatewayA, 'fd00:2::2', { source: 'fd00:9::7' })
})

test('Causeway gives strongSwan an IPv6 address', async () => {
  const { topology, causeway, strongswan } = encounter
  await strongswanInitiates(GIVES, causeway, strongswan)
  const { tunnel } = await agreement(GIVES, causeway, strongswan)
  assert.equal(tunnel.childSas[0]?.remote, 'fd00:9::9')
  await assertPing(topology.gatewayB, 'fd00:1::2', { source: 'fd00:9::9' })
})

test('Causeway gives strongSwan an address from a pool, and the same one again', async () => {
  const { topology, causeway, strongswan } = encounter
  const addresses: (string | undefined)[] = []
  for (let i = 0; i < 2; i++) {
    await strongswanInitiates(FROM_POOL, causeway, strongswan)
    const { tunnel } = await agreement(FROM_POOL, causeway, strongswan)
    addresses.push(tunnel.childSas[0]?.remote)
    await assertPing(topology.gatewayB, '10.1.3.2', { source: addresses[i] ?? '' })
    await strongswan.terminate({ ike: FROM_POOL.name })
    await causeway.becomes(FROM_POOL.name, 'down')
  }
  assert.match(addresses[0] ?? '', /^10\.9\.3\.\d+$/)
  assert.equal(addresses[1], addresses[0])
})
