import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { parseSelectorPair, type SelectorPair } from '#policy/traffic-selector'
import type { DataPlaneTunnel } from '../port.ts'
import { clearTrafficFilter } from './clear-traffic-plan.ts'

function planned(
  networks: readonly string[],
  more: Partial<DataPlaneTunnel> = {},
  takesPackets = true,
) {
  const pairs = networks.map((text): SelectorPair => {
    const pair = parseSelectorPair(text)
    assert.ok('local' in pair)
    return pair
  })
  const tunnel = {
    name: 'paris',
    interfaceName: 'cw-paris',
    local: ip('203.0.113.10'),
    mode: 'tunnel' as const,
    pairs,
    acquire: true,
    ...more,
  }
  return { tunnel, link: 7, takesPackets }
}

test('nothing protected, nothing filtered', () => {
  assert.equal(clearTrafficFilter(4, []), undefined)
  assert.equal(clearTrafficFilter(6, [planned(['10.1.0.0/16 <-> 10.2.0.0/16'])]), undefined)
})

test('networks that overlap or touch are one range, as the kernel wants them', () => {
  const filter = clearTrafficFilter(4, [
    planned(['10.1.0.0/16 <-> 10.2.0.0/16', '10.1.0.0/16 <-> 10.3.0.0/16']),
    planned(['10.1.7.0/24 <-> 10.3.9.0/24', '10.1.7.0/24 <-> 10.9.0.0/16']),
  ])
  assert.deepEqual(filter?.ranges.remote, [
    { start: '10.2.0.0', end: '10.3.255.255' },
    { start: '10.9.0.0', end: '10.9.255.255' },
  ])
  assert.deepEqual(filter?.ranges.local, [{ start: '10.1.0.0', end: '10.1.255.255' }])
})

test('a local network inside a remote one may talk to itself; a remote one inside a local one may not', () => {
  const spoke = clearTrafficFilter(4, [planned(['10.1.0.0/16 <-> 0.0.0.0/0'])])
  assert.deepEqual(spoke?.ranges.inside, [{ start: '10.1.0.0', end: '10.1.255.255' }])
  const hub = clearTrafficFilter(4, [planned(['0.0.0.0/0 <-> 10.2.0.0/16'])])
  assert.deepEqual(hub?.ranges.inside, [])
})

test('later fragments of IKE and ESP reach the gateway where the kernel shows fragments: in IPv6', () => {
  const networks = ['203.0.113.10/32 <-> 203.0.113.20/32', 'fd00:a::10/128 <-> fd00:b::20/128']
  const rulesOf = (family: 4 | 6) => clearTrafficFilter(family, [planned(networks)])?.rules ?? []
  const isLater = ({ tests }: { readonly tests: readonly { readonly kind: string }[] }) =>
    tests.some(({ kind }) => kind === 'later-fragment')
  assert.equal(rulesOf(4).some(isLater), false)
  assert.deepEqual(rulesOf(6).filter(isLater), [
    {
      verdict: 'accept',
      tests: [{ kind: 'later-fragment' }, { kind: 'destination', set: 'outer' }],
    },
  ])
})

test('a pair of one protocol and port keeps out just that', () => {
  const filter = clearTrafficFilter(4, [planned(['10.1.0.0/16 tcp/443 <-> 10.2.0.0/16 tcp'])])
  assert.deepEqual(filter?.ranges.remote, [])
  assert.deepEqual(
    filter?.rules.find(({ tests }) => tests.some((one) => 'set' in one && one.set === 'remote-0')),
    {
      verdict: 'drop',
      tests: [
        { kind: 'source', set: 'remote-0' },
        { kind: 'destination', set: 'local-0' },
        { kind: 'protocol', number: 6 },
        { kind: 'second-word', start: 443, end: 443 },
      ],
    },
  )
})

test('routes of a route-based tunnel count while they stand, a default route never', () => {
  const any = ['0.0.0.0/0 <-> 0.0.0.0/0']
  const routes = [
    { address: ip('10.8.0.0'), bits: 14 },
    { address: ip('0.0.0.0'), bits: 0 },
  ]
  const up = clearTrafficFilter(4, [planned(any, { routes })])
  assert.deepEqual(up?.ranges.routed, [{ start: '10.8.0.0', end: '10.11.255.255' }])
  assert.deepEqual(up?.ranges.remote, [])
  assert.equal(clearTrafficFilter(4, [planned(any, { routes }, false)]), undefined)
})

test('ESP is let through by its number, before any set is searched; what tunnels bring, before anything is dropped', () => {
  const filter = clearTrafficFilter(4, [planned(['10.1.0.0/16 <-> 10.2.0.0/16'])])
  assert.deepEqual(filter?.rules[0], {
    tests: [
      { kind: 'protocol', number: 50 },
      { kind: 'destination', set: 'outer' },
    ],
    verdict: 'accept',
  })
  assert.deepEqual(filter.links.tunnels, ['lo', 'cw-paris'])
  const links = filter.rules.findIndex(({ tests }) => tests[0]?.kind === 'link')
  const drops = filter.rules.findIndex(({ verdict }) => verdict === 'drop')
  assert.ok(links > 0 && links < drops)
})
