/** One message to the peer, what answers it, and what to make of its silence. */
export type Question = {
  readonly octets: Uint8Array
  /** @returns whether the datagram answers this question; what it says is learnt then */
  readonly read: (octets: Uint8Array) => boolean
  /** Asked as often as it may be, and nothing came. */
  readonly silent: () => void
}

/** One part of a probe: asks until it knows enough. */
export interface Stage {
  /** Questions it may take, repetitions counted. */
  readonly most: number
  /** Whether several questions may be under way although the peer answers: where silence is its no. */
  readonly mayAskAhead: boolean
  /** How often a question is put before silence is an answer. */
  readonly tries: number
  /** Undefined while it waits for an answer; with none under way: it is done. */
  next(): Question | undefined
}

/** What all stages need. */
export type StageContext = {
  readonly random: (octets: number) => Uint8Array
  /** Something that needs no answer, sent when the pace allows. */
  readonly say: (octets: Uint8Array) => void
  readonly learnVendorIds: (vendorIds: readonly Uint8Array[]) => void
}

/** Never all zero: that would mean "not known yet" (RFC 2408 §3.1). */
export function freshSpi({ random }: StageContext): Uint8Array {
  const spi = random(8)
  return spi.some((octet) => octet !== 0) ? spi : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)
}

/** Of an exchange in clear; not zero (RFC 2409 §5.7). */
export function freshMessageId({ random }: StageContext): number {
  const octets = random(4)
  return (new DataView(octets.buffer, octets.byteOffset).getUint32(0) | 1) >>> 0
}
