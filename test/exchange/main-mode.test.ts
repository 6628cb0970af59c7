import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import { CLEAN_NETWORK } from '#rehearsal/network'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import {
  arrows,
  assertUp,
  events,
  prepare,
  rehearse,
  rehearseUp,
  snapshot,
} from '../support/exchange.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const MAIN_AND_QUICK = [
  'a → b  main 1  SA VID',
  'a ← b  main 2  SA VID',
  'a → b  main 3  KE NONCE NAT-D NAT-D',
  'a ← b  main 4  KE NONCE NAT-D NAT-D',
  'a → b  main 5*  ID HASH N',
  'a ← b  main 6*  ID HASH',
  'a → b  quick 1*  HASH SA NONCE KE ID ID',
  'a ← b  quick 2*  HASH SA NONCE KE ID ID',
  'a → b  quick 3*  HASH',
]

test('brings a tunnel up with six messages of Main mode and three of Quick mode', () => {
  assert.deepEqual(arrows(rehearseUp()), MAIN_AND_QUICK)
})

test('the responder sees the same exchange from the other end', () => {
  const rehearsal = rehearseUp(sites({}, { start: 'respond' }, { start: 'always' }))
  const turned = MAIN_AND_QUICK.map((line) =>
    line.includes('→') ? line.replace('→', '←') : line.replace('←', '→'),
  )
  assert.deepEqual(arrows(rehearsal), turned)
  assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.role, 'responder')
})

test('says what was agreed, without NAT', () => {
  const [sa] = snapshot(rehearseUp(), 'a').ikeSas
  assert.deepEqual(sa?.suite, { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' })
  assert.deepEqual(sa?.nat, { local: false, remote: false })
  assert.equal(sa?.remoteId, '198.51.100.7')
})

test('moves to port 4500 with message 5 when there is a NAT, and says so', () => {
  const outside = ip('192.0.2.99')
  const rehearsal = rehearse(sites({}, {}, { start: 'respond', peer: outside }), { nat: outside })
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.deepEqual(portsOf(rehearsal, 'a').slice(0, 3), [500, 500, 4_500])
  assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.nat, { local: true, remote: false })
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas[0]?.nat, { local: false, remote: true })
  assert.equal(snapshot(rehearsal, 'a').childSas[0]?.encapsulation, 'udp')
})

test('encapsulates without a NAT where the operator forces it', () => {
  const rehearsal = rehearseUp(sites({ encapsulation: 'force' }, {}, { start: 'respond' }))
  assert.equal(snapshot(rehearsal, 'a').childSas[0]?.encapsulation, 'udp')
  assert.equal(snapshot(rehearsal, 'b').childSas[0]?.encapsulation, 'udp')
})

for (const keyExchange of ['modp1024', 'modp4096', 'ecp256', 'ecp521', 'curve25519'] as const) {
  for (const [encryption, hash] of [
    ['aes128-cbc', 'sha1'],
    ['aes256-cbc', 'sha512'],
    ['3des-cbc', 'md5'],
  ] as const) {
    test(`agrees on ${encryption}, ${hash}, ${keyExchange}`, () => {
      const suites = [{ encryption, hash, keyExchange }]
      const phase1 = { suites, lifetime: { seconds: 3_600 } }
      const rehearsal = rehearseUp(sites({ phase1 }, {}, A_BEGINS))
      assert.deepEqual(snapshot(rehearsal, 'b').ikeSas[0]?.suite, suites[0])
    })
  }
}

test('the responder takes the first of the initiator’s suites that it accepts', () => {
  const strong = { encryption: 'aes256-cbc', hash: 'sha384', keyExchange: 'ecp384' } as const
  const weak = { encryption: 'aes128-cbc', hash: 'sha1', keyExchange: 'modp1024' } as const
  const lifetime = { seconds: 3_600 }
  const rehearsal = rehearseUp(
    sites(
      {},
      { phase1: { suites: [strong, weak], lifetime } },
      { start: 'respond', phase1: { suites: [weak, strong], lifetime } },
    ),
  )
  assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.suite, strong)
})

test('another key: no SA, and the responder knows the cause', () => {
  const rehearsal = refused({
    authentication: { kind: 'psk', psk: new Secret(Uint8Array.of(1, 2, 3)) },
  })
  assert.equal(failureCode(rehearsal, 'b'), 'CW-301')
  assert.equal(failureCode(rehearsal, 'a'), 'CW-301')
})

test('no common algorithms: no SA, the responder tells both values, the initiator its own', () => {
  const suites = [{ encryption: 'aes128-cbc', hash: 'sha1', keyExchange: 'modp1024' }] as const
  const rehearsal = refused({ phase1: { suites, lifetime: { seconds: 3_600 } } })
  assert.equal(failureCode(rehearsal, 'b'), 'CW-201')
  assert.equal(failureCode(rehearsal, 'a'), 'CW-201')
  const [failed] = events(rehearsal, 'b', 'negotiation-failed')
  assert.match(failed?.failure.theirs ?? '', /aes256/)
  assert.match(failed?.failure.ours ?? '', /aes128/)
})

