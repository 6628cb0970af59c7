// What an initiator finds out of a phase 2 that the peer refuses or ignores, by Quick modes that it asks beside it and never finishes.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat } from '#bytes/concat'
import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { deleteMessages } from '#ikev1/informational'
import type { EspSuite } from '#policy/proposal'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import { selectorToPayload } from '#wire/v1/id-payload'
import { events, prepare, rehearse, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { failureOf, refuse } from '../support/second-look.ts'
import { A_BEGINS, pair, sites, TUNNEL } from '../support/sites.ts'

const lifetime = { seconds: 3_600 }
const GCM: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
const CBC: EspSuite = { encryption: 'aes256-cbc', integrity: 'hmac-sha256-128', esn: false }

describe('refused, the initiator finds out', () => {
  test('CW-405: that the peer takes PFS, and in which group', () => {
    const failure = heard({ pfs: 'none' }, { pfs: 'modp2048' })
    assert.deepEqual(
      [failure.code, failure.key, failure.certainty],
      ['CW-405', 'phase2.pfs', 'certain'],
    )
    assert.match(
      failure.summary,
      /takes phase 2 with PFS group14, we offer no PFS; everything else/,
    )
    assert.match(failure.remedy, /phase2: aes256gcm16, pfs group14 here/)
    assert.match(failure.evidence, /under the keys; it was taken back at once/)
  })

  test('CW-405: that it takes none, or another group', () => {
    const none = heard({ pfs: 'modp2048' }, { pfs: 'none' })
    assert.match(none.summary, /takes phase 2 with no PFS, we offer PFS group14/)
    for (const [pfs, group] of [
      ['modp1024', 'group2'],
      ['modp1536', 'group5'],
      ['ecp256', 'group19'],
      ['ecp384', 'group20'],
    ] as const) {
      const { code, summary } = heard({ pfs: 'modp2048' }, { pfs })
      assert.equal(code, 'CW-405')
      assert.match(summary, new RegExp(`takes phase 2 with PFS ${group}, we offer PFS group14`))
    }
  })

  test('CW-404: which cipher, key length or integrity it takes', () => {
    const length = heard({}, { suites: [{ ...GCM, encryption: 'aes128-gcm16' }] })
    assert.equal(length.code, 'CW-404')
    assert.match(
      length.summary,
      /takes phase 2 with aes128gcm16, we offer aes256gcm16: only the key length/,
    )
    const integrity = heard({ suites: [CBC] }, { suites: [{ ...CBC, integrity: 'hmac-sha1-96' }] })
    assert.match(
      integrity.summary,
      /takes phase 2 with sha1, we offer sha256: only the integrity differs/,
    )
    const icv = heard({}, { suites: [{ ...GCM, encryption: 'aes256-gcm12' }] })
    assert.match(icv.summary, /takes phase 2 with aes256gcm12, we offer aes256gcm16: only the/)
    const esn = heard({}, { suites: [{ ...GCM, esn: true }] })
    assert.match(esn.summary, /only the extended sequence numbers differ/)
  })

  test('CW-404: what it takes where more than one thing differs', () => {
    const { code, theirs, summary, remedy } = heard({}, { suites: [CBC], pfs: 'modp2048' })
    assert.deepEqual([code, theirs], ['CW-404', 'aes256-sha256, PFS group14, tunnel'])
    assert.match(remedy, /^write here phase2: aes256-sha256, pfs group14, or have/)
    assert.match(summary, /In the nearest two encryption, integrity and PFS differ/)
  })

  test('CW-406: that it takes transport mode', () => {
    const { code, summary } = heard({}, {}, {}, { mode: 'transport' })
    assert.equal(code, 'CW-406')
    assert.match(summary, /wants transport mode, we have tunnel mode/)
  })

  test('CW-404: that nothing usual is taken, so that the networks come first of what is left', () => {
    const { code, evidence, otherCauses } = heard(
      {},
      { suites: [{ ...GCM, encryption: 'aes192-gcm8' }] },
    )
    assert.equal(code, 'CW-404')
    assert.match(evidence, /9 more beside it, .* were refused as well/)
    assert.match(otherCauses?.[0] ?? '', /CW-401/)
  })
})

test('CW-402: a peer that has no such networks and takes everything is route-based', () => {
  const any = pair('0.0.0.0', '255.255.255.255', '0.0.0.0', '255.255.255.255')
  const { code, summary, certainty } = heard({}, {}, {}, { networks: [any] })
  assert.deepEqual([code, certainty], ['CW-402', 'certain'])
  assert.match(summary, /is route-based: it has any ↔ any, where we have 10\.1\.0\.0\/16/)
})

for (const [theirs, words] of [
  [
    pair('10.1.0.0', '10.1.0.255', '10.2.0.0', '10.2.255.255'),
    /our network is \/24 there and \/16/,
  ],
  [pair('10.1.0.0', '10.1.255.255', '10.0.0.0', '10.255.255.255'), /its network is larger there/],
  [pair('10.2.0.0', '10.2.255.255', '10.1.0.0', '10.1.255.255'), /the wrong way round/],
] as const) {
  test(`CW-401: the initiator finds out what networks a peer has that takes no others: ${words.source}`, () => {
    const networks = [{ local: theirs.remote, remote: theirs.local }]
    const { code, summary, evidence } = heard({}, {}, {}, { networks })
    assert.equal(code, 'CW-401')
    assert.match(summary, words)
    assert.match(evidence, /asked for 10\.\S+ <-> 10\.\S+ beside it, berlin-paris agreed/)
  })
}

test('the peer, if it is one of us, tells of what was asked for first and of none of the questions', () => {
  const networks = [pair('172.16.0.0', '172.16.0.255', '10.1.0.0', '10.1.255.255')]
  const rehearsal = rehearse(differing({}, {}, {}, { networks }))
  rehearsal.runFor(800)
  const told = events(rehearsal, 'b', 'negotiation-failed').map(({ failure }) => failure.theirs)
  assert.deepEqual([...new Set(told)], ['10.2.0.0/16 ↔ 10.1.0.0/16'])
})

test('CW-401: where nothing likely is taken, nothing that was asked for is left as a cause', () => {
  const networks = [pair('172.16.0.0', '172.16.0.255', '10.1.0.0', '10.1.255.255')]
  const { theirs, evidence, otherCauses } = heard({}, {}, {}, { networks })
  assert.equal(theirs, 'not told by the peer')
  assert.match(evidence, /asked beside it for everything, .* it refused as well/)
  assert.doesNotMatch(otherCauses?.join() ?? '', /CW-402/)
})

test('CW-401: a peer that answers with the networks it has shows them, and hears a delete in place of message 3', () => {
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  const [question] = refuse(peer, quick1, 'INVALID-ID-INFORMATION')
  assert.ok(question !== undefined)
  const [theirs] = [pair('10.1.0.0', '10.1.0.255', '10.2.0.0', '10.2.255.255')]
  const ids = [theirs.local, theirs.remote].map(selectorToPayload)
  const heard = peer.answerQuick(question, (payloads) => [
    ...payloads.filter(({ type }) => type !== 'ID'),
    ...ids,
  ])
  assert.deepEqual(
    heard.map((message) => peer.read(message).map(({ type }) => type)),
    [['HASH', 'D']],
  )
  const { code, summary, evidence, certainty } = failureOf(rehearsal)
  assert.deepEqual([code, certainty], ['CW-401', 'certain'])
  assert.match(
    summary,
    /has 10\.1\.0\.0\/24 ↔ 10\.2\.0\.0\/16 .* our network is \/24 there and \/16 here/,
  )
  assert.match(evidence, /agreed to no more than this/)
})

test('CW-404: a peer that takes the same set for an hour and no volume minds the lifetime', () => {
  const { rehearsal, peer } = responderScene({
    lifetime: { seconds: 28_800, kilobytes: 4_608_000 },
  })
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  const [question] = refuse(peer, quick1, 'NO-PROPOSAL-CHOSEN')
  assert.ok(question !== undefined)
  peer.answerQuick(question)
  const { key, summary } = failureOf(rehearsal)
  assert.equal(key, 'phase2.lifetime')
  assert.match(summary, /refuses our phase 2 lifetime of 8h and a volume of 4,608,000 KB: with 1h/)
})

test('an answer that the peer repeats is taken back again, three times at most, and never confirmed', () => {
  const { peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  const [question] = refuse(peer, quick1, 'NO-PROPOSAL-CHOSEN')
  assert.ok(question !== undefined)
  const first = peer.answerQuick(question)
  assert.equal(first.length, 1)
  const answer = peer.lastSent
  const again = [1, 2, 3, 4].map(() => peer.sendOctets(answer.slice()))
  assert.deepEqual(
    again.map((heard) => heard.length),
    [1, 1, 0, 0],
  )
})

test('CW-405: a peer that ignores what it does not take is asked before the Quick mode is given up', () => {
  const rehearsal = prepare(differing({ pfs: 'none' }, { pfs: 'modp2048' }))
  let refused = 0
  rehearsal.intercept = ({ side, octets }) => {
    const isNotify = decodeHeader(octets).exchangeType === ExchangeType.number('INFORMATIONAL')
    if (side !== 'b' || !isNotify) return octets
    refused++
    return undefined
  }
  rehearsal.start()
  rehearsal.runFor(45_000)
  assert.ok(refused > 0)
  const { code, certainty, evidence } = failureOf(rehearsal)
  assert.deepEqual([code, certainty], ['CW-405', 'very likely'])
  assert.match(evidence, /no answer to our offer/)
})

describe('a second look', () => {
  test('leads to no SA on either side, whatever the peer agreed to', () => {
    const rehearsal = rehearse(differing({ pfs: 'none' }, { pfs: 'modp2048' }))
    rehearsal.runFor(3_000)
    for (const side of ['a', 'b'] as const) {
      assert.deepEqual(snapshot(rehearsal, side).childSas, [])
      assert.deepEqual(events(rehearsal, side, 'child-sa-established'), [])
      const { inbound, outbound } = rehearsal.gateways[side].dataPlane
      assert.deepEqual([inbound, outbound], [[], []])
    }
  })

  test('is told to the peer as what it asked for first, once', () => {
    const rehearsal = rehearse(differing({ pfs: 'none' }, { pfs: 'modp2048' }))
    rehearsal.runFor(3_000)
    const told = events(rehearsal, 'b', 'negotiation-failed').map(({ failure }) => failure.code)
    assert.deepEqual(told, ['CW-405'])
  })

  test('is taken once: later attempts are a Quick mode each, and the answer is remembered', () => {
    const rehearsal = rehearse(differing({ pfs: 'none' }, { pfs: 'modp2048' }))
    rehearsal.runFor(60_000)
    const codes = events(rehearsal, 'a', 'negotiation-failed').map(({ failure }) => failure.code)
    assert.ok(codes.length > 2)
    assert.deepEqual([...new Set(codes)], ['CW-405'])
    const questions = 2
    assert.equal(firstMessages(rehearsal), codes.length + questions)
  })

  test('is not taken again under the next ISAKMP SA, where what it has shown still holds', () => {
    const rehearsal = rehearse(differing({ pfs: 'none' }, { pfs: 'modp2048' }))
    rehearsal.runFor(3_000)
    const [first] = events(rehearsal, 'a', 'negotiation-failed')
    rehearsal.command('b', { kind: 'down', tunnel: TUNNEL })
    rehearsal.runFor(60_000)
    const failures = events(rehearsal, 'a', 'negotiation-failed').map(({ failure }) => failure)
    assert.ok(events(rehearsal, 'a', 'ike-sa-established').length > 1 && failures.length > 2)
    assert.deepEqual(failures.at(-1), first?.failure)
    const questions = 2
    assert.equal(firstMessages(rehearsal), failures.length + questions)
  })

  test('is taken again when the operator brings the tunnel up: the peer may have been changed', () => {
    const rehearsal = rehearse(differing({ pfs: 'none' }, { pfs: 'modp2048' }))
    rehearsal.runFor(3_000)
    rehearsal.command('a', { kind: 'up', tunnel: TUNNEL })
    rehearsal.runFor(3_000)
    const failed = events(rehearsal, 'a', 'negotiation-failed')
    const questions = 2
    assert.equal(firstMessages(rehearsal), failed.length + 2 * questions)
  })

  test('asks for nothing with second-look: off', () => {
    const off = { secondLook: false }
    const rehearsal = rehearse(differing({ pfs: 'none' }, { pfs: 'modp2048' }, off))
    rehearsal.runFor(60_000)
    const failed = events(rehearsal, 'a', 'negotiation-failed')
    assert.equal(firstMessages(rehearsal), failed.length)
    assert.equal(failureOf(rehearsal).theirs, 'not told by the peer')
  })

  test('keeps to ten Quick modes, each of which fits a datagram', () => {
    const suites = [{ ...GCM, encryption: 'aes192-gcm8' }] as const
    const rehearsal = rehearse(differing({ pfs: 'modp3072' }, { pfs: 'modp4096', suites }))
    rehearsal.runFor(900)
    const begun = quickFirsts(rehearsal)
    assert.equal(begun.length, 1 + 10)
    for (const { octets } of begun) assert.ok(octets <= 1_472, `${octets} octets`)
  })

  test('that the peer cuts short by ending the ISAKMP SA leaves the refusal as it was', () => {
    const { rehearsal, peer } = responderScene()
    const [quick1] = peer.answerMainMode()
    assert.ok(quick1 !== undefined)
    refuse(peer, quick1, 'NO-PROPOSAL-CHOSEN')
    assert.deepEqual(events(rehearsal, 'a', 'negotiation-failed'), [])
    const cookies = concat(peer.initiatorSpi, peer.responderSpi)
    for (const payloads of deleteMessages([], cookies))
      peer.sendProtected('INFORMATIONAL', payloads)
    assert.equal(failureOf(rehearsal).theirs, 'not told by the peer')
  })
})

type Phase2 = Partial<TunnelConfig['phase2']>

function differing(
  a: Phase2,
  b: Phase2,
  ofA: Partial<TunnelConfig> = {},
  ofB: Partial<TunnelConfig> = {},
) {
  const base = { suites: [GCM], pfs: 'none', lifetime } as const
  return sites(
    {},
    { phase2: { ...base, ...a }, ...ofA },
    { ...A_BEGINS, phase2: { ...base, ...b }, ...ofB },
  )
}

function heard(
  a: Phase2,
  b: Phase2,
  ofA: Partial<TunnelConfig> = {},
  ofB: Partial<TunnelConfig> = {},
): Failure {
  const rehearsal = rehearse(differing(a, b, ofA, ofB))
  rehearsal.runFor(5_000)
  return failureOf(rehearsal)
}

/** Quick modes that side a began. */
function firstMessages(rehearsal: Rehearsal): number {
  return quickFirsts(rehearsal).length
}

function quickFirsts(rehearsal: Rehearsal) {
  return events(rehearsal, 'a', 'message').filter(
    ({ direction, exchange, number }) =>
      direction === 'sent' && exchange === 'quick' && number === 1,
  )
}
