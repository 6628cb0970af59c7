// RFC 3947, and the drafts before it that old devices still speak.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, ipOctets } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { EncapsulationModeNumber, SaAttribute } from '#iana/ipsec-doi'
import { type FeatureName, features } from '#iana/vendor-ids'
import { encodePlain } from '#ikev1/protect'
import { selectorFromPrefix } from '#policy/traffic-selector'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { decodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { decodePayloads } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { announces, vendorIdOctets } from '#wire/v1/vendor-id'
import { scene } from '../support/attack.ts'
import { assertUp, events, prepare, recorded, rehearse, snapshot } from '../support/exchange.ts'
import { ADDRESS_A, ADDRESS_B, sites, TUNNEL } from '../support/sites.ts'

const OUTSIDE = ip('192.0.2.99')
const DRAFTS: readonly FeatureName[] = ['nat-t-draft-03', 'nat-t-draft-02n', 'nat-t-draft-02']

for (const draft of DRAFTS) {
  test(`speaks ${features[draft].label} with a peer that knows nothing newer`, () => {
    const rehearsal = prepare(sites({}, {}, { start: 'respond', peer: OUTSIDE }), { nat: OUTSIDE })
    knowing(rehearsal, ['dpd', draft])
    rehearsal.start()
    rehearsal.runFor(3_000)
    assertUp(rehearsal)
    assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.nat, { local: true, remote: false })
    assert.equal(snapshot(rehearsal, 'a').ikeSas[0]?.local.port, 4500)
    assert.equal(snapshot(rehearsal, 'b').childSas[0]?.encapsulation, 'udp')
    const discoveries = payloadsOf(rehearsal, 'a').filter(({ type }) => type === 'NAT-D')
    assert.equal(discoveries.length, 4)
    assert.ok(discoveries.every((one) => one.type === 'NAT-D' && one.draft))
    assert.deepEqual(encapsulationModes(rehearsal), ['UDP-Encapsulated-Tunnel-Draft'])
  })
}

test('prefers RFC 3947 to all drafts, and answers with the one it will speak', () => {
  const rehearsal = rehearse(sites({}, {}, { start: 'respond', peer: OUTSIDE }), { nat: OUTSIDE })
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  const [first, second] = events(rehearsal, 'a', 'message')
  assert.deepEqual(featuresIn(first?.payloads), ['rfc3947', ...DRAFTS])
  assert.deepEqual(featuresIn(second?.payloads), ['rfc3947'])
  assert.deepEqual(encapsulationModes(rehearsal), ['UDP-Encapsulated-Tunnel'])
})

for (const draft of ['00', '01', '04', '05', '06', '07', '08'] as const) {
  test(`knows draft ${draft} by name and does without NAT traversal where a peer has no other`, () => {
    const rehearsal = prepare(sites({}, {}, { start: 'respond' }))
    knowing(rehearsal, [`nat-t-draft-${draft}`])
    rehearsal.start()
    rehearsal.runFor(3_000)
    assertUp(rehearsal)
    assert.ok(!payloadsOf(rehearsal, 'a').some(({ type }) => type === 'NAT-D'))
    assert.equal(snapshot(rehearsal, 'a').childSas[0]?.encapsulation, 'native')
  })
}

test('takes the numbers of a draft from a peer that announced RFC 3947', () => {
  const of = sites({}, {}, { start: 'respond', encapsulation: 'force' })
  const { peer } = scene(of)
  peer.mainMode({
    1: [{ type: 'VID', data: vendorIdOctets('rfc3947') }],
    3: [0, 1].map(() => ({ type: 'NAT-D', draft: false, data: peer.crypto.random(32) }) as const),
  })
  const { sa, nonce, ids, ke } = peer.quick1()
  const mode = SaAttribute.number('Encapsulation Mode')
  const draftMode = EncapsulationModeNumber.number('UDP-Encapsulated-Tunnel-Draft')
  const changed = {
    ...sa,
    proposals: sa.proposals.map((proposal) => ({
      ...proposal,
      transforms: proposal.transforms.map((transform) => ({
        ...transform,
        attributes: transform.attributes.map((one) =>
          one.type === mode ? ({ form: 'short', type: mode, value: draftMode } as const) : one,
        ),
      })),
    })),
  }
  const [answer] = peer.sendProtected('QUICK-MODE', [changed, nonce, ...ke, ...ids])
  assert.ok(answer !== undefined)
  assert.ok(peer.read(answer).some(({ type }) => type === 'SA'))
})

