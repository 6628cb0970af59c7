import { concat } from '#bytes/concat'
import { equalSecret } from '#bytes/equal'
import { toHex } from '#bytes/hex'
import { ExchangeType } from '#iana/isakmp'
import { PeerViolation } from '#ike/errors'
import type { DropReason } from '#ike/events'
import type { Datagram, Ends, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { encodePayloads } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { messageIdOctets, type Phase1Keys, phase2Hash, phase2Iv } from './keys.ts'
import type { PeerEnds } from './peer-ends.ts'
import { open, outgoingHeader, seal } from './protect.ts'
import type { Cookies } from './step.ts'

/** The exchanges that run under an ISAKMP SA. */
export type Phase2Exchange = 'quick' | 'informational' | 'transaction'

/** A message of phase 2 as its exchange sends it. */
export type OutgoingMessage = {
  readonly exchange: Phase2Exchange
  readonly messageId: number
  readonly role: 'initiator' | 'responder'
  readonly number: number
  readonly payloads: readonly Payload[]
}

/** Seals and opens the messages of phase 2: each begins with a HASH over what it carries (RFC 2409 §5.5, §5.7). */
export class Phase2Channel {
  readonly tunnel: string
  readonly keys: Phase1Keys
  readonly cookies: Cookies
  readonly #lastPhase1Block: Uint8Array
  readonly #ends: PeerEnds
  #octets = 0

  constructor(
    tunnel: string,
    keys: Phase1Keys,
    cookies: Cookies,
    lastPhase1Block: Uint8Array,
    ends: PeerEnds,
  ) {
    this.tunnel = tunnel
    this.keys = keys
    this.cookies = cookies
    this.#lastPhase1Block = lastPhase1Block
    this.#ends = ends
  }

  get ends(): Ends {
    return this.#ends
  }

  /** Sealed and opened under this SA's keys so far. */
  get octets(): number {
    return this.#octets
  }

  firstIv(messageId: number, { crypto }: IkeContext): Uint8Array {
    return phase2Iv(crypto, this.keys.suite, this.#lastPhase1Block, messageId)
  }

  ivOfMessageIdAlone(messageId: number, { crypto }: IkeContext): Uint8Array {
    return phase2Iv(crypto, this.keys.suite, new Uint8Array(0), messageId)
  }

  /** Puts the HASH payload before the others; the message comes back with it. `bound` is what the hash covers before the payloads: the Message ID, and from Quick mode message 2 on the nonces. */
  seal(
    message: OutgoingMessage,
    iv: Uint8Array,
    bound: readonly Uint8Array[],
    { crypto }: IkeContext,
    sealedOctets = 0,
  ): {
    readonly message: OutgoingMessage
    readonly octets: Uint8Array
    readonly nextIv: Uint8Array
  } {
    const { exchange, messageId, payloads } = message
    const data = phase2Hash(crypto, this.keys, ...bound, encodePayloads(payloads).octets)
    const hashed: readonly Payload[] = [{ type: 'HASH', data }, ...payloads]
    const header = outgoingHeader(this.cookies, EXCHANGE_NUMBERS[exchange], messageId)
    const sealed = seal(crypto, this.keys, iv, header, hashed, sealedOctets)
    this.#octets += sealed.octets.length
    return { message: { ...message, payloads: hashed }, ...sealed }
  }

  /**
   * Decrypts and checks the hash, which must come first and covers the payloads octet by octet as they were sent.
   * @throws MalformedMessage, or PeerViolation `bad-hash`
   */
  open(
    datagram: Datagram,
    header: IkeHeader,
    iv: Uint8Array,
    bound: readonly Uint8Array[],
    { crypto }: IkeContext,
  ): {
    readonly payloads: readonly Payload[]
    readonly hashed: readonly Payload[]
    readonly nextIv: Uint8Array
  } {
    const { payloads, plain, end, nextIv } = open(crypto, this.keys, iv, header, datagram.octets)
    const [first, ...others] = payloads
    if (first?.payload.type !== 'HASH')
      throw new PeerViolation('bad-hash', 'the first payload is no HASH')
    const expected = phase2Hash(crypto, this.keys, ...bound, plain.subarray(first.end, end))
    if (!equalSecret(expected, first.payload.data))
      throw new PeerViolation('bad-hash', 'HASH differs from the one computed')
    this.#octets += datagram.octets.length
    const carried = others.map(({ payload }) => payload)
    return { payloads: carried, hashed: [first.payload, ...carried], nextIv }
  }

  transmit(
    message: OutgoingMessage,
    octets: Uint8Array,
    repeat: number,
    context: IkeContext,
    how: 'as it fits' | 'whole' = 'as it fits',
  ): void {
    const { local, remote } = this.#ends
    if (how === 'whole') context.effects.push({ kind: 'send', octets, local, remote, whole: true })
    else this.#ends.send(octets, { local, remote }, context)
    this.#tell('sent', message, { octets, local, remote }, repeat, context)
  }

  tellReceived(message: OutgoingMessage, datagram: Datagram, context: IkeContext): void {
    this.#tell('received', message, datagram, 0, context)
  }

  drop(datagram: Datagram, reason: DropReason, detail: string, context: IkeContext): void {
    context.tell({ kind: 'dropped', tunnel: this.tunnel, remote: datagram.remote, reason, detail })
  }

  #tell(
    direction: 'sent' | 'received',
    message: OutgoingMessage,
    { octets, local, remote }: Datagram,
    repeat: number,
    context: IkeContext,
  ): void {
    context.tell({
      kind: 'message',
      tunnel: this.tunnel,
      direction,
      initiatorSpi: toHex(this.cookies.initiator),
      responderSpi: toHex(this.cookies.responder),
      local,
      remote,
      octets: octets.length,
      encrypted: true,
      repeat,
      ...message,
    })
  }
}

/** Message IDs are random and never zero, which is phase 1's (RFC 2408 §3.1). */
export function freshMessageId({ crypto }: IkeContext): number {
  const octets = crypto.random(4)
  return new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) || 1
}

/** What every phase 2 hash begins with. */
export function boundTo(
  messageId: number,
  ...nonces: readonly Uint8Array[]
): readonly Uint8Array[] {
  return [messageIdOctets(messageId), concat(...nonces)]
}

const EXCHANGE_NUMBERS: Readonly<Record<Phase2Exchange, number>> = {
  quick: ExchangeType.number('QUICK-MODE'),
  informational: ExchangeType.number('INFORMATIONAL'),
  transaction: ExchangeType.number('TRANSACTION'),
}
