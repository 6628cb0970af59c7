import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readKeyTable } from '#capture/key-table'
import { findIn } from '#cli/explain-capture'
import { captureDocument } from '#cli/explain-capture-document'
import { captureLines } from '#cli/explain-capture-view'
import { seededRandom } from '#crypto/seeded-random'
import { captureOf, recordNegotiation } from '../support/capture-sample.ts'
import { mutate } from './mutate.ts'

const RUNS = 1_500

const recorded = recordNegotiation()
const capture = captureOf(recorded)
const terminal = {
  out: () => {},
  err: () => {},
  style: (_: string, text: string) => text,
  columns: 80,
  isTerminal: false,
}

test('explain takes any file that was a capture once, with the keys and without', () => {
  const next = seededRandom(20_261_123)
  let read = 0
  let told = 0
  for (let run = 0; run < RUNS; run++) {
    // Several rounds, so that damage is spread over blocks, frames and messages alike.
    let octets = capture
    for (let round = run % 4; round >= 0; round--) octets = mutate(octets, next, [capture])
    const findings = findIn(octets, 'damaged.pcapng', run % 2 === 0 ? recorded.keys : new Map())
    if (findings === undefined) continue
    read++
    if (findings.conversations.length > 0) told++
    for (const payloads of [false, true]) {
      captureLines(findings, { payloads, hex: payloads }, terminal)
      JSON.parse(captureDocument(findings, { payloads, hex: payloads }))
    }
  }
  assert.equal(read > RUNS / 4, true, `only ${read} were still captures`)
  assert.equal(told > RUNS / 20, true, `only ${told} still showed IKE`)
})

test('a damaged message inside a whole capture harms no other', () => {
  const next = seededRandom(7)
  const { rehearsal } = recorded
  for (let run = 0; run < RUNS; run++) {
    const sent = rehearsal.sent.map((one, index) =>
      index === run % rehearsal.sent.length ? { ...one, octets: mutate(one.octets, next) } : one,
    )
    const findings = findIn(captureOf({ rehearsal: { sent } }), 'x', recorded.keys)
    assert.ok(findings !== undefined)
    captureLines(findings, { payloads: true }, terminal)
    assert.equal(findings.used >= rehearsal.sent.length - 1, true)
  }
})

test('a key table may hold anything', () => {
  const next = seededRandom(3)
  const table = new TextEncoder().encode(recorded.table)
  for (let run = 0; run < RUNS; run++) readKeyTable(new TextDecoder().decode(mutate(table, next)))
})