test('the right key and another identity: refused, and the responder tells both', () => {
  const address = ip('198.51.100.99')
  const rehearsal = refused({ remoteId: { kind: 'address', address } })
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  assert.equal(told?.failure.code, 'CW-303')
  assert.deepEqual([told?.failure.ours, told?.failure.theirs], [address, '203.0.113.10'])
})

test('the right key and an identity of another type: refused, with what to change on either side', () => {
  const rehearsal = refused({ remoteId: { kind: 'fqdn', name: 'asa1.example' } })
  const [told] = events(rehearsal, 'b', 'negotiation-failed')
  assert.equal(told?.failure.code, 'CW-304')
  assert.match(
    told?.failure.summary ?? '',
    /shows the address 203\.0\.113\.10 as its identity; we expect the name asa1\.example/,
  )
  assert.match(told?.failure.remedy ?? '', /peer-id: 203\.0\.113\.10/)
  assert.match(told?.failure.forPeer ?? '', /crypto isakmp identity hostname/)
})

test('an identity that is not the address is accepted where the operator says so', () => {
  const name = { kind: 'fqdn', name: 'asa1.example' } as const
  const rehearsal = rehearseUp(sites({}, { localId: name }, { start: 'respond', remoteId: name }))
  assert.equal(snapshot(rehearsal, 'b').ikeSas[0]?.remoteId, 'asa1.example')
})

for (const number of [1, 2, 3, 4, 5, 6]) {
  test(`message ${number} lost: it is repeated or asked for again, and the tunnel comes up`, () => {
    const rehearsal = prepare(sites({}, {}, A_BEGINS))
    let seen = 0
    let lost = false
    rehearsal.intercept = ({ octets }) => {
      if (decodeHeader(octets).exchangeType !== MAIN_MODE) return octets
      seen++
      if (seen !== number || lost) return octets
      lost = true
      return undefined
    }
    rehearsal.start()
    rehearsal.runFor(20_000)
    assert.ok(lost)
    assertUp(rehearsal)
    assert.equal(snapshot(rehearsal, 'a').ikeSas.length, 1)
    assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
  })
}

test('a repeated message is answered with the same octets, without computing again', () => {
  const conditions = { ...CLEAN_NETWORK, duplication: 1, delay: { least: 10, most: 400 } }
  const rehearsal = rehearse(sites({}, {}, A_BEGINS), { conditions })
  rehearsal.runFor(5_000)
  assertUp(rehearsal)
  const fromB = rehearsal.sent
    .filter(({ side, octets }) => side === 'b' && decodeHeader(octets).exchangeType === MAIN_MODE)
    .map(({ octets }) => Buffer.from(octets).toString('hex'))
  assert.equal(new Set(fromB).size, 3, 'three different answers')
  assert.ok(fromB.length > 4, `${fromB.length} answers`)
})

test('a silent peer is asked again with growing pauses, then given up, then tried for ever', () => {
  const conditions = { ...CLEAN_NETWORK, partitioned: true }
  const rehearsal = rehearse(sites({}, {}, A_BEGINS), { conditions })
  rehearsal.runFor(600_000)
  const times = rehearsal.sent.map(({ at }) => at)
  assert.deepEqual(times.slice(0, 5), [0, 1_000, 3_000, 7_000, 15_000])
  assert.equal(failureCode(rehearsal, 'a'), 'CW-101')
  const attempts = new Set(rehearsal.sent.map(({ octets }) => octets.subarray(0, 8).join()))
  assert.ok(attempts.size > 3, `${attempts.size} attempts in ten minutes`)
  rehearsal.network.conditions = CLEAN_NETWORK
  rehearsal.runFor(200_000)
  assertUp(rehearsal)
})

const MAIN_MODE = 2

/** Side b differs from what a expects: runs for a while and makes sure that nothing came of it. */
function refused(changesOfB: Partial<TunnelConfig>): Rehearsal {
  const rehearsal = rehearse(sites({}, {}, { start: 'respond', ...changesOfB }))
  rehearsal.runFor(60_000)
  for (const side of ['a', 'b'] as const) {
    assert.equal(snapshot(rehearsal, side).childSas.length, 0)
    assert.equal(snapshot(rehearsal, side).ikeSas.length, 0)
    assert.equal(rehearsal.gateways[side].dataPlane.inbound.length, 0)
  }
  return rehearsal
}

function failureCode(rehearsal: Rehearsal, side: Side): string | undefined {
  return events(rehearsal, side, 'negotiation-failed')[0]?.failure.code
}

function portsOf(rehearsal: Rehearsal, side: Side): readonly number[] {
  return rehearsal.sent.filter((sent) => sent.side === side).map(({ local }) => local.port)
}
