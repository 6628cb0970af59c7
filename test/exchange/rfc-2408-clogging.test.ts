// RFC 2408 §1.7.1, §2.5.3: what anyone can send in a peer's name must not cost the gateway its work.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHeader } from '#wire/ike-header'
import { scene } from '../support/attack.ts'
import { assertUp, events, rehearse } from '../support/exchange.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

test('first messages sent in the peer’s name do not keep the gateway from beginning itself', () => {
  const { rehearsal, peer } = scene(sites({}, A_BEGINS))
  const own = () =>
    rehearsal.sent.filter(({ side, octets }) => side === 'b' && isFirst(octets)).length
  const message1 = peer.plain('IDENTITY-PROTECTION', [peer.offer()])
  const spoof = (n: number) => {
    const octets = message1.slice()
    octets.set([0xbb, n], 0)
    rehearsal.inject('b', octets, peer.remote, peer.local)
  }
  rehearsal.runFor(45_000)
  // Its own first try is over, another one is due; from now on there is always something half open.
  const before = own()
  for (let n = 0; n < 60; n++) {
    spoof(n)
    rehearsal.runFor(2_000)
  }
  assert.ok(own() > before + 5, `${own() - before} first messages in two minutes`)
})

test('where the peer really is at it, the gateway waits and makes no second SA', () => {
  const rehearsal = rehearse(sites({}, { start: 'always' }, { start: 'on-traffic' }))
  rehearsal.command('b', { kind: 'up', tunnel: 'berlin-paris' })
  rehearsal.runFor(10_000)
  assertUp(rehearsal)
})

test('a first message without an initiator cookie is nobody’s', () => {
  const { rehearsal, peer } = scene()
  peer.initiatorSpi = new Uint8Array(8)
  assert.deepEqual(peer.sendMessage1(), [])
  assert.equal(events(rehearsal, 'b', 'dropped').length, 1)
})

function isFirst(octets: Uint8Array): boolean {
  const { responderSpi, exchangeType } = decodeHeader(octets)
  return exchangeType === 2 && responderSpi.every((octet) => octet === 0)
}
