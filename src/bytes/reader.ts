/** A field that wanted more octets than were there. `offset` counts from the start of the datagram. */
export class ShortReadError extends Error {
  override readonly name = 'ShortReadError'
  readonly field: string
  readonly wanted: number
  readonly left: number
  readonly offset: number

  constructor(field: string, wanted: number, left: number, offset: number) {
    super(`${field} at octet ${offset}: wanted ${wanted} octets, ${left} left`)
    this.field = field
    this.wanted = wanted
    this.left = left
    this.offset = offset
  }
}

/**
 * Reads big-endian fields from part of a datagram, front to back. Every read names its field and fails rather than return
 * less than asked. Octets come out as views, not copies.
 */
export class Reader {
  readonly #octets: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #at: number

  /** @throws RangeError when `start` and `end` are not inside `octets`; that is a mistake of ours, not of the sender. */
  constructor(octets: Uint8Array, start = 0, end: number = octets.length) {
    if (!(start >= 0 && start <= end && end <= octets.length)) {
      throw new RangeError(`reader from ${start} to ${end} in ${octets.length} octets`)
    }
    this.#octets = octets
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
    this.#at = start
    this.#end = end
  }

  /** Where the next read begins, from the start of the datagram. */
  get offset(): number {
    return this.#at
  }

  get left(): number {
    return this.#end - this.#at
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(field, 1))
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(field, 2))
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(field, 4))
  }

  octets(field: string, length: number): Uint8Array {
    const start = this.#take(field, length)
    return this.#octets.subarray(start, start + length)
  }

  rest(): Uint8Array {
    return this.#octets.subarray(this.#take('rest', this.left), this.#end)
  }

  /** A reader over the next `length` octets alone; this one goes on behind them. */
  sub(field: string, length: number): Reader {
    const start = this.#take(field, length)
    return new Reader(this.#octets, start, start + length)
  }

  #take(field: string, wanted: number): number {
    if (wanted > this.left) throw new ShortReadError(field, wanted, this.left, this.#at)
    const start = this.#at
    this.#at += wanted
    return start
  }
}
