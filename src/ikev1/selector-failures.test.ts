import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleTunnel } from '../../test/support/sample-config.ts'
import { pair } from '../../test/support/sites.ts'
import { noSuchSelectors, selectorsRefused } from './selector-failures.ts'

const TUNNEL = sampleTunnel('paris', {
  networks: [pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.0.255')],
})
const WIDER = pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255')

test('CW-403: a Check Point that asks for more is told its settings; of others it is a network that differs', () => {
  const failure = noSuchSelectors(TUNNEL, WIDER, 'Check Point')
  assert.equal(failure.code, 'CW-403')
  assert.match(failure.remedy, /One VPN tunnel per subnet pair/)
  assert.equal(noSuchSelectors(TUNNEL, WIDER, 'Cisco IOS').code, 'CW-401')
})

test('the pair is written as the product of the peer has it, and only where that is known', () => {
  const asked = (vendor?: string) => noSuchSelectors(TUNNEL, WIDER, vendor).forPeer ?? ''
  assert.match(
    asked('Cisco IOS'),
    /On Cisco IOS: access-list 101 permit ip 10\.2\.0\.0 0\.0\.0\.255 10\.1\.0\.0 0\.0\.255\.255\./,
  )
  assert.match(asked('strongSwan'), /local_ts = 10\.2\.0\.0\/24, remote_ts = 10\.1\.0\.0\/16/)
  assert.match(asked('Libreswan'), /leftsubnet=10\.2\.0\.0\/24, rightsubnet=10\.1\.0\.0\/16/)
  assert.doesNotMatch(asked('Unheard of'), / On /)
  assert.doesNotMatch(asked(), / On /)
})

test('less than ours may be allowed: narrow', () => {
  const narrower = pair('10.1.4.0', '10.1.4.255', '10.2.0.0', '10.2.0.255')
  assert.match(
    noSuchSelectors(TUNNEL, narrower, undefined).remedy,
    /^write "10\.\S+ <-> 10\.\S+" in place of "10\.\S+ <-> 10\.\S+" here, .* begins: narrow: allow/,
  )
})

test('one who asked for any to any and is refused hears that the peer may be policy-based', () => {
  const any = pair('0.0.0.0', '255.255.255.255', '0.0.0.0', '255.255.255.255')
  const tunnel = sampleTunnel('paris', { networks: [any] })
  const failure = selectorsRefused(tunnel, any, 'INVALID-ID-INFORMATION', undefined)
  assert.match(failure.otherCauses?.[0] ?? '', /policy-based/)
})
