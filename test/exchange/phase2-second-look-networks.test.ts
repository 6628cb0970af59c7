// What an initiator finds out of a peer that refuses its networks, beyond the networks.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { espSpi } from '#esp/sa'
import { offerChild } from '#ikev1/quick-proposals'
import type { EspSuite } from '#policy/proposal'
import { selectorToPayload } from '#wire/v1/id-payload'
import type { Payload } from '#wire/v1/payloads'
import { responderScene } from '../support/responder-scene.ts'
import { failureOf, refuse, refuseOffer } from '../support/second-look.ts'
import { pair } from '../support/sites.ts'

const lifetime = { seconds: 3_600 }
const GCM: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: false }
const CBC: EspSuite = { encryption: 'aes256-cbc', integrity: 'hmac-sha256-128', esn: false }

describe('CW-401: a peer that has other networks and another proposal is asked for both at once', () => {
  const theirs = pair('10.1.0.0', '10.1.255.255', '10.44.0.0', '10.44.255.255')
  const theirIds = [theirs.local, theirs.remote].map(selectorToPayload)

  test('another cipher: it chose it for everything', () => {
    const { rehearsal, peer } = responderScene({ suites: [CBC] })
    const [quick1] = peer.answerMainMode()
    assert.ok(quick1 !== undefined)
    const [question] = refuse(peer, quick1, 'INVALID-ID-INFORMATION')
    assert.ok(question !== undefined)
    peer.answerQuick(question, (payloads) => [
      ...payloads.filter(({ type }) => type !== 'ID').map(toGcm),
      ...theirIds,
    ])
    const { code, remedy, forPeer } = failureOf(rehearsal)
    assert.equal(code, 'CW-401')
    assert.match(
      remedy,
      /10\.44\.0\.0\/16.* Then phase 2, too: .* chose aes256gcm16, no PFS, tunnel; we offer aes256-sha256, no PFS, tunnel$/,
    )
    assert.match(forPeer ?? '', /local 10\.2\.0\.0\/16.* set phase 2 .* with aes256-sha256/)
  })

  test('another PFS group: it refused the proposal for everything, and then another group was asked for', () => {
    const { rehearsal, peer } = responderScene()
    const [quick1] = peer.answerMainMode()
    assert.ok(quick1 !== undefined)
    const [everything] = refuse(peer, quick1, 'INVALID-ID-INFORMATION')
    assert.ok(everything !== undefined)
    const [group] = refuse(peer, everything, 'NO-PROPOSAL-CHOSEN')
    assert.ok(group !== undefined)
    const offered = peer.read(group)
    assert.ok(offered.some(({ type }) => type === 'KE'))
    assert.deepEqual(dataOfFirstId(offered), new Uint8Array(8))
    let [next] = refuseOffer(peer, offered, 'NO-PROPOSAL-CHOSEN')
    while (next !== undefined) [next] = refuse(peer, next, 'NO-PROPOSAL-CHOSEN')
    const { code, evidence, remedy } = failureOf(rehearsal)
    assert.equal(code, 'CW-401')
    assert.match(evidence, /it refused no networks, but all usual ciphers and PFS groups/)
    assert.match(remedy, /Then phase 2, too \(CW-404\)/)
  })
})

test('CW-401: a peer of IPv6 alone is asked for everything in IPv6, last of all', () => {
  const theirs = pair('fd00:2::', 'fd00:2::ffff', 'fd00:1::', 'fd00:1::ffff')
  const { rehearsal, peer } = responderScene()
  const [quick1] = peer.answerMainMode()
  assert.ok(quick1 !== undefined)
  let [question] = refuse(peer, quick1, 'INVALID-ID-INFORMATION')
  for (let refused = 0; refused < 7 && question !== undefined; refused++)
    [question] = refuse(peer, question, 'INVALID-ID-INFORMATION')
  assert.ok(question !== undefined)
  peer.answerQuick(question, (payloads) => {
    assert.deepEqual(dataOfFirstId(payloads), new Uint8Array(32))
    const ids = [theirs.remote, theirs.local].map(selectorToPayload)
    return [...payloads.filter(({ type }) => type !== 'ID'), ...ids]
  })
  const { code, theirs: told } = failureOf(rehearsal)
  assert.deepEqual([code, told], ['CW-401', 'fd00:1::/112 ↔ fd00:2::/112'])
})

function dataOfFirstId(payloads: readonly Payload[]): Uint8Array | undefined {
  const first = payloads.find((payload) => payload.type === 'ID')
  return first?.type === 'ID' ? first.data : undefined
}

/** As a peer answers that has only this. */
function toGcm(payload: Payload): Payload {
  if (payload.type !== 'SA') return payload
  return offerChild(
    { suites: [GCM], pfs: 'none', lifetime, mode: 'tunnel', udp: false },
    espSpi(0x1234),
  )
}
