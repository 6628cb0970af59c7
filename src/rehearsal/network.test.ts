import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { seededRandom } from '#crypto/seeded-random'
import { CLEAN_NETWORK, type Conditions, corruptOctets, SimulatedNetwork } from './network.ts'

const parcel = {
  from: { address: ip('192.0.2.1'), port: 500 },
  to: { address: ip('198.51.100.2'), port: 500 },
  content: Uint8Array.of(1, 2, 3, 4),
}

test('delivers each datagram once, unchanged and in time on a clean network', () => {
  const network = new SimulatedNetwork(CLEAN_NETWORK, seededRandom(1))
  assert.deepEqual(network.carry(parcel, 1_000, corruptOctets), [{ at: 1_010, parcel }])
})

test('delivers nothing while partitioned', () => {
  assert.deepEqual(arrivals({ partitioned: true }), [])
})

test('loses about the share it is told to', () => {
  const { length } = arrivals({ loss: 0.4 })
  assert.ok(length > 500 && length < 700, `${length} of 1,000 arrived`)
})

test('duplicates about the share it is told to', () => {
  const { length } = arrivals({ duplication: 0.3 })
  assert.ok(length > 1_200 && length < 1_400, `${length} of 1,000 arrived`)
})

test('damages some, and never the sender’s own octets', () => {
  const damaged = arrivals({ corruption: 0.5 }).filter((content) => content !== parcel.content)
  assert.ok(damaged.length > 400 && damaged.length < 600, `${damaged.length} of 1,000 damaged`)
  assert.ok(damaged.every((content) => !sameOctets(content, parcel.content)))
  assert.deepEqual(parcel.content, Uint8Array.of(1, 2, 3, 4))
})

test('lets datagrams overtake one another where delays differ', () => {
  const network = new SimulatedNetwork(
    { ...CLEAN_NETWORK, delay: { least: 5, most: 500 } },
    seededRandom(3),
  )
  const times = Array.from({ length: 20 }, (_, i) => network.carry(parcel, i, corruptOctets)[0]?.at)
  assert.notDeepEqual(
    times,
    [...times].sort((a, b) => Number(a) - Number(b)),
  )
})

test('does the same again for the same seed', () => {
  const conditions = { loss: 0.3, duplication: 0.3, corruption: 0.3 }
  assert.deepEqual(arrivals(conditions), arrivals(conditions))
})

function arrivals(conditions: Partial<Conditions>): readonly Uint8Array[] {
  const network = new SimulatedNetwork({ ...CLEAN_NETWORK, ...conditions }, seededRandom(2))
  return Array.from({ length: 1_000 }, () => network.carry(parcel, 0, corruptOctets))
    .flat()
    .map((delivery) => delivery.parcel.content)
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i])
}
