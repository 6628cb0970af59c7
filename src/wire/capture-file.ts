/** Link types (the registry of tcpdump.org) whose frames we can look into. */
export const LinkType = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const

export type CapturedFrame = {
  /** Its place in the file, from 1, as Wireshark counts. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly linkType: number
  /** A view of the file; less than `originalOctets` where the capture was told to cut. */
  readonly octets: Uint8Array
  readonly originalOctets: number
  readonly comment?: string
}

export type CaptureFile = {
  readonly format: 'pcap' | 'pcapng'
  readonly frames: readonly CapturedFrame[]
  /** What kept the reader from reading on; the frames before it are good. */
  readonly problem?: string
}

/** Reads pcap (both byte orders, micro- and nanoseconds) and pcapng. @returns undefined for a file that is neither. Never throws. */
export function readCaptureFile(file: Uint8Array): CaptureFile | undefined {
  if (file.length < 12) return undefined
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (view.getUint32(0) === SECTION_HEADER) return new PcapngReading(file, view).read()
  for (const little of [true, false]) {
    const perMillisecond = PCAP_MAGIC.get(view.getUint32(0, little))
    if (perMillisecond !== undefined) return readPcap(file, view, little, perMillisecond)
  }
  return undefined
}

/** More than anyone looks at; bounds the memory a file of tiny frames can take. */
const MOST_FRAMES = 2_000_000
const MOST_INTERFACES = 4_096
const LONGEST_COMMENT = 4_096
/** Fractions of a second in a millisecond, by magic number. */
const PCAP_MAGIC: ReadonlyMap<number, number> = new Map([
  [0xa1b2c3d4, 1_000],
  [0xa1b23c4d, 1_000_000],
])
const PCAP_HEADER_OCTETS = 24
const PCAP_RECORD_OCTETS = 16

function readPcap(
  file: Uint8Array,
  view: DataView,
  little: boolean,
  perMillisecond: number,
): CaptureFile {
  const frames: CapturedFrame[] = []
  const ended = (problem: string): CaptureFile => ({ format: 'pcap', frames, problem })
  if (file.length < PCAP_HEADER_OCTETS) return ended('the file header is cut short')
  const linkType = view.getUint32(20, little) & 0xffff
  let at = PCAP_HEADER_OCTETS
  while (at < file.length) {
    if (frames.length === MOST_FRAMES)
      return ended(`only the first ${MOST_FRAMES} frames were read`)
    if (file.length - at < PCAP_RECORD_OCTETS) return ended(cutShort(frames))
    const [seconds, fraction, octets, originalOctets] = [0, 4, 8, 12].map((offset) =>
      view.getUint32(at + offset, little),
    ) as [number, number, number, number]
    const start = at + PCAP_RECORD_OCTETS
    if (octets > file.length - start) return ended(cutShort(frames))
    frames.push({
      number: frames.length + 1,
      at: seconds * 1_000 + fraction / perMillisecond,
      linkType,
      octets: file.subarray(start, start + octets),
      originalOctets,
    })
    at = start + octets
  }
  return { format: 'pcap', frames }
}

const SECTION_HEADER = 0x0a0d0d0a
const BYTE_ORDER = 0x1a2b3c4d
const INTERFACE = 1
const OLD_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6
const OPTION_COMMENT = 1
const OPTION_RESOLUTION = 9
const OPTION_OFFSET = 14

type Interface = {
  readonly linkType: number
  readonly snapOctets: number
  /** Of the time stamps, in a millisecond. */
  readonly perMillisecond: number
  /** Milliseconds to add. */
  readonly offset: number
}

/** One pass over the blocks (draft-ietf-opsawg-pcapng §3.1); kinds that say nothing of packets are stepped over. */
class PcapngReading {
  readonly #file: Uint8Array
  readonly #view: DataView
  readonly #frames: CapturedFrame[] = []
  #interfaces: Interface[] = []
  #little = true

  constructor(file: Uint8Array, view: DataView) {
    this.#file = file
    this.#view = view
  }