for (const spoken of ['rfc3947', 'nat-t-draft-02n'] as const) {
  test(`transport mode through a NAT tells the original addresses: ${features[spoken].label}`, () => {
    const rehearsal = prepare(
      transport({}, { peer: OUTSIDE, networks: [hosts(ADDRESS_B, OUTSIDE)] }),
      { nat: OUTSIDE },
    )
    knowing(rehearsal, [spoken])
    rehearsal.start()
    rehearsal.runFor(3_000)
    const [ours] = snapshot(rehearsal, 'a').childSas
    const [theirs] = snapshot(rehearsal, 'b').childSas
    assert.deepEqual(ours?.selectors, hosts(ADDRESS_A, ADDRESS_B))
    assert.deepEqual(theirs?.selectors, hosts(ADDRESS_B, OUTSIDE))
    assert.deepEqual([ours?.mode, theirs?.encapsulation], ['transport', 'udp'])
    assert.deepEqual(
      [ours?.inboundSpi, ours?.outboundSpi],
      [theirs?.outboundSpi, theirs?.inboundSpi],
    )
    const told = (direction: 'sent' | 'received') =>
      events(rehearsal, 'a', 'message')
        .filter((message) => message.direction === direction)
        .flatMap(({ payloads }) => payloads)
        .flatMap((one) => (one.type === 'NAT-OA' ? [[one.draft, one.data]] : []))
    const draft = spoken !== 'rfc3947'
    const sent = [ADDRESS_A, ADDRESS_B].map((address) => [draft, ipOctets(address)])
    const received = [OUTSIDE, ADDRESS_B].map((address) => [draft, ipOctets(address)])
    assert.deepEqual(told('sent'), draft ? sent.slice(0, 1) : sent)
    assert.deepEqual(told('received'), draft ? received.slice(1) : received)
  })
}

test('transport mode without a NAT tells no original addresses', () => {
  const rehearsal = rehearse(transport())
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').childSas[0]?.mode, 'transport')
  assert.ok(!payloadsOf(rehearsal, 'a').some(({ type }) => type === 'NAT-OA'))
})

test('both sides behind a NAT find it, and the tunnel survives rekeys and a NAT that forgets', () => {
  const forwarding = ip('192.0.2.77')
  const of = sites(
    { deadPeer: { probeEvery: 5_000, giveUpAfter: 20_000 } },
    { peer: forwarding },
    { start: 'respond', peer: OUTSIDE },
  )
  const rehearsal = rehearse(of, { nat: OUTSIDE, forwarding })
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  assert.deepEqual(snapshot(rehearsal, 'a').ikeSas[0]?.nat, { local: true, remote: true })
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas[0]?.nat, { local: true, remote: true })
  rehearsal.nat?.forget()
  rehearsal.runFor(30_000)
  const [moved, ...more] = events(rehearsal, 'b', 'warning').filter(({ text }) => /come/.test(text))
  assert.match(moved?.text ?? '', /packets come from \S+:\d+ now, and ours go there: a NAT/)
  assert.deepEqual(more, [])
  rehearsal.command('b', { kind: 'rekey', tunnel: 'berlin-paris', phase: 2 })
  rehearsal.command('b', { kind: 'rekey', tunnel: 'berlin-paris', phase: 1 })
  rehearsal.runFor(30_000)
  assertUp(rehearsal)
})

test('ESP from elsewhere moves a peer only where a NAT is before it, and nothing is said of one that stays', () => {
  const { engines, options } = recorded()
  const of = sites({}, {}, { start: 'respond', peer: OUTSIDE })
  const rehearsal = rehearse(of, { nat: OUTSIDE, ...options })
  rehearsal.runFor(3_000)
  for (const [i, side] of (['a', 'b'] as const).entries()) {
    const [child] = snapshot(rehearsal, side).childSas
    const before = snapshot(rehearsal, side).ikeSas[0]?.remote
    assert.ok(child !== undefined)
    const remote = { address: ip('192.0.2.200'), port: 4_501 }
    const done = engines[i]?.length
    rehearsal.input(side, { kind: 'peer-moved', spi: child.inboundSpi, remote })
    const moves = engines[i]?.slice(done).filter(({ kind }) => kind === 'move-sas')
    const said = events(rehearsal, side, 'warning').filter(({ text }) => /come/.test(text))
    const follows = side === 'b'
    assert.deepEqual([moves?.length, said.length], follows ? [1, 1] : [0, 0])
    assert.deepEqual(snapshot(rehearsal, side).ikeSas[0]?.remote, follows ? remote : before)
  }
})

