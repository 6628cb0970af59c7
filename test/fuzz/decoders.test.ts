import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '#bytes/hex'
import { randomOctets, seededRandom } from '#crypto/seeded-random'
import { decodeHeader, HEADER_OCTETS } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { MAX_PAYLOADS } from '#wire/payload-chain'
import { identityFromPayload, selectorFromPayload } from '#wire/v1/id-payload'
import { decodePayloads, encodePayloads } from '#wire/v1/message'
import { vendorIdOf } from '#wire/v1/vendor-id'
import { ikeSamples } from '../support/ike-samples.ts'
import { mutate, mutators } from './mutate.ts'

/** CAUSEWAY_FUZZ_RUNS=1000000 for a long night. */
const RUNS = Number(process.env.CAUSEWAY_FUZZ_RUNS ?? 20_000)
const corpus = ikeSamples.map(({ octets }) => octets)

test(`no mutation of a real message gets more than a typed refusal out of the decoders (${RUNS} seeds)`, () => {
  let decoded = 0
  for (let seed = 0; seed < RUNS; seed++) {
    const next = seededRandom(seed)
    const octets = mutate(corpus[seed % corpus.length]!, next, corpus)
    if (survives(octets, `seed ${seed}`)) decoded++
  }
  // Were everything refused at the header, nothing would have been tried.
  assert.ok(decoded > RUNS / 100, `${decoded} of ${RUNS} were decoded`)
  assert.ok(decoded < RUNS, 'some must have been refused')
})

test('no random octets get more than a typed refusal out of the payload decoders', () => {
  for (let seed = 0; seed < RUNS; seed++) {
    const next = seededRandom(seed)
    const octets = randomOctets(next, next() % 300)
    const first = next() % 22
    assertTyped(() => decodePayloads(first, octets, 0), `seed ${seed}`)
  }
})

test('datagrams of 0 to 27 octets are refused at the header (CVE-2013-4564)', () => {
  const next = seededRandom(1)
  for (let length = 0; length < HEADER_OCTETS; length++) {
    assert.throws(() => decodeHeader(randomOctets(next, length)), MalformedMessage)
  }
})

test('the same seed gives the same mutation, and the original stays as it was', () => {
  for (const octets of corpus) {
    const before = toHex(octets)
    for (let seed = 0; seed < 50; seed++) {
      assert.deepEqual(
        mutate(octets, seededRandom(seed), corpus),
        mutate(octets, seededRandom(seed), corpus),
      )
    }
    assert.equal(toHex(octets), before)
  }
})

for (const [name, mutator] of Object.entries(mutators)) {
  test(`mutator ${name} changes messages, and bears empty and tiny ones`, () => {
    const next = seededRandom(7)
    const changes = corpus.filter(
      (octets) => toHex(mutator(octets, next, corpus)) !== toHex(octets),
    )
    assert.ok(changes.length > 0)
    for (let length = 0; length < 40; length++) mutator(new Uint8Array(length), next, [])
  })
}

/** Also: what was decoded can be encoded, and decodes to the same values again. */
function survives(octets: Uint8Array, story: string): boolean {
  return assertTyped(
    () => {
      const header = decodeHeader(octets)
      const message = octets.subarray(0, header.length)
      const { payloads, end } = decodePayloads(header.nextPayload, message, HEADER_OCTETS)
      assert.ok(end <= message.length && payloads.length <= MAX_PAYLOADS)
      const values = payloads.map(({ payload }) => payload)
      for (const payload of values) {
        if (payload.type === 'VID') vendorIdOf(payload.data)
        if (payload.type !== 'ID') continue
        identityFromPayload(payload)
        selectorFromPayload(payload)
      }
      const again = encodePayloads(values)
      assert.deepEqual(
        decodePayloads(again.firstPayload, again.octets, 0).payloads.map(({ payload }) => payload),
        values,
      )
    },
    `${story}: ${toHex(octets)}`,
  )
}

function assertTyped(run: () => void, story: string): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (error instanceof MalformedMessage) {
      assert.ok(Number.isInteger(error.offset) && error.offset >= 0, story)
      return false
    }
    throw new Error(story, { cause: error })
  }
}
