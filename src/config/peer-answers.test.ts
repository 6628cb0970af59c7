import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { sampleTunnel } from '../../test/support/sample-config.ts'
import type { TunnelConfig } from './config.ts'
import { callable } from './peer-answers.ts'

const paris = sampleTunnel('paris', {
  peer: 'unresolved',
  peerName: { name: 'vpn.paris.example', isIdentity: true, isNetwork: false },
})

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

function called(tunnel: TunnelConfig, answers: readonly string[], ...others: TunnelConfig[]) {
  return callable(tunnel, answers.map(ip), [tunnel, ...others])
}
