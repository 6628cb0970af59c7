import type { Secret } from '#bytes/secret'
import type { EspSuite } from '#policy/proposal'

/**
 * The memory all packets live in: one block, allocated once, so that native code can be given prepared addresses. Offsets
 * below count from its start.
 */
export type PacketArena = {
  readonly octets: Uint8Array
  readonly view: DataView
}

/**
 * The keyed part of one SA in one direction. Works in place on a whole ESP packet in the arena:
 * SPI (4) | sequence (4) | IV (ivOctets) | payload, padding, pad length, next header | ICV (icvOctets).
 * What is around the packet stays as it is, but the 16 octets behind it must be in the arena: some use them for a moment.
 * Allocates nothing per packet. Counter and AEAD modes use the 64-bit sequence number as IV, which never repeats under a key
 * (RFC 4106 §3.1, RFC 3686 §3.1, RFC 7634 §2); CBC uses an unpredictable one (RFC 3602 §3).
 */
export interface EspTransform {
  readonly ivOctets: number
  readonly icvOctets: number
  /** Payload + padding + 2 must be a multiple of it: the cipher block, at least 4 (RFC 4303 §2.4). */
  readonly alignment: number
  /**
   * Writes the IV, encrypts, writes the ICV. `length` counts the whole packet, ICV included; SPI and sequence stand there
   * already. `sequenceHigh` is used with ESN only (RFC 4303 §2.2.1). Called once for a sequence number, never twice.
   */
  seal(offset: number, length: number, sequenceHigh: number): void
  /** @returns false when the ICV is wrong; the content is then undefined. */
  open(offset: number, length: number, sequenceHigh: number): boolean
  /** Releases native contexts and forgets the keys. */
  free(): void
}

/** Makes transforms over one arena. `platform/openssl.ts` is the fast one, `dataplane/userspace/node-transform.ts` the portable one. */
export type EspTransformFactory = (
  direction: 'inbound' | 'outbound',
  suite: EspSuite,
  encryptionKey: Secret,
  integrityKey: Secret,
) => EspTransform
