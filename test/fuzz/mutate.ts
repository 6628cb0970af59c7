import type { Random32 } from '#crypto/seeded-random'

/** Changes one datagram; never in place. `others` is material to splice from. */
export type Mutator = (
  octets: Uint8Array,
  next: Random32,
  others: readonly Uint8Array[],
) => Uint8Array

/** What hostile or broken senders do to an IKE message, by name. */
export const mutators: Readonly<Record<string, Mutator>> = {
  flipBits,
  setOctets,
  truncate,
  extend,
  insert,
  remove,
  duplicate,
  splice,
  lieAboutLength,
  renumberPayload,
  repeatPayload,
  dropPayload,
  setHeader,
}

/** One to four mutations one after the other; the same seed and input give the same output. */
export function mutate(
  octets: Uint8Array,
  next: Random32,
  others: readonly Uint8Array[] = [],
): Uint8Array {
  const all = Object.values(mutators)
  let mutated = octets
  for (let left = 1 + below(next, 4); left > 0; left--) {
    mutated = pick(next, all)?.(mutated, next, others) ?? mutated
  }
  return repairs(next) ? withTrueLength(mutated) : mutated
}

const HEADER_OCTETS = 28
const MOST_OCTETS = 65_507
const EDGES = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xfe, 0xff]

function flipBits(octets: Uint8Array, next: Random32): Uint8Array {
  return changed(octets, (copy) => {
    for (let left = 1 + below(next, 8); left > 0; left--) {
      const at = below(next, copy.length)
      copy[at] = (copy[at] ?? 0) ^ (1 << below(next, 8))
    }
  })
}

function setOctets(octets: Uint8Array, next: Random32): Uint8Array {
  return changed(octets, (copy) => {
    const value = pick(next, EDGES) ?? 0
    const start = below(next, copy.length)
    copy.fill(value, start, start + 1 + below(next, 4))
  })
}

function truncate(octets: Uint8Array, next: Random32): Uint8Array {
  return octets.slice(0, below(next, octets.length + 1))
}

function extend(octets: Uint8Array, next: Random32): Uint8Array {
  return joined(octets, noise(next, below(next, 64)))
}

function insert(octets: Uint8Array, next: Random32): Uint8Array {
  const at = below(next, octets.length + 1)
  return joined(octets.subarray(0, at), noise(next, 1 + below(next, 8)), octets.subarray(at))
}

function remove(octets: Uint8Array, next: Random32): Uint8Array {
  const [start, end] = range(octets, next)
  return joined(octets.subarray(0, start), octets.subarray(end))
}

function duplicate(octets: Uint8Array, next: Random32): Uint8Array {
  const [start, end] = range(octets, next)
  return joined(octets.subarray(0, end), octets.subarray(start))
}

function splice(octets: Uint8Array, next: Random32, others: readonly Uint8Array[]): Uint8Array {
  const other = pick(next, others) ?? octets
  return joined(
    octets.subarray(0, below(next, octets.length + 1)),
    other.subarray(below(next, other.length + 1)),
  )
}

/** Any 16-bit field, generic headers before others. */
function lieAboutLength(octets: Uint8Array, next: Random32): Uint8Array {
  return changed(octets, (copy, view) => {
    const header = pick(next, genericHeaders(copy))
    const at = header === undefined || below(next, 3) === 0 ? below(next, copy.length) : header + 2
    if (at + 2 > copy.length) return
    const said = view.getUint16(at)
    const lies = [said + 1, said - 1, said + 4, said - 4, 0, 3, 4, 0x7fff, 0xffff, copy.length]
    view.setUint16(at, (pick(next, lies) ?? 0) & 0xffff)
  })
}

function renumberPayload(octets: Uint8Array, next: Random32): Uint8Array {
  return changed(octets, (copy) => {
    const at = pick(next, [16, ...genericHeaders(copy)]) ?? 16
    if (at < copy.length) copy[at] = below(next, 2) === 0 ? below(next, 256) : below(next, 22)
  })
}

function repeatPayload(octets: Uint8Array, next: Random32): Uint8Array {
  const [start, end] = payloadRange(octets, next)
  return joined(octets.subarray(0, end), octets.subarray(start))
}

function dropPayload(octets: Uint8Array, next: Random32): Uint8Array {
  const [start, end] = payloadRange(octets, next)
  return joined(octets.subarray(0, start), octets.subarray(end))
}

/** Version, exchange type, flags, message ID or one of the SPIs. */
function setHeader(octets: Uint8Array, next: Random32): Uint8Array {
  return changed(octets, (copy) => {
    const at = pick(next, [0, 8, 17, 18, 19, 20]) ?? 0
    if (at < copy.length) copy[at] = below(next, 2) === 0 ? below(next, 256) : below(next, 40)
  })
}

/** Where generic headers seem to begin: as far as the lengths make sense. */
function genericHeaders(octets: Uint8Array): readonly number[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  const found: number[] = []
  let at = HEADER_OCTETS
  while (at + 4 <= octets.length && found.length < 80) {
    found.push(at)
    const length = view.getUint16(at + 2)
    if (length < 4) break
    at += length
  }
  return found
}

function payloadRange(octets: Uint8Array, next: Random32): readonly [number, number] {
  const headers = genericHeaders(octets)
  const chosen = below(next, headers.length)
  const start = headers[chosen]
  if (start === undefined) return range(octets, next)
  return [start, headers[chosen + 1] ?? octets.length]
}

function range(octets: Uint8Array, next: Random32): readonly [number, number] {
  const start = below(next, octets.length + 1)
  return [start, Math.min(octets.length, start + below(next, 64))]
}

/** Half of the time the header tells the truth, so that what lies behind it is reached. */
function repairs(next: Random32): boolean {
  return below(next, 2) === 0
}

function withTrueLength(octets: Uint8Array): Uint8Array {
  return changed(octets, (copy, view) => {
    if (copy.length >= HEADER_OCTETS) view.setUint32(24, copy.length)
  })
}

function changed(
  octets: Uint8Array,
  change: (copy: Uint8Array, view: DataView) => void,
): Uint8Array {
  const copy = octets.slice()
  if (copy.length > 0) change(copy, new DataView(copy.buffer))
  return copy
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part])).slice(0, MOST_OCTETS)
}

function noise(next: Random32, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => next() & 0xff)
}

function pick<T>(next: Random32, among: readonly T[]): T | undefined {
  return among[below(next, among.length)]
}

/** 0 for a bound of 0 too. */
function below(next: Random32, bound: number): number {
  return bound === 0 ? 0 : next() % bound
}
