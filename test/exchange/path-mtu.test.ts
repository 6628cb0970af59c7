// How large packets may be is asked of the path itself, and a path that swallows large ones is found and cured.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { decodeHeader } from '#wire/ike-header'
import { assertUp, events, rehearse, snapshot } from '../support/exchange.ts'
import { A_BEGINS, sites, TUNNEL } from '../support/sites.ts'

test('both sides ask, and a path that carries what the host says is left alone', () => {
  const rehearsal = up()
  rehearsal.runFor(5_000)
  for (const side of ['a', 'b'] as const) {
    const { path } = snapshot(rehearsal, side)
    assert.deepEqual(
      [path?.octets, path?.inner, path?.blackHole, path?.shown, path?.by],
      [1500, 1438, false, 'both-ways', 'inside'],
    )
    assert.deepEqual(events(rehearsal, side, 'path-limited'), [])
  }
})

test('a black hole is found and told once, with what fits inside', () => {
  const rehearsal = up()
  rehearsal.path.width = 1400
  rehearsal.runFor(60_000)
  const { path } = snapshot(rehearsal, 'a')
  assert.ok(path?.blackHole === true && path.octets > 1396 && path.octets <= 1400)
  assert.equal(path.shown, 'both-ways')
  assert.deepEqual(events(rehearsal, 'a', 'path-limited'), [
    { kind: 'path-limited', tunnel: TUNNEL, octets: path.octets, inner: path.octets - 62 },
  ])
  rehearsal.runFor(3_600_000)
  assert.equal(events(rehearsal, 'a', 'path-limited').length, 1)
})

test('the cure comes before the exact size is known', () => {
  const rehearsal = up()
  rehearsal.path.width = 1400
  rehearsal.runFor(7_000)
  assert.equal(snapshot(rehearsal, 'a').path?.octets, 1344, 'room for 1,280 inside')
})

test('when large packets pass again, the limit goes', () => {
  const rehearsal = up()
  rehearsal.path.width = 1400
  rehearsal.runFor(60_000)
  rehearsal.path.width = 1500
  rehearsal.runFor(601_000)
  const { path } = snapshot(rehearsal, 'a')
  assert.deepEqual([path?.octets, path?.blackHole], [1500, false])
  assert.deepEqual(events(rehearsal, 'a', 'path-widened'), [
    { kind: 'path-widened', tunnel: TUNNEL, octets: 1500 },
  ])
})

test('a path that becomes narrow later is found within the minute', () => {
  const rehearsal = up()
  rehearsal.runFor(60_000)
  rehearsal.path.width = 1300
  rehearsal.runFor(90_000)
  assert.equal(snapshot(rehearsal, 'a').path?.blackHole, true)
})

test('a limit that stands from an earlier configuration is lifted when there is no need of it', () => {
  const rehearsal = up()
  rehearsal.path.width = 1400
  rehearsal.runFor(60_000)
  rehearsal.path.width = 1500
  const { a } = rehearsal.gateways
  rehearsal.configure('a', {
    ...a.config,
    tunnels: a.config.tunnels.map((tunnel) => ({ ...tunnel, replayWindow: 2048 })),
  })
  rehearsal.runFor(60_000)
  assertUp(rehearsal)
  const { path } = snapshot(rehearsal, 'a')
  assert.deepEqual([path?.octets, path?.inner, path?.blackHole], [1500, 1438, false])
})

test('where only the other gateway says that a packet came, that counts for the way there', () => {
  const rehearsal = up()
  rehearsal.path.inside = 'says it came'
  rehearsal.runFor(10_000)
  const { path } = snapshot(rehearsal, 'a')
  assert.deepEqual([path?.shown, path?.by], ['outwards', 'inside'])
})

test('a peer that answers nothing inside is asked by padded liveness probes, which no fragment carries', () => {
  const rehearsal = up()
  rehearsal.path.inside = 'is silent'
  rehearsal.path.width = 1400
  rehearsal.runFor(90_000)
  const { path, state } = snapshot(rehearsal, 'a')
  assert.deepEqual(
    [state, path?.by, path?.blackHole, path?.shown],
    ['up', 'liveness', true, 'outwards'],
  )
  assert.ok(path !== undefined && path.octets <= 1400 && path.octets > 1400 - 32, `${path?.octets}`)
  const largest = Math.max(...rehearsal.sent.map(({ octets }) => octets.length))
  assert.ok(largest > 1440 && largest <= 1472, `${largest}`)
})

test('padded probes that are lost make no peer dead', () => {
  const rehearsal = up()
  rehearsal.path.inside = 'is silent'
  rehearsal.intercept = ({ octets }) => (octets.length > 500 ? undefined : octets)
  rehearsal.runFor(120_000)
  assertUp(rehearsal)
  assert.equal(snapshot(rehearsal, 'a').path?.shown, 'nothing')
  assert.deepEqual(events(rehearsal, 'a', 'ike-sa-closed'), [])
})

test('a host that learns of another width is believed and asked anew', () => {
  const rehearsal = up()
  rehearsal.runFor(10_000)
  const before = snapshot(rehearsal, 'a').path?.probedAt ?? 0
  rehearsal.path.host = 1400
  rehearsal.path.width = 1400
  rehearsal.input('a', { kind: 'path', tunnel: TUNNEL, octets: 1400, inner: 1338, base: 1342 })
  rehearsal.runFor(10_000)
  const { path } = snapshot(rehearsal, 'a')
  assert.deepEqual([path?.octets, path?.blackHole], [1400, false])
  assert.ok((path?.probedAt ?? 0) > before)
})

test('an answer to no question, and one that comes late, change nothing', () => {
  const rehearsal = up()
  rehearsal.path.inside = 'is silent'
  for (const id of [0, 1, 77, 65_535])
    rehearsal.input('a', { kind: 'path-probed', tunnel: TUNNEL, id, came: 'back' })
  rehearsal.runFor(600)
  assert.equal(snapshot(rehearsal, 'a').path?.shown, undefined)
})

test('the padding stands behind the payloads, in the encrypted part', () => {
  const rehearsal = up()
  rehearsal.path.inside = 'is silent'
  rehearsal.runFor(20_000)
  const padded = rehearsal.sent.filter(({ octets }) => octets.length > 1200)
  assert.ok(padded.length > 0)
  for (const { octets } of padded) assert.equal(decodeHeader(octets).length, octets.length)
})

function up(): Rehearsal {
  const rehearsal = rehearse(sites({}, {}, A_BEGINS))
  rehearsal.runFor(1_000)
  assertUp(rehearsal)
  return rehearsal
}
