import { Reader } from '#bytes/reader'
import { Writer } from '#bytes/writer'
import { decoding, MalformedMessage } from './malformed.ts'

/**
 * One part of a message, declared once for both directions. `path` names the field for errors. `scope` is the structure the
 * field stands in: while decoding, the fields before it; while encoding, the whole value. Encoding a value that does not fit its
 * field throws RangeError.
 */
export interface Codec<T> {
  decode(reader: Reader, path: string, scope: Scope): T
  encode(writer: Writer, value: T, scope: Scope): void
}

/** A field that is on the wire but not in the value. */
export interface HiddenCodec extends Codec<unknown> {
  readonly hidden: true
}

export type Scope = Readonly<Record<string, unknown>>

/** The value a codec reads and writes. */
export type Decoded<C> = C extends Codec<infer T> ? T : never

/** @throws MalformedMessage, also when octets are left over. */
export function decode<T>(codec: Codec<T>, octets: Uint8Array): T {
  const reader = new Reader(octets)
  return decoding(() => {
    const value = codec.decode(reader, '', {})
    checkConsumed(reader, 'message')
    return value
  })
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer()
  codec.encode(writer, value, {})
  return writer.finish()
}

/** @throws MalformedMessage when `reader` is not at its end. */
export function checkConsumed(reader: Reader, path: string): void {
  if (reader.left === 0) return
  throw new MalformedMessage(
    'trailing',
    path,
    reader.offset,
    `${reader.left} octets left over behind the last field`,
  )
}

type Fields = Readonly<Record<string, Codec<unknown>>>
type Shown<F extends Fields> = {
  readonly [K in keyof F as F[K] extends HiddenCodec ? never : K]: Decoded<F[K]>
}

/** Fields in wire order. With a `title`, paths start anew at it: `KE.data`. */
export function struct<const F extends Fields>(title: string, fields: F): Codec<Shown<F>> {
  const entries = Object.entries(fields)
  return {
    decode(reader, path) {
      const prefix = path === '' ? title : path
      const all: Record<string, unknown> = {}
      const shown: Record<string, unknown> = {}
      for (const [key, codec] of entries) {
        const value = codec.decode(reader, `${prefix}.${key}`, all)
        all[key] = value
        if (!isHidden(codec)) shown[key] = value
      }
      return shown as Shown<F>
    },
    encode(writer, value) {
      const scope: Scope = value
      for (const [key, codec] of entries) codec.encode(writer, scope[key], scope)
    },
  }
}

export const u8: Codec<number> = {
  decode: (reader, path) => reader.u8(path),
  encode: (writer, value) => writer.u8(value),
}

export const u16: Codec<number> = {
  decode: (reader, path) => reader.u16(path),
  encode: (writer, value) => writer.u16(value),
}

export const u32: Codec<number> = {
  decode: (reader, path) => reader.u32(path),
  encode: (writer, value) => writer.u32(value),
}

/** All that is left of the payload. */
export const rest: Codec<Uint8Array> = {
  decode: (reader) => reader.rest(),
  encode: (writer, value) => writer.octets(value),
}

/** Exactly `count` octets. */
export function octets(count: number): Codec<Uint8Array> {
  return {
    decode: (reader, path) => reader.octets(path, count),
    encode(writer, value) {
      if (value.length !== count) {
        throw new RangeError(`expected ${count} octets, got ${value.length}`)
      }
      writer.octets(value)
    },
  }
}

/** As many octets as the earlier field `lengthField` of the same structure says. */
export function octetsOf(lengthField: string): Codec<Uint8Array> {
  return {
    decode: (reader, path, scope) => reader.octets(path, numberIn(scope, lengthField)),
    encode: (writer, value) => writer.octets(value),
  }
}

/** A number that is worked out from the rest of the value: a size or a count. */
export function derived<Value>(width: Codec<number>, from: (value: Value) => number): HiddenCodec {
  return {
    hidden: true,
    decode: (reader, path, scope) => width.decode(reader, path, scope),
    encode: (writer, _, scope) => width.encode(writer, from(scope as Value), scope),
  }
}

/** Octets sent as zero. `'ignored'` on receipt where real peers put something there. */
export function reserved(count: number, onReceipt: 'checked' | 'ignored'): HiddenCodec {
  return {
    hidden: true,
    decode(reader, path) {
      const { offset } = reader
      const value = reader.octets(path, count)
      if (onReceipt === 'checked') checkZero(value, path, offset)
    },
    encode: (writer) => writer.zeros(count),
  }
}

/** In the value but not on the wire, such as the name a union of payloads is told apart by. */
export function tag<const Value extends string | number | boolean>(value: Value): Codec<Value> {
  return { decode: () => value, encode: () => {} }
}

/** Items one behind the other until the reader ends. @throws MalformedMessage with more than `most`. */
export function list<T>(item: Codec<T>, most: number): Codec<readonly T[]> {
  return {
    decode(reader, path, scope) {
      const items: T[] = []
      while (reader.left > 0) {
        if (items.length === most) {
          throw new MalformedMessage('count', path, reader.offset, `more than ${most} items`)
        }
        const { offset } = reader
        items.push(item.decode(reader, `${path}[${items.length}]`, scope))
        if (reader.offset === offset) throw new RangeError(`${path}: an item without octets`)
      }
      return items
    },
    encode(writer, value, scope) {
      checkCount(value.length, most)
      for (const one of value) item.encode(writer, one, scope)
    },
  }
}

/** The value of an earlier field, which the declaration promises to be a number. */
export function numberIn(scope: Scope, field: string): number {
  const value = scope[field]
  if (typeof value !== 'number') throw new RangeError(`no number ${field} before this field`)
  return value
}

function checkZero(value: Uint8Array, path: string, offset: number): void {
  if (value.every((octet) => octet === 0)) return
  throw new MalformedMessage('reserved', path, offset, 'expected zero in a reserved field')
}

/** For encoders. */
export function checkCount(count: number, most: number): void {
  if (count > most) throw new RangeError(`expected at most ${most} items, got ${count}`)
}

function isHidden(codec: Codec<unknown>): codec is HiddenCodec {
  return 'hidden' in codec
}
