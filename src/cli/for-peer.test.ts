import assert from 'node:assert/strict'
import { test } from 'node:test'
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
