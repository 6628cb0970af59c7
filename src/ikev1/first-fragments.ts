import { toHex } from '#bytes/hex'
import { drop } from '#ike/admission'
import type { Instant } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import type { Datagram, FirstMessages, IkeContext } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { FRAGMENT, FragmentAssembly, joinFragment } from './fragments.ts'

/**
 * Fragments of first messages. Nobody has shown anything yet, so all that is kept is one small table: a few messages of each address,
 * for a short time, and among peers from anywhere a few in all. Who floods it displaces others of its kind, whose repetition comes
 * again; peers known by their address lose nothing to strangers.
 */
export class FirstFragments implements FirstMessages {
  /** By address and initiator's SPI, oldest first. */
  readonly #partial = new Map<string, PartialMessage>()

  take(
    datagram: Datagram,
    header: IkeHeader,
    from: 'named' | 'anywhere',
    context: IkeContext,
  ): readonly [Datagram, IkeHeader] | undefined {
    if (header.nextPayload !== FRAGMENT) return [datagram, header]
    this.#expire(context.now)
    const key = `${datagram.remote.address} ${toHex(header.initiatorSpi)}`
    const partial = this.#partial.get(key) ?? this.#open(key, datagram, from, context)
    try {
      const whole = joinFragment(partial.assembly, datagram, header, context.now)
      if (whole !== undefined) this.#partial.delete(key)
      return whole
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof PeerViolation)) throw error
      this.#partial.delete(key)
      drop(datagram, 'malformed', `fragment of a first message: ${error.message}`, context)
      return undefined
    }
  }

  #open(
    key: string,
    datagram: Datagram,
    from: 'named' | 'anywhere',
    context: IkeContext,
  ): PartialMessage {
    const { address } = datagram.remote
    this.#makeRoom((one) => one.address === address, MOST_OF_ADDRESS, datagram, context)
    if (from === 'anywhere')
      this.#makeRoom((one) => one.from === from, MOST_OF_STRANGERS, datagram, context)
    const assembly = new FragmentAssembly({ octets: MOST_OCTETS, sets: 1 })
    const partial = { address, from, since: context.now, assembly }
    this.#partial.set(key, partial)
    return partial
  }

  /** The oldest goes: what is honest is complete within moments. */
  #makeRoom(
    isRival: (partial: PartialMessage) => boolean,
    most: number,
    datagram: Datagram,
    context: IkeContext,
  ): void {
    const rivals = [...this.#partial].filter(([, partial]) => isRival(partial))
    const [oldest] = rivals
    if (oldest === undefined || rivals.length < most) return
    this.#partial.delete(oldest[0])
    const detail = `${rivals.length} first messages are incomplete: the fragments of the oldest go`
    drop(datagram, 'admission', detail, context)
  }

  #expire(now: Instant): void {
    for (const [key, { since }] of this.#partial) {
      if (since + PATIENCE <= now) this.#partial.delete(key)
    }
  }
}

type PartialMessage = {
  readonly address: string
  readonly from: 'named' | 'anywhere'
  readonly since: Instant
  readonly assembly: FragmentAssembly
}

const MOST_OF_ADDRESS = 2
const MOST_OF_STRANGERS = 32
/** A first message has no certificates; two hundred names of CAs in Aggressive mode stay below. */
const MOST_OCTETS = 16_384
/** Milliseconds: past the first two repetitions of a peer that gives its messages other fragments each time. */
const PATIENCE = 10_000
