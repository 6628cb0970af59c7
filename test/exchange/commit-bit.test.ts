// The commit bit (RFC 2408 §3.1) honoured both ways, and New Group Mode (RFC 2409 §5.6) refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeType, NotifyType, ProtocolId } from '#iana/isakmp'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import type { Payload } from '#wire/v1/payloads'
import { establishedScene } from '../support/attack.ts'
import { assertUp, events, rehearse, snapshot } from '../support/exchange.ts'
import type { ScriptedPeer } from '../support/scripted-peer.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

const QUICK_MODE = ExchangeType.number('QUICK-MODE')
const COMMIT = 0x02
const NO_PFS = {
  suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
  pfs: 'none',
  lifetime: { seconds: 3_600 },
} as const

test('an initiator waits for CONNECTED before it sends, but not for ever', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  committing(rehearsal, 'b')
  rehearsal.runFor(3_000)
  assert.deepEqual(snapshot(rehearsal, 'a').childSas, [])
  const { inbound, outbound } = rehearsal.gateways.a.dataPlane
  assert.deepEqual([inbound.length, outbound.length], [1, 0], 'it receives what the peer sends')
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
})

test('a responder waits for CONNECTED before it sends, but not for ever', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  committing(rehearsal, 'a')
  rehearsal.runFor(3_000)
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [])
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
})

test('CONNECTED under the Message ID of the exchange ends the wait', () => {
  const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
  const messageId = commitQuick(peer)
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [])
  peer.sendProtected('INFORMATIONAL', [connected()], 'right', peer.freshMessageId())
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [], 'that was for another exchange')
  peer.forget(messageId)
  peer.sendProtected('INFORMATIONAL', [connected()], 'right', messageId)
  assert.equal(snapshot(rehearsal, 'b').childSas.length, 1)
  assert.equal(rehearsal.gateways.b.dataPlane.outbound.length, 1)
})

test('CONNECTED that nobody waits for changes nothing', () => {
  const { rehearsal, peer } = establishedScene(sites({ phase2: NO_PFS }, {}, A_BEGINS))
  peer.sendProtected('INFORMATIONAL', [connected()])
  assert.deepEqual(snapshot(rehearsal, 'b').childSas, [])
  assert.deepEqual(events(rehearsal, 'b', 'defect'), [])
})

test('an SA that ends while CONNECTED is awaited leaves nothing behind', () => {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  committing(rehearsal, 'b')
  rehearsal.runFor(1_000)
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(10_000)
  assert.deepEqual(rehearsal.gateways.a.dataPlane.inbound, [])
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound, [])
})

test('New Group Mode is refused with a notify, and costs nothing', () => {
  const { rehearsal, peer } = establishedScene()
  const offer = peer.offer()
  const [answer] = peer.sendProtected('NEW-GROUP-MODE', [offer])
  assert.ok(answer !== undefined)
  const refusals = peer
    .read(answer)
    .flatMap((one) => (one.type === 'N' ? [NotifyType.nameOf(one.notifyType)] : []))
  assert.deepEqual(refusals, ['ATTRIBUTES-NOT-SUPPORTED'])
  assert.deepEqual(peer.sendProtected('NEW-GROUP-MODE', [offer], 'wrong'), [])
  assert.deepEqual(peer.sendOctets(peer.plain('NEW-GROUP-MODE', [offer], 77)), [])
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
})

/** What a side sends in Quick mode has the commit bit, which no hash covers. */
function committing(rehearsal: Rehearsal, from: 'a' | 'b'): void {
  rehearsal.intercept = ({ side, octets }) => {
    if (side !== from || decodeHeader(octets).exchangeType !== QUICK_MODE) return octets
    const changed = octets.slice()
    changed[19] = (changed[19] ?? 0) | COMMIT
    return changed
  }
}

/** Quick mode as initiator, with the commit bit in its third message. */
function commitQuick(peer: ScriptedPeer): number {
  const { sa, nonce, ids } = peer.quick1()
  const messageId = peer.freshMessageId()
  const [message2] = peer.sendProtected('QUICK-MODE', [sa, nonce, ...ids], 'right', messageId)
  assert.ok(message2 !== undefined && nonce.type === 'NONCE')
  const answer = peer.read(message2).find(({ type }) => type === 'NONCE')
  assert.ok(answer?.type === 'NONCE')
  peer.flags = COMMIT
  peer.sendQuick3(messageId, nonce.data, answer.data)
  peer.flags = 0
  return messageId
}

function connected(): Payload {
  return {
    type: 'N',
    doi: 1,
    protocolId: ProtocolId.number('ESP'),
    spi: new Uint8Array(4),
    notifyType: NotifyType.number('CONNECTED'),
    data: new Uint8Array(0),
  }
}
