/** Writes big-endian fields into a block that grows. Values that do not fit are our mistake: RangeError. */
export class Writer {
  #octets: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#octets = new Uint8Array(capacity)
    this.#view = new DataView(this.#octets.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    checkFits(value, 0xff)
    const at = this.#grow(1)
    this.#view.setUint8(at, value)
  }

  u16(value: number): void {
    checkFits(value, 0xffff)
    const at = this.#grow(2)
    this.#view.setUint16(at, value)
  }

  u32(value: number): void {
    checkFits(value, 0xffff_ffff)
    const at = this.#grow(4)
    this.#view.setUint32(at, value)
  }

  octets(value: Uint8Array): void {
    const at = this.#grow(value.length)
    this.#octets.set(value, at)
  }

  zeros(count: number): void {
    this.#grow(count)
  }

  /** Overwrites what was written before: lengths and counts are known only after what they count. */
  patchU16(at: number, value: number): void {
    checkFits(value, 0xffff)
    this.#checkWritten(at, 2)
    this.#view.setUint16(at, value)
  }

  /** Everything written so far, as a copy of its own. */
  finish(): Uint8Array {
    return this.#octets.slice(0, this.#length)
  }

  #checkWritten(at: number, count: number): void {
    if (at < 0 || at + count > this.#length) throw new RangeError(`octet ${at} is not written yet`)
  }

  /** Call it before naming the block or its view: both may be replaced. */
  #grow(count: number): number {
    const start = this.#length
    this.#length += count
    if (this.#length > this.#octets.length) {
      const bigger = new Uint8Array(Math.max(this.#length, this.#octets.length * 2))
      bigger.set(this.#octets.subarray(0, start))
      this.#octets = bigger
      this.#view = new DataView(bigger.buffer)
    }
    return start
  }
}

function checkFits(value: number, highest: number): void {
  if (!Number.isInteger(value) || value < 0 || value > highest) {
    throw new RangeError(`expected an integer from 0 to ${highest}, got ${value}`)
  }
}
