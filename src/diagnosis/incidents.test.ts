import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type EspSpi, espSpi } from '#esp/sa'
import type { ChildSaFacts, CloseReason, Event } from '#ike/events'
import type { Lifetime } from '#policy/proposal'
import { sampleTunnel } from '../../test/support/sample-config.ts'
import { type IncidentContext, Incidents } from './incidents.ts'

/** One tunnel whose events a test gives, with a clock that stands at `now` milliseconds after 13:00. */
function rig() {
  const incidents = new Incidents()
  let next = 0
  const take = (now: number, event: Event, more: Partial<IncidentContext> = {}): readonly Event[] =>
    incidents.take(event, {
      now,
      tunnel: sampleTunnel('paris'),
      heardAt: undefined,
      carriedAt: undefined,
      octetsOf: () => 0,
      clockText: (at) => new Date(46_800_000 + at).toISOString().slice(11, 19),
      ...more,
    })
  return {
    incidents,
    /** A Child SA comes up. @returns its SPI, and what is told */
    up: (
      now: number,
      {
        rekeyOf,
        lifetime = { seconds: 3_600 },
        ...more
      }: Partial<IncidentContext> & {
        readonly rekeyOf?: EspSpi
        readonly lifetime?: Lifetime
      } = {},
    ) => {
      const inboundSpi = espSpi(1_000 + next++)
      const childSa = {
        child: { tunnel: 'paris', pair: 0 },
        inboundSpi,
        outboundSpi: inboundSpi,
        establishedAt: now,
        lifetime,
      } as ChildSaFacts
      const replaced = rekeyOf === undefined ? {} : { rekeyOf }
      const event: Event = { kind: 'child-sa-established', tunnel: 'paris', childSa, ...replaced }
      return { spi: inboundSpi, told: take(now, event, more) }
    },
    down: (now: number, spi: EspSpi, why: CloseReason, more: Partial<IncidentContext> = {}) =>
      take(
        now,
        {
          kind: 'child-sa-closed',
          tunnel: 'paris',
          child: { tunnel: 'paris', pair: 0 },
          inboundSpi: spi,
          outboundSpi: spi,
          why,
        },
        more,
      ),
    ikeDown: (now: number, why: CloseReason, more: Partial<IncidentContext> = {}) =>
      take(now, { kind: 'ike-sa-closed', tunnel: 'paris', initiatorSpi: 'aa', why }, more),
  }
}

const codes = (told: readonly Event[]) =>
  told.map((event) =>
    event.kind === 'incident'
      ? event.failure.code
      : event.kind === 'recovered'
        ? 'over'
        : event.kind,
  )
const sentence = (told: readonly Event[]) =>
  told.map((event) => (event.kind === 'incident' ? event.failure.summary : '')).join()

test('CW-601: a peer that starts anew is told once, and over as soon as there is an SA', () => {
  const { incidents, up, down, ikeDown } = rig()
  const { spi } = up(0)
  assert.deepEqual(codes(down(60_000, spi, 'peer-restarted')), ['CW-601'])
  assert.deepEqual(codes(ikeDown(60_001, 'peer-restarted')), [])
  assert.deepEqual(codes(up(60_400).told), ['over'])
  assert.deepEqual(
    incidents.history.map(({ at, failure, lasted }) => [at, failure.code, lasted]),
    [[60_000, 'CW-601', 400]],
  )
})

test('CW-601: where new SAs serve before the old ones are given up, nothing was interrupted', () => {
  const { incidents, up, down } = rig()
  const { spi } = up(0)
  up(60_000)
  assert.deepEqual(codes(down(62_000, spi, 'peer-restarted')), ['CW-601'])
  assert.equal(incidents.history[0]?.lasted, 0)
})

test('CW-602: a silent peer is told with since when, and when a packet last passed', () => {
  const { up, down, ikeDown } = rig()
  const { spi } = up(0)
  const told = ikeDown(131_000, 'dead-peer', { heardAt: 93_000, carriedAt: 91_000 })
  assert.deepEqual(codes(told), ['CW-602'])
  assert.match(sentence(told), /not been heard since 13:01:33, for 38s/)
  const [event] = told
  assert.match(event?.kind === 'incident' ? event.failure.evidence : '', /last passed at 13:01:31/)
  assert.deepEqual(codes(down(131_001, spi, 'dead-peer')), [])
})