for (const peer of [OUTSIDE, 'any'] as const) {
  const whose = peer === 'any' ? 'a peer from anywhere' : 'a peer'
  test(`phase 1 with ${whose} behind a NAT is replaced the way the peer came`, () => {
    const main = sites({}, {}, { start: 'respond', peer })
    const aggressive = sites({ ike: 'v1-aggressive' }, {}, { start: 'respond', peer })
    const rehearsal = rehearse(peer === 'any' ? aggressive : main, { nat: OUTSIDE })
    rehearsal.runFor(3_000)
    assertUp(rehearsal)
    const [before] = snapshot(rehearsal, 'b').ikeSas
    rehearsal.command('b', { kind: 'rekey', tunnel: TUNNEL, phase: 1 })
    rehearsal.runFor(20_000)
    assertUp(rehearsal)
    const [after] = snapshot(rehearsal, 'b').ikeSas
    assert.notEqual(after?.initiatorSpi, before?.initiatorSpi)
    assert.deepEqual([after?.role, after?.remote], ['initiator', before?.remote])
    assert.equal(after?.local.port, 4500)
  })
}

test('an unauthenticated datagram from elsewhere moves nothing, whatever it says', () => {
  const of = sites({}, {}, { start: 'respond', peer: OUTSIDE })
  const rehearsal = rehearse(of, { nat: OUTSIDE })
  rehearsal.runFor(3_000)
  const before = snapshot(rehearsal, 'b').ikeSas[0]?.remote
  const last = rehearsal.sent.findLast(({ side }) => side === 'a')
  assert.ok(last !== undefined && before !== undefined)
  const elsewhere = { address: ip('192.0.2.200'), port: 4500 }
  const local = { address: ADDRESS_B, port: 4500 }
  const forged = last.octets.slice()
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  rehearsal.inject('b', forged, local, elsewhere)
  rehearsal.inject('b', last.octets, local, elsewhere)
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas[0]?.remote, before)
  const outbound = rehearsal.gateways.b.dataPlane.outbound
  assert.ok(outbound.every(({ remote }) => remote.address === OUTSIDE))
})

/** Of the vendor IDs in messages 1 and 2 only these get through: the peer might be an older one. */
function knowing(rehearsal: Rehearsal, known: readonly FeatureName[]): void {
  rehearsal.intercept = ({ octets }) => {
    const header = decodeHeader(octets)
    if (header.exchangeType !== 2 || (header.flags & 1) !== 0) return octets
    const payloads = decodePayloads(header.nextPayload, octets, HEADER_OCTETS).payloads
    const plain = payloads.map(({ payload }) => payload)
    if (!plain.some(({ type }) => type === 'SA')) return octets
    const others = plain.filter(({ type }) => type !== 'VID')
    const ids = known.map((one) => ({ type: 'VID', data: vendorIdOctets(one) }) as const)
    const answers = header.responderSpi.some((octet) => octet !== 0)
    const kept = answers ? plain.filter((one) => one.type !== 'VID' || isKnown(one, known)) : []
    return encodePlain(header, answers ? kept : [...others, ...ids])
  }
}

function isKnown({ data }: Extract<Payload, { type: 'VID' }>, known: readonly FeatureName[]) {
  return known.some((feature) => announces(data, feature))
}

function featuresIn(payloads: readonly Payload[] = []): readonly string[] {
  const ids = payloads.filter((one) => one.type === 'VID').map(({ data }) => data)
  const natTraversal: readonly FeatureName[] = ['rfc3947', ...DRAFTS]
  return ids.flatMap((data) => natTraversal.filter((feature) => announces(data, feature)))
}

function payloadsOf(rehearsal: Rehearsal, side: Side): readonly Payload[] {
  return events(rehearsal, side, 'message').flatMap(({ payloads }) => payloads)
}

/** As offered and chosen in Quick mode, each once. */
function encapsulationModes(rehearsal: Rehearsal): readonly string[] {
  const type = SaAttribute.number('Encapsulation Mode')
  const values = events(rehearsal, 'a', 'message')
    .filter(({ exchange }) => exchange === 'quick')
    .flatMap(({ payloads }) => payloads)
    .flatMap((one) => (one.type === 'SA' ? one.proposals : []))
    .flatMap(({ transforms }) => transforms.flatMap(({ attributes }) => attributes))
    .filter((one) => one.type === type)
    .map((one) => EncapsulationModeNumber.nameOf(one.form === 'short' ? one.value : 0))
  return [...new Set(values)]
}

function hosts(local: typeof ADDRESS_A, remote: typeof ADDRESS_A) {
  return { local: selectorFromPrefix(local), remote: selectorFromPrefix(remote) }
}

function transport(a: Partial<TunnelConfig> = {}, b: Partial<TunnelConfig> = {}) {
  const networks = [hosts(ADDRESS_A, ADDRESS_B)]
  return sites({ mode: 'transport', networks }, a, { start: 'respond', ...b })
}