  read(): CaptureFile {
    let at = 0
    while (at < this.#file.length) {
      const length = this.#blockLength(at)
      if (length === undefined) return this.#ended(cutShort(this.#frames))
      if (this.#frames.length === MOST_FRAMES)
        return this.#ended(`only the first ${MOST_FRAMES} frames were read`)
      const problem = this.#block(this.#u32(at), at + 8, at + length - 4)
      if (problem !== undefined) return this.#ended(problem)
      at += length
    }
    return { format: 'pcapng', frames: this.#frames }
  }

  #ended(problem: string): CaptureFile {
    return { format: 'pcapng', frames: this.#frames, problem }
  }

  /** The byte order of a section stands inside its first block, which reads the same in both. */
  #blockLength(at: number): number | undefined {
    const left = this.#file.length - at
    if (left < 12) return undefined
    if (this.#view.getUint32(at) === SECTION_HEADER) {
      this.#little = this.#view.getUint32(at + 8, true) === BYTE_ORDER
      if (!this.#little && this.#view.getUint32(at + 8) !== BYTE_ORDER) return undefined
    }
    const length = this.#u32(at + 4)
    return length < 12 || length % 4 !== 0 || length > left ? undefined : length
  }

  /** @returns why reading ends here. */
  #block(type: number, start: number, end: number): string | undefined {
    switch (type) {
      case SECTION_HEADER:
        this.#interfaces = []
        return undefined
      case INTERFACE:
        return this.#interface(start, end)
      case ENHANCED_PACKET: {
        if (end - start < 20) return cutShort(this.#frames)
        const [index, high, low] = [this.#u32(start), this.#u32(start + 4), this.#u32(start + 8)]
        return this.#packet(index, high * 2 ** 32 + low, start + 12, end)
      }
      case OLD_PACKET: {
        if (end - start < 20) return cutShort(this.#frames)
        const index = this.#view.getUint16(start, this.#little)
        const stamp = this.#u32(start + 4) * 2 ** 32 + this.#u32(start + 8)
        return this.#packet(index, stamp, start + 12, end)
      }
      case SIMPLE_PACKET:
        return this.#simplePacket(start, end)
      default:
        return undefined
    }
  }

  #interface(start: number, end: number): string | undefined {
    if (end - start < 8) return 'an interface is described too shortly'
    if (this.#interfaces.length === MOST_INTERFACES)
      return `more than ${MOST_INTERFACES} interfaces`
    let [perMillisecond, offset] = [1_000, 0]
    for (const { code, at, octets } of this.#options(start + 8, end)) {
      if (code === OPTION_RESOLUTION && octets === 1) {
        const value = this.#view.getUint8(at)
        const perSecond = (value & 0x80) === 0 ? 10 ** value : 2 ** (value & 0x7f)
        perMillisecond = perSecond / 1_000
      }
      if (code === OPTION_OFFSET && octets === 8)
        offset = Number(this.#view.getBigInt64(at, this.#little)) * 1_000
    }
    this.#interfaces.push({
      linkType: this.#view.getUint16(start, this.#little),
      snapOctets: this.#u32(start + 4),
      perMillisecond,
      offset,
    })
    return undefined
  }

  /** `at`: the two lengths, then the frame, filled up to four octets, then options. */
  #packet(index: number, stamp: number, at: number, end: number): string | undefined {
    const by = this.#interfaces[index]
    if (by === undefined) return `frame ${this.#frames.length + 1} names no interface`
    const octets = this.#u32(at)
    const start = at + 8
    if (octets > end - start) return cutShort(this.#frames)
    let comment: string | undefined
    for (const option of this.#options(start + Math.ceil(octets / 4) * 4, end)) {
      if (option.code === OPTION_COMMENT) comment ??= this.#text(option)
    }
    this.#frames.push({
      number: this.#frames.length + 1,
      at: stamp / by.perMillisecond + by.offset,
      linkType: by.linkType,
      octets: this.#file.subarray(start, start + octets),
      originalOctets: this.#u32(at + 4),
      ...(comment === undefined ? {} : { comment }),
    })
    return undefined
  }

  /** Without a time; as many octets as the block holds, the interface keeps, and the packet had. */
  #simplePacket(start: number, end: number): string | undefined {
    const [by] = this.#interfaces
    if (by === undefined) return `frame ${this.#frames.length + 1} names no interface`
    if (end - start < 4) return cutShort(this.#frames)
    const originalOctets = this.#u32(start)
    const snapOctets = by.snapOctets === 0 ? originalOctets : by.snapOctets
    const octets = Math.min(originalOctets, snapOctets, end - start - 4)
    this.#frames.push({
      number: this.#frames.length + 1,
      at: 0,
      linkType: by.linkType,
      octets: this.#file.subarray(start + 4, start + 4 + octets),
      originalOctets,
    })
    return undefined
  }

  *#options(start: number, end: number): Generator<Option> {
    let at = start
    while (end - at >= 4) {
      const code = this.#view.getUint16(at, this.#little)
      const octets = this.#view.getUint16(at + 2, this.#little)
      if (code === 0 || octets > end - at - 4) return
      yield { code, at: at + 4, octets }
      at += 4 + Math.ceil(octets / 4) * 4
    }
  }

  #text({ at, octets }: Option): string {
    return new TextDecoder().decode(this.#file.subarray(at, at + Math.min(octets, LONGEST_COMMENT)))
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little)
  }
}

type Option = { readonly code: number; readonly at: number; readonly octets: number }

function cutShort(frames: readonly unknown[]): string {
  return `the file is cut short or damaged behind frame ${frames.length}`
}
