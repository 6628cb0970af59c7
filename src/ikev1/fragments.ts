/**
 * IKE messages larger than the path takes, cut as Cisco, racoon and strongSwan do it in IKEv1. No RFC has it: the whole message, header
 * included and encrypted or not, is cut into FRAGMENT payloads, each alone in a clear message of phase 1's exchange with Message ID 0.
 *
 * Fragments are not authenticated, so all that is kept of them is bounded (CVE-2013-6076, CVE-2016-1287, CVE-2016-10396).
 */
import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import { type IpAddress, ipFamily } from '#bytes/ip'
import { PayloadType } from '#iana/isakmp'
import type { Instant } from '#ike/effects'
import { PeerViolation } from '#ike/errors'
import type { Datagram } from '#ike/version'
import { decodeHeader, type IkeHeader } from '#wire/ike-header'
import type { FragmentPayload } from '#wire/v1/payloads'
import { decodeClear, plainOf } from './clear-message.ts'
import { encodePlain } from './protect.ts'

/** Announces a fragment in the header. */
export const FRAGMENT: number = PayloadType.number('FRAGMENT')

/**
 * Octets an IKE message may have towards `remote` on a path of 1,280 octets, the least IPv6 promises (RFC 8200 §5): without the IP and
 * UDP headers and the non-ESP marker of port 4500.
 */
export function unfragmentedOctets(remote: IpAddress): number {
  return 1_280 - (ipFamily(remote) === 4 ? 20 : 40) - 8 - 4
}

/**
 * A repeated message gets the same fragments, so that those of both times make one.
 *
 * @param most octets of each of the messages that come out. @throws RangeError when more than 255 were needed
 */
export function cut(octets: Uint8Array, most: number, exchangeType: number): readonly Uint8Array[] {
  const id = (octets.at(-2) ?? 0) * 256 + (octets.at(-1) ?? 0) || 1
  const share = most - FRAGMENT_OVERHEAD
  const count = Math.ceil(octets.length / share)
  if (count > MOST_FRAGMENTS) throw new RangeError(`${octets.length} octets in ${count} fragments`)
  const header = { ...decodeHeader(octets), exchangeType, messageId: 0 }
  return Array.from({ length: count }, (_, i) =>
    encodePlain(header, [
      {
        type: 'FRAGMENT',
        id,
        number: i + 1,
        flags: i + 1 === count ? LAST : 0,
        data: octets.subarray(i * share, (i + 1) * share),
      },
    ]),
  )
}

/** @returns the message that is complete with this fragment. @throws MalformedMessage, PeerViolation */
export function joinFragment(
  fragments: FragmentAssembly,
  datagram: Datagram,
  header: IkeHeader,
  now: Instant,
): readonly [Datagram, IkeHeader] | undefined {
  const [only, another] = plainOf(decodeClear(datagram, header))
  if (only?.type !== 'FRAGMENT' || another !== undefined)
    throw violation('not alone in its message')
  const octets = fragments.take(only, now)
  if (octets === undefined) return undefined
  const whole = decodeHeader(octets)
  if (whole.nextPayload === FRAGMENT) throw violation('what they make is a fragment again')
  if (!hasSameSpis(whole, header)) throw violation('what they make belongs to another IKE SA')
  return [{ ...datagram, octets }, whole]
}

/** The fragments that came for one IKE SA, or for one that may become. */
export class FragmentAssembly {
  readonly #most: FragmentBounds
  /** Oldest first. */
  readonly #sets = new Map<number, FragmentSet>()

  /** @param most octets of a message, and messages under way at once */
  constructor(most: FragmentBounds = { octets: MOST_OCTETS, sets: MOST_SETS }) {
    this.#most = most
  }

  /** @returns the whole message once nothing of it is missing. @throws PeerViolation */
  take({ id, number, flags, data }: FragmentPayload, now: Instant): Uint8Array | undefined {
    if (number === 0) throw violation('fragment number 0; they count from 1')
    if (data.length === 0) throw violation(`fragment ${number} is empty`)
    const set = this.#setFor(id, number, data, now)
    if ((flags & LAST) !== 0) set.last = number
    if (number > set.last || Math.max(...set.parts.keys()) > set.last) {
      this.#sets.delete(id)
      throw violation(`fragment ${number} behind the last one, ${set.last}`)
    }
    if (!set.parts.has(number)) {
      set.octets += data.length
      if (set.octets > this.#most.octets) {
        this.#sets.delete(id)
        throw violation(`fragments of more than ${this.#most.octets} octets in all`)
      }
      set.parts.set(number, data.slice())
    }
    if (set.parts.size < set.last) return undefined
    this.#sets.delete(id)
    return concat(...[...set.parts].sort(([a], [b]) => a - b).map(([, part]) => part))
  }

  /** strongSwan gives all its messages the same id: other content under a number begins another message. */
  #setFor(id: number, number: number, data: Uint8Array, now: Instant): FragmentSet {
    const known = this.#sets.get(id)
    const stored = known?.parts.get(number)
    const same = stored === undefined || equalOctets(stored, data)
    if (known !== undefined && same && now < known.since + PATIENCE) return known
    this.#sets.delete(id)
    const [oldest] = this.#sets.keys()
    if (oldest !== undefined && this.#sets.size >= this.#most.sets) this.#sets.delete(oldest)
    const fresh = { since: now, parts: new Map(), octets: 0, last: MOST_FRAGMENTS + 1 }
    this.#sets.set(id, fresh)
    return fresh
  }
}

export type FragmentBounds = { readonly octets: number; readonly sets: number }

type FragmentSet = {
  readonly since: Instant
  readonly parts: Map<number, Uint8Array>
  octets: number
  /** Beyond all numbers until it is known. */
  last: number
}

function hasSameSpis(a: IkeHeader, b: IkeHeader): boolean {
  return equalOctets(a.initiatorSpi, b.initiatorSpi) && equalOctets(a.responderSpi, b.responderSpi)
}

function violation(detail: string): PeerViolation {
  return new PeerViolation('wrong-payload-content', detail)
}

const LAST = 1
/** ISAKMP header, generic header, and the fragment's own four octets. */
const FRAGMENT_OVERHEAD = 28 + 4 + 4
/** The number has one octet. */
const MOST_FRAGMENTS = 255
/** Certificate chains stay far below. */
const MOST_OCTETS = 65_536
/** Messages under way at once for one SA. */
const MOST_SETS = 2
/** Milliseconds a message may take to be complete: as long as it is repeated. */
const PATIENCE = 30_000
