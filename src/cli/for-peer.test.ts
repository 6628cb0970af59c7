import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelStatus } from '#control/status'
import { statusSample } from '../../test/support/status-sample.ts'
import { mailToPeer } from './for-peer.ts'

const tokyo = statusSample.tunnels.find(({ name }) => name === 'tokyo')

test('writes to the other administrator what was seen, both values and what to do', () => {
  assert.ok(tokyo !== undefined)
  const mail = mailToPeer(tokyo, statusSample)
  assert.match(mail, /^Subject: IPsec between 203\.0\.113\.200 and 203\.0\.113\.10: CW-201\n/)
  assert.match(mail, /our tunnel "tokyo" to you does not come up/)
  assert.match(mail, /\nWe accept aes256-sha256-group14 in phase 1; please offer it\.\n/)
  assert.match(mail, /\nWe have {7}aes256-sha256-group14\nYou have {6}aes256-sha1-group2\n/)
  assert.match(mail, /\nAs of {9}2026-11-23 15:12:03 UTC\n/)
  assert.deepEqual(
    mail.split('\n').filter((line) => line.length > 72),
    [],
  )
})

test('has nothing to write about a tunnel that is up', () => {
  const [paris] = statusSample.tunnels
  assert.ok(paris !== undefined)
  assert.equal(mailToPeer(paris, statusSample), 'paris: nothing has failed.\n')
})

test('writes of each reason why a network pair does not come up, with its networks', () => {
  assert.ok(tokyo !== undefined)
  const [refused] = tokyo.networks
  assert.ok(refused?.failure !== undefined)
  const failure = {
    ...refused.failure,
    code: 'CW-401',
    summary: 'tokyo refuses the networks',
    forPeer: 'Please add the networks 10.1.0.0/16 and 10.8.0.0/16.',
  }
  const { lastFailure: _, ...rest } = tokyo
  const networks = [
    refused,
    { ...refused, remote: '10.8.0.0/16', failure },
    { ...refused, remote: '10.7.0.0/16', failure },
    { ...refused, remote: '10.6.0.0/16', state: 'up' as const, failure: undefined },
  ]
  const mail = mailToPeer({ ...rest, state: 'up', networks } as TunnelStatus, statusSample)
  assert.match(mail, /^Subject: [^\n]*: CW-404, CW-401\n/)
  assert.match(mail, /\n1\. tokyo offers phase 2[\s\S]*\nWe accept aes128gcm16 in phase 2; please/)
  assert.match(mail, /\n2\. tokyo refuses the networks\.\n\nPlease add the networks/)
  const about =
    /Networks {6}yours 10\.8\.0\.0\/16, ours 10\.1\.0\.0\/16; yours 10\.7\.0\.0\/16, ours/
  assert.match(mail.replace(/\n {14}/g, ' '), about)
  assert.doesNotMatch(mail, /10\.6\.0\.0/)
  assert.deepEqual(
    mail.split('\n').filter((line) => line.length > 72),
    [],
  )
})