describe('CW-604: the volume', () => {
  const lifetime = { seconds: 3_600, kilobytes: 4_608_000 }

  test('that lasts only seconds is told with the arithmetic', () => {
    const { up } = rig()
    const { spi } = up(0, { lifetime })
    const { told } = up(47_000, { rekeyOf: spi, lifetime, octetsOf: () => 4_700_000_000 })
    assert.deepEqual(codes(told), ['CW-604'])
    assert.match(
      sentence(told),
      /after 47s: its volume of 4,608,000 KB .* at 800 Mbit\/s, .* is 1h/,
    )
  })

  test('that lasts a second each time is no two sides that renew at the same moment', () => {
    const { up } = rig()
    let { spi } = up(0, { lifetime })
    const told = [1_000, 2_000, 13_000, 14_000].flatMap((now) => {
      const next = up(now, { rekeyOf: spi, lifetime, octetsOf: () => 4_700_000_000 })
      spi = next.spi
      return codes(next.told)
    })
    assert.deepEqual([...new Set(told)], ['CW-604'])
  })

  test('is not the reason when little was carried, or the SA lived long', () => {
    const { up } = rig()
    const { spi } = up(0, { lifetime })
    const early = up(47_000, { rekeyOf: spi, lifetime, octetsOf: () => 1_000 })
    assert.deepEqual(codes(early.told), [])
    const late = up(2_000_000, { rekeyOf: early.spi, lifetime, octetsOf: () => 4_700_000_000 })
    assert.deepEqual(codes(late.told), [])
  })
})

test('CW-605: both sides renewing the same SA is a note, and advice when it repeats', () => {
  const { up } = rig()
  let { spi } = up(0)
  const sentences: string[] = []
  for (const now of [100_000, 200_000, 300_000]) {
    const first = up(now, { rekeyOf: spi })
    const second = up(now + 300, { rekeyOf: first.spi })
    assert.deepEqual(codes(second.told), ['CW-605'])
    sentences.push(sentence(second.told))
    spi = second.spi
  }
  assert.match(sentences[2] ?? '', /3 times in an hour/)
})

test('CW-606: what each side closes and the other opens is counted', () => {
  const { up, down } = rig()
  const told: string[] = []
  for (let i = 0; i < 7; i++) {
    const { spi, told: opened } = up(i * 4_000)
    told.push(...codes(opened), ...codes(down(i * 4_000 + 1_000, spi, 'peer-deleted')))
  }
  assert.ok(told.includes('CW-606'), told.join())
})

describe('CW-607: the peer deletes the tunnel', () => {
  const deleted = (now: number, carriedAt: number | undefined, seconds = 3_600) => {
    const { up, down } = rig()
    const { spi } = up(0, { lifetime: { seconds } })
    return sentence(down(now, spi, 'peer-deleted', { carriedAt }))
  }

  test('after exactly its idle timeout', () => {
    assert.match(
      deleted(2_000_000, 199_200),
      /after exactly 1800 s without a packet: .* idle timeout/,
    )
  })

  test('after exactly a lifetime', () => {
    assert.match(
      deleted(28_800_400, 28_800_000),
      /exactly 8h after it came up: that is a lifetime there, though it agreed to 1h/,
    )
  })

  test("after exactly the peer's own lifetime, which is named beside ours, and stands as a value of both", () => {
    assert.match(
      deleted(2_900_300, 2_900_000, 2_900),
      /exactly 48m20s after it came up: that is its lifetime \(ours is 1h\), and it was not renewed/,
    )
    const { up, down } = rig()
    const { spi } = up(0, { lifetime: { seconds: 2_900 } })
    const [event] = down(1_000_000, spi, 'peer-deleted')
    assert.ok(event?.kind === 'incident')
    assert.deepEqual([event.failure.ours, event.failure.theirs], ['lifetime 1h', 'lifetime 48m20s'])
  })

  test('after exactly the lifetime that both have', () => {
    assert.match(
      deleted(3_600_900, 3_600_000),
      /exactly 1h after it came up: that is the lifetime of both sides/,
    )
  })

  test('at any other time, which is told, with what had passed', () => {
    assert.match(
      deleted(1_000_000, 587_000),
      /16m40s after it came up, 6m53s after the last packet/,
    )
    assert.match(deleted(1_000_000, 999_000), /with packets passing/)
  })

  test('not when it deletes what another SA has replaced, nor when the operator does', () => {
    const { up, down } = rig()
    const { spi } = up(0)
    const { spi: newer } = up(1_000, { rekeyOf: spi })
    assert.deepEqual(down(2_000, spi, 'peer-deleted'), [])
    assert.deepEqual(down(3_000, newer, 'operator'), [])
  })
})

test('what is not over is kept open in the history', () => {
  const { incidents, up, ikeDown } = rig()
  up(0)
  ikeDown(30_000, 'dead-peer')
  assert.equal(incidents.history[0]?.lasted, undefined)
  up(68_000)
  assert.equal(incidents.history[0]?.lasted, 38_000)
})
