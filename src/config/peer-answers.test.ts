import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import type { TunnelConfig } from './config.ts'
import { addressesTaken, callable } from './peer-answers.ts'

const paris = sampleTunnel('paris', {
  peer: 'unresolved',
  peerName: { name: 'vpn.paris.example', isIdentity: true, isNetwork: false },
})
const oslo: TunnelConfig = {
  ...paris,
  name: 'oslo',
  authentication: { kind: 'psk', psk: new Secret(new TextEncoder().encode('another key')) },
}
const FIRST = ip('198.51.100.7')
const SECOND = ip('198.51.100.9')

test('addresses of our IP version can be called, in the order of the answer', () => {
  assert.deepEqual(called(paris, ['2001:db8::7', '198.51.100.9', '198.51.100.7']), [
    '198.51.100.9',
    '198.51.100.7',
  ])
  const inIpv6 = { ...paris, local: ip('2001:db8::1') }
  assert.deepEqual(called(inIpv6, ['2001:db8::7', '198.51.100.9']), ['2001:db8::7'])
})

test('what no host has, which the file would refuse, is not called', () => {
  assert.deepEqual(called(paris, ['0.0.0.0', '224.0.0.1', '239.9.9.9', '255.255.255.255']), [])
  assert.deepEqual(called({ ...paris, local: ip('2001:db8::1') }, ['::', 'ff02::1']), [])
})

test('nor is this host itself: at loopback, or at the address of any tunnel', () => {
  const rome = sampleTunnel('rome', { local: ip('203.0.113.11') })
  const answers = ['127.0.0.1', '127.9.9.9', '203.0.113.10', '203.0.113.11', '203.0.113.12']
  assert.deepEqual(called(paris, answers, rome), ['203.0.113.12'])
  assert.deepEqual(called({ ...paris, local: ip('2001:db8::1') }, ['::1']), [])
  assert.deepEqual(called({ ...paris, local: ip('127.0.0.2') }, ['127.0.0.1', '127.0.0.2']), [
    '127.0.0.1',
  ])
})

test('nor is the peer that is written in another tunnel, which would answer in its place', () => {
  const rome = sampleTunnel('rome', { peer: FIRST })
  assert.deepEqual(called(paris, [FIRST, SECOND], rome), [SECOND])
  assert.deepEqual(called(paris, [FIRST], { ...rome, local: ip('203.0.113.11') }), [FIRST])
  // There the peer says who it is before a key is needed.
  assert.deepEqual(called(paris, [FIRST], { ...rome, ike: 'v1-aggressive' }), [FIRST])
  assert.deepEqual(called({ ...paris, ike: 'v1-aggressive' }, [FIRST], rome), [FIRST])
})

test('of two names that lead to one address with two keys, the first of the file has it', () => {
  assert.deepEqual(taken({ paris: [FIRST], oslo: [FIRST] }), { paris: FIRST })
  assert.deepEqual(taken({ paris: [FIRST], oslo: [FIRST, SECOND] }), { paris: FIRST, oslo: SECOND })
})

test('but nobody takes the address that another has already, and that its name still leads to', () => {
  const answers = { paris: [FIRST], oslo: [FIRST] }
  assert.deepEqual(taken(answers, { oslo: FIRST }), { oslo: FIRST })
  assert.deepEqual(taken(answers, { paris: SECOND, oslo: FIRST }, ['oslo']), { oslo: FIRST })
  assert.deepEqual(taken({ paris: [FIRST] }, { oslo: FIRST }, ['oslo']), { oslo: FIRST })
})

test('what another name leads to no longer is free, and two may change places', () => {
  const answers = { paris: [SECOND], oslo: [FIRST] }
  assert.deepEqual(taken(answers, { paris: FIRST, oslo: SECOND }), { paris: SECOND, oslo: FIRST })
})

test('two names with one key may lead to one gateway, as in the file', () => {
  const same = { ...oslo, authentication: paris.authentication }
  assert.deepEqual(taken({ paris: [FIRST], oslo: [FIRST] }, {}, [], same), {
    paris: FIRST,
    oslo: FIRST,
  })
})

/** @param staying names of tunnels that are up */
function taken(
  answers: Readonly<Record<string, readonly IpAddress[]>>,
  present: Readonly<Record<string, IpAddress>> = {},
  staying: readonly string[] = [],
  second: TunnelConfig = oslo,
) {
  const addresses = addressesTaken(sampleConfig(paris, second), ({ name }) => ({
    answers: answers[name] ?? [],
    present: present[name],
    mayMove: !staying.includes(name),
  }))
  return Object.fromEntries(addresses)
}

function called(tunnel: TunnelConfig, answers: readonly string[], ...others: TunnelConfig[]) {
  return callable(tunnel, answers.map(ip), [tunnel, ...others])
}
