import { ShortReadError } from '#bytes/reader'

/** What kind of mistake the octets have. */
export type MalformedCode =
  /** A field goes beyond the part of the message it belongs to. */
  | 'short'
  /** A length field contradicts what it counts. */
  | 'length'
  /** A reserved field is not zero; in a decrypted IKEv1 message most often the sign of a wrong key. */
  | 'reserved'
  /** More or fewer items than said, or than allowed. */
  | 'count'
  /** A number with no meaning in this place. */
  | 'value'
  /** Octets left over behind the last field. */
  | 'trailing'
  /** A payload where its type may not stand. */
  | 'misplaced'
  | 'unsupported-doi'
  | 'unsupported-situation'

/** Octets that cannot be decoded. `offset` counts from the start of the octets given to the decoder. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
  readonly code: MalformedCode
  /** Payload and field, such as `SA.proposals[0].spi`. */
  readonly field: string
  readonly offset: number
  readonly detail: string

  constructor(code: MalformedCode, field: string, offset: number, detail: string) {
    super(`${field} at octet ${offset}: ${detail}`)
    this.code = code
    this.field = field
    this.offset = offset
    this.detail = detail
  }
}

/** Runs a decoder; a short read in it becomes a MalformedMessage. */
export function decoding<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof ShortReadError)) throw error
    const { field, wanted, left, offset } = error
    throw new MalformedMessage('short', field, offset, `wanted ${wanted} octets, ${left} left`)
  }
}
