import { concat } from '#bytes/concat'

/** What a file begins with: by which program, and the link type of each interface. Little-endian throughout. */
export function pcapngHeader(
  application: string,
  interfaces: readonly PcapngInterface[],
): Uint8Array {
  const section = new Block(0x0a0d0d0a)
  section.u32(BYTE_ORDER_MAGIC)
  section.u16(1)
  section.u16(0)
  // The length of the section is not known beforehand.
  section.u32(0xffffffff)
  section.u32(0xffffffff)
  section.option(OPTION_USER_APPLICATION, text(application))
  section.endOfOptions()
  return concat(section.finish(), ...interfaces.map(interfaceBlock))
}

export type PcapngInterface = { readonly name: string; readonly linkType: number }

export type PcapngPacket = {
  /** Index among the interfaces of the header. */
  readonly interface: number
  /** Milliseconds since 1970, with fractions. */
  readonly at: number
  readonly octets: Uint8Array
  /** More than `octets` where the frame was cut. */
  readonly originalOctets?: number
  readonly comment?: string
}

/** An Enhanced Packet Block (draft-ietf-opsawg-pcapng §4.3). */
export function pcapngPacket(packet: PcapngPacket): Uint8Array {
  const { at, octets, originalOctets = octets.length, comment } = packet
  const microseconds = Math.round(at * 1_000)
  const block = new Block(6)
  block.u32(packet.interface)
  block.u32(Math.floor(microseconds / 2 ** 32))
  block.u32(microseconds % 2 ** 32)
  block.u32(octets.length)
  block.u32(originalOctets)
  block.padded(octets)
  if (comment !== undefined) {
    block.option(OPTION_COMMENT, text(comment))
    block.endOfOptions()
  }
  return block.finish()
}

const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const OPTION_COMMENT = 1
const OPTION_INTERFACE_NAME = 2
const OPTION_USER_APPLICATION = 4

function interfaceBlock({ name, linkType }: PcapngInterface): Uint8Array {
  const block = new Block(1)
  block.u16(linkType)
  block.u16(0)
  // Frames are kept whole.
  block.u32(0)
  block.option(OPTION_INTERFACE_NAME, text(name))
  block.endOfOptions()
  return block.finish()
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value).subarray(0, 0xffff)
}

/** Type and length, a body in multiples of four octets, the length again. */
class Block {
  readonly #type: number
  readonly #parts: Uint8Array[] = []

  constructor(type: number) {
    this.#type = type
  }

  u16(value: number): void {
    this.#parts.push(little(2, (view) => view.setUint16(0, value, true)))
  }

  u32(value: number): void {
    this.#parts.push(little(4, (view) => view.setUint32(0, value, true)))
  }

  padded(octets: Uint8Array): void {
    this.#parts.push(octets, new Uint8Array((4 - (octets.length % 4)) % 4))
  }

  option(code: number, value: Uint8Array): void {
    this.u16(code)
    this.u16(value.length)
    this.padded(value)
  }

  endOfOptions(): void {
    this.u32(0)
  }

  finish(): Uint8Array {
    const body = concat(...this.#parts)
    const length = little(4, (view) => view.setUint32(0, 12 + body.length, true))
    return concat(
      little(4, (view) => view.setUint32(0, this.#type, true)),
      length,
      body,
      length,
    )
  }
}

function little(octets: number, set: (view: DataView) => void): Uint8Array {
  const value = new Uint8Array(octets)
  set(new DataView(value.buffer))
  return value
}
