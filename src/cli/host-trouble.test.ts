import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnsOf } from '#diagnosis/wrap'
import { hostTrouble } from './host-trouble.ts'

const TAKEN = {
  text: 'UDP 500 is taken by charon (pid 812)',
  ok: false,
  note: 'stop it:  systemctl disable --now strongswan',
}

test('CW-108: names who has the port, what stops it, and what else is missing', () => {
  const text = hostTrouble(80, [
    TAKEN,
    { text: 'TUN not usable', ok: false, note: 'no /dev/net/tun:  modprobe tun' },
    { text: 'CAP_NET_ADMIN yes', ok: true },
    { text: 'forwarding off', ok: false, note: 'x' },
  ])
  assert.match(text ?? '', /^ {2}CW-108 {2}the gateway cannot start on this host: UDP 500 is taken/)
  assert.match(text ?? '', /Remedy +stop it: systemctl disable --now strongswan/)
  assert.match(text ?? '', /Or else +– TUN not usable: no \/dev\/net\/tun: modprobe tun/)
  assert.doesNotMatch(text ?? '', /forwarding/)
  for (const line of (text ?? '').split('\n')) assert.ok(columnsOf(line) <= 80, line)
})

test('says nothing where nothing is missing', () => {
  assert.equal(hostTrouble(80, [{ text: 'UDP 500/4500 free', ok: true }]), undefined)
})
