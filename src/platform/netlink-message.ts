import { type IpAddress, ipFromOctets, ipOctets } from '#bytes/ip'

/** One message as the kernel sent it, without its 16-octet header. */
export type NetlinkMessage = {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly body: Uint8Array
}

/** A netlink message under construction: a fixed header of the family, then attributes (netlink(7), rtnetlink(7)). */
export class NetlinkRequest {
  readonly type: number
  readonly flags: number
  #octets: number[]

  /** @param header the fixed structure that comes before the attributes, such as `struct rtmsg` */
  constructor(type: number, flags: number, header: Uint8Array) {
    this.type = type
    this.flags = flags
    this.#octets = [...header]
  }

  attribute(type: number, value: Uint8Array): this {
    this.#octets.push(...uint16(ATTRIBUTE_HEADER + value.length), ...uint16(type), ...value)
    while (this.#octets.length % 4 !== 0) this.#octets.push(0)
    return this
  }

  uint8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value))
  }

  uint32(type: number, value: number): this {
    return this.attribute(type, uint32(value))
  }

  /** As nf_tables keeps its numbers; a negative one as its two's complement. */
  uint32BigEndian(type: number, value: number): this {
    const octets = new Uint8Array(4)
    viewOf(octets).setUint32(0, value)
    return this.attribute(type, octets)
  }

  address(type: number, value: IpAddress): this {
    return this.attribute(type, ipOctets(value))
  }

  /** Ends with a zero octet, as names and aliases must. */
  text(type: number, value: string): this {
    return this.attribute(type, Uint8Array.of(...new TextEncoder().encode(value), 0))
  }

  nested(type: number, fill: (inner: NetlinkRequest) => void): this {
    const inner = new NetlinkRequest(0, 0, new Uint8Array())
    fill(inner)
    return this.attribute(type, inner.body())
  }

  body(): Uint8Array {
    return Uint8Array.from(this.#octets)
  }

  /** The whole message. */
  encode(sequence: number): Uint8Array {
    return Uint8Array.of(
      ...uint32(MESSAGE_HEADER + this.#octets.length),
      ...uint16(this.type),
      ...uint16(this.flags),
      ...uint32(sequence),
      ...uint32(0),
      ...this.#octets,
    )
  }
}

/** Several messages may come in one datagram. Stops at one whose length cannot be right. */
export function decodeMessages(octets: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  const view = viewOf(octets)
  for (let at = 0; at + MESSAGE_HEADER <= octets.length; ) {
    const length = view.getUint32(at, true)
    if (length < MESSAGE_HEADER || at + length > octets.length) break
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: octets.slice(at + MESSAGE_HEADER, at + length),
    })
    at += aligned(length)
  }
  return messages
}

/** Attributes of a message or of a nested attribute, by type. */
export class Attributes {
  readonly #values = new Map<number, Uint8Array>()

  /** @param from where they begin, after the fixed header */
  constructor(octets: Uint8Array, from = 0) {
    for (const { type, value } of attributesOf(octets, from)) this.#values.set(type, value)
  }

  octets(type: number): Uint8Array | undefined {
    return this.#values.get(type)
  }

  uint8(type: number): number | undefined {
    return this.#values.get(type)?.[0]
  }

  uint32(type: number): number | undefined {
    const value = this.#values.get(type)
    return value !== undefined && value.length >= 4 ? viewOf(value).getUint32(0, true) : undefined
  }

  uint32BigEndian(type: number): number | undefined {
    const value = this.#values.get(type)
    return value?.length === 4 ? viewOf(value).getUint32(0) : undefined
  }

  uint64BigEndian(type: number): bigint | undefined {
    const value = this.#values.get(type)
    return value?.length === 8 ? viewOf(value).getBigUint64(0) : undefined
  }

  address(type: number): IpAddress | undefined {
    const value = this.#values.get(type)
    return value === undefined ? undefined : ipFromOctets(value)
  }

  text(type: number): string | undefined {
    const value = this.#values.get(type)
    return value === undefined ? undefined : new TextDecoder().decode(value).replace(/\0.*$/s, '')
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type)
    return value === undefined ? undefined : new Attributes(value)
  }

  /** The elements of a list, which all have the same type. */
  list(type: number): readonly Attributes[] {
    const value = this.#values.get(type) ?? new Uint8Array(0)
    return attributesOf(value, 0).map((element) => new Attributes(element.value))
  }
}

function attributesOf(
  octets: Uint8Array,
  from: number,
): readonly { readonly type: number; readonly value: Uint8Array }[] {
  const view = viewOf(octets)
  const found: { readonly type: number; readonly value: Uint8Array }[] = []
  for (let at = aligned(from); at + ATTRIBUTE_HEADER <= octets.length; ) {
    const length = view.getUint16(at, true)
    if (length < ATTRIBUTE_HEADER || at + length > octets.length) break
    const type = view.getUint16(at + 2, true) & TYPE_MASK
    found.push({ type, value: octets.subarray(at + ATTRIBUTE_HEADER, at + length) })
    at += aligned(length)
  }
  return found
}

export function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
}

function aligned(length: number): number {
  return (length + 3) & ~3
}

function uint16(value: number): Uint8Array {
  const octets = new Uint8Array(2)
  viewOf(octets).setUint16(0, value, true)
  return octets
}

function uint32(value: number): Uint8Array {
  const octets = new Uint8Array(4)
  viewOf(octets).setUint32(0, value, true)
  return octets
}

/** `struct nlmsghdr`: length 0, type 4, flags 6, sequence 8, port 12. */
const MESSAGE_HEADER = 16
/** `struct nlattr`: length 0, type 2; the two high bits of the type are flags (nested, network order). */
const ATTRIBUTE_HEADER = 4
const TYPE_MASK = 0x3fff
