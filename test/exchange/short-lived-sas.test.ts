// Child SAs that work and do not last, and what the daemon makes of that, on the clock of the rehearsal.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import { TrafficLedger } from '#daemon/traffic-totals'
import { TunnelIncidents } from '#daemon/tunnel-incidents'
import type { EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import { ExchangeType, ProtocolId } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { messageIdOctets } from '#ikev1/keys'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { assertUp, events, prepare, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import { NO_COUNTS, saCounters } from '../support/sample-counters.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

test('CW-604: a volume that 80 Mbit/s use up in seconds is told at each renewal, with its figures', () => {
  const { told, renewals } = carryFor(60_000, 102_400, 10_000_000)
  assert.ok(renewals >= 5, `${renewals} renewals`)
  assert.equal(told.length, renewals)
  for (const { code, summary, evidence, ours } of told) {
    assert.equal(code, 'CW-604')
    assert.match(summary, /its volume of 102,400 KB lasts no longer .*, where its time is 1h$/)
    const lived = figure(summary, /renewed after (\d+)s:/)
    const rate = figure(summary, /at (\d+) Mbit\/s/)
    const kilobytes = figure(evidence, /^([\d,]+) KB through an SA that lived/)
    // Ten million octets a second, and up to a second of it still on the SA before.
    assert.ok(kilobytes > 80_000 && kilobytes < 102_400, evidence)
    assert.ok(lived >= 8 && lived <= 11, summary)
    assert.ok(rate >= 70 && rate <= 82, summary)
    assert.match(evidence, new RegExp(` lived ${lived}s$`))
    assert.match(ours ?? '', /lifetime 1h, volume 102,400 KB/)
  }
})

test('SAs that are replaced before ten seconds are over do not pile up', () => {
  const { renewals, most } = carryFor(120_000, 102_400, 11_000_000)
  assert.ok(renewals > 10, `${renewals} renewals`)
  // One that sends, and those of the last ten seconds, which still receive.
  assert.ok(most <= 4, `${most} at a time`)
})

test('CW-604 is not told of a volume that lasts a good part of the time', () => {
  const { told, renewals } = carryFor(2_400_000, 102_400, 60_000)
  assert.ok(renewals >= 1)
  assert.deepEqual(told, [])
})

test('CW-606: a gateway that opens what the other closes tells of five times in a minute, and not before', () => {
  const rehearsal = prepare(sites({}, {}, A_BEGINS))
  rehearsal.gateways.b.listener = ({ kind }, now) => {
    if (kind !== 'child-sa-established') return
    rehearsal.at(now + 500, () => rehearsal.command('b', { kind: 'down', tunnel: TUNNEL }))
  }
  const told = watch(rehearsal)
  rehearsal.start()
  untilDeleted(rehearsal, 4)
  assert.deepEqual([...new Set(told.map(({ code }) => code))], ['CW-607'])
  untilDeleted(rehearsal, 5)
  const fight = told.at(-1)
  assert.equal(fight?.code, 'CW-606')
  assert.match(fight.summary, /both sides open again what the other closes, 5 times in the last/)
  assert.match(fight.summary, new RegExp(`${TUNNEL} deletes each SA`))
  assert.equal(fight.ours, 'start: always')
  assert.match(fight.remedy, /start: respond/)
})

test('CW-606 is told too where the peer deletes Child SAs only, and keeps phase 1', () => {
  const { rehearsal, peer } = responderScene()
  const told = watch(rehearsal)
  let [quick1] = peer.answerMainMode()
  for (let i = 0; i < 40 && told.at(-1)?.code !== 'CW-606'; i++) {
    if (quick1 !== undefined) {
      peer.answerQuick(quick1)
      const spis = snapshot(rehearsal, 'a').childSas.map(({ outboundSpi }) =>
        messageIdOctets(outboundSpi),
      )
      assert.equal(spis.length, 1)
      peer.sendProtected('INFORMATIONAL', [{ type: 'D', doi: 1, protocolId: ESP, spis }])
    }
    rehearsal.runFor(1_000)
    quick1 = peer
      .receive()
      .filter(({ header }) => header.exchangeType === QUICK_MODE)
      .at(-1)
  }
  assert.equal(told.at(-1)?.code, 'CW-606')
  assert.equal(events(rehearsal, 'a', 'ike-sa-established').length, 1)
})

test('CW-606 is not told where the peer takes a tunnel down now and then', () => {
  const rehearsal = prepare(sites({}, {}, A_BEGINS))
  const told = watch(rehearsal)
  rehearsal.start()
  for (let i = 0; i < 8; i++) {
    rehearsal.runFor(20_000)
    assertUp(rehearsal)
    rehearsal.command('b', { kind: 'down', tunnel: TUNNEL })
  }
  rehearsal.runFor(20_000)
  assert.deepEqual([...new Set(told.map(({ code }) => code))], ['CW-607'])
})

/** Side a sends through a tunnel whose SAs have `kilobytes`; its data plane says when an SA has carried what it was given. */
function carryFor(
  lasts: number,
  kilobytes: number,
  octetsASecond: number,
): { readonly told: readonly Failure[]; readonly renewals: number; readonly most: number } {
  const phase2: TunnelConfig['phase2'] = {
    suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
    pfs: 'modp2048',
    lifetime: { seconds: 3_600, kilobytes },
  }
  const rehearsal = prepare(sites({ phase2 }, {}, A_BEGINS))
  const { dataPlane } = rehearsal.gateways.a
  const carried = new Map<EspSpi, number>()
  const told = watch(rehearsal, (sa) =>
    sa.direction === 'outbound' ? (carried.get(sa.spi) ?? 0) : 0,
  )
  rehearsal.start()
  let most = 0
  for (let now = 0; now < lasts; now += 100) {
    rehearsal.runUntil(now)
    most = Math.max(most, dataPlane.inbound.length)
    const sa = dataPlane.newestOutbound({ tunnel: TUNNEL, pair: 0 })
    if (sa === undefined) continue
    assert.ok(sa.volume !== undefined)
    const before = carried.get(sa.spi) ?? 0
    const after = before + octetsASecond / 10
    assert.ok(after < sa.volume.hard, 'it is renewed in time')
    carried.set(sa.spi, after)
    if (before < sa.volume.soft && after >= sa.volume.soft)
      rehearsal.input('a', { kind: 'sa-expired', direction: 'outbound', spi: sa.spi, hard: false })
  }
  // The newest is sent on as soon as the peer is sure to have it.
  rehearsal.runFor(2_000)
  assertUp(rehearsal)
  const established = events(rehearsal, 'a', 'child-sa-established')
  const renewals = established.filter(({ rekeyOf }) => rekeyOf !== undefined).length
  return { told, renewals, most }
}

/** What the daemon would tell of side a's tunnel, as it happens. */
function watch(
  rehearsal: Rehearsal,
  octets: (sa: InboundSa | OutboundSa) => number = () => 0,
): readonly Failure[] {
  const told: Failure[] = []
  const { dataPlane } = rehearsal.gateways.a
  const incidents = new TunnelIncidents({
    clock: { now: () => rehearsal.now, wall: (at) => new Date(at) },
    config: () => rehearsal.gateways.a.config,
    counters: () => ({
      ...NO_COUNTS,
      sas: [...dataPlane.inbound, ...dataPlane.outbound].map((sa) =>
        saCounters(sa, { octets: octets(sa) }),
      ),
    }),
    ledger: new TrafficLedger(),
    tell: (event) => {
      if (event.kind === 'incident') told.push(event.failure)
    },
  })
  rehearsal.gateways.a.listener = (event) => incidents.take(event)
  return told
}

/** @throws AssertionError when the peer has not deleted so many Child SAs within a minute. */
function untilDeleted(rehearsal: Rehearsal, times: number): void {
  const deleted = () =>
    events(rehearsal, 'a', 'child-sa-closed').filter(({ why }) => why === 'peer-deleted').length
  while (deleted() < times && rehearsal.now < 60_000) rehearsal.runFor(100)
  assert.equal(deleted(), times)
}

function figure(text: string, where: RegExp): number {
  return Number(where.exec(text)?.[1]?.replaceAll(',', ''))
}

const ESP = ProtocolId.number('ESP')
const QUICK_MODE = ExchangeType.number('QUICK-MODE')
