import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { ADDRESS_A, ADDRESS_B, pair, sites } from '../../test/support/sites.ts'
import { meetings, withNamesMet } from './pairing.ts'

const [a] = sites().a.tunnels as [TunnelConfig]
const [b] = sites().b.tunnels as [TunnelConfig]

test('a tunnel meets the one that calls it where it is', () => {
  const elsewhere = { ...b, name: 'elsewhere', peer: ip('192.0.2.9') }
  assert.deepEqual(names([a], [elsewhere, b]), ['berlin-paris berlin-paris fit'])
})

test('between the same addresses, identities and networks tell tunnels apart', () => {
  const first = { ...a, name: 'first' }
  const second = {
    ...a,
    name: 'second',
    networks: [pair('10.7.0.0', '10.7.0.255', '10.8.0.0', '10.8.0.255')],
  }
  const ofB = [second, first].map(({ name, networks }) => ({
    ...b,
    name: `to-${name}`,
    networks: networks.map(({ local, remote }) => ({ local: remote, remote: local })),
  }))
  assert.deepEqual(names([first, second], ofB), ['first to-first fit', 'second to-second fit'])
})

test('who may come from anywhere is met, but two such never meet', () => {
  const anyone = { ...b, peer: 'any' } as const
  assert.deepEqual(names([a], [anyone]), ['berlin-paris berlin-paris fit'])
  assert.deepEqual(names([{ ...a, peer: 'any' }], [anyone]), [])
})

test('behind a NAT the other end knows another address', () => {
  const inside = { ...a, local: ip('10.0.0.2') }
  assert.deepEqual(
    meetings([inside], [b], 'a').map(({ addresses }) => addresses),
    ['fit'],
  )
  assert.deepEqual(
    meetings([inside], [b], 'none').map(({ addresses }) => addresses),
    ['differ'],
  )
})

test('a host name leads to the other end that suits the tunnel best, or to the NAT before it', () => {
  const named = { ...a, peer: 'unresolved', peerName: PARIS } as const
  const stranger = { ...b, name: 'stranger', local: ip('192.0.2.9'), ike: 'v1-aggressive' } as const
  const [met] = withNamesMet([named], [stranger, b], false)
  assert.deepEqual([met?.peer, met?.remoteId], [ADDRESS_B, { kind: 'address', address: ADDRESS_B }])
  assert.equal(withNamesMet([named], [b], true)[0]?.peer, '192.0.2.99')
  const other = { ...b, peer: 'unresolved', peerName: PARIS } as const
  assert.deepEqual(
    names(withNamesMet([named], [other], false), withNamesMet([other], [named], false)),
    ['berlin-paris berlin-paris fit'],
  )
  assert.equal(withNamesMet([named], [{ ...b, peer: ip('192.0.2.9') }], false)[0], named)
})

test('the two ends of one file meet once', () => {
  assert.equal(a.local === ADDRESS_A && b.local === ADDRESS_B, true)
  const tunnels = [a, { ...b, name: 'back' }]
  assert.deepEqual(names(tunnels, tunnels), ['berlin-paris back fit'])
})

const PARIS = { name: 'vpn.paris.example', isIdentity: true, isNetwork: false }

function names(ofA: readonly TunnelConfig[], ofB: readonly TunnelConfig[]): readonly string[] {
  return meetings(ofA, ofB, 'none').map(({ a, b, addresses }) => `${a.name} ${b.name} ${addresses}`)
}
