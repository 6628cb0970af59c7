import { equalSecret } from '#bytes/equal'
import type { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import type { Crypto } from '#crypto/port'
import { PeerViolation } from '#ike/errors'
import type { IkeContext } from '#ike/version'
import { decodeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { keyVariants } from './key-variants.ts'
import {
  derivePhase1Keys,
  messageIdOctets,
  type Phase1Keys,
  phase1Hash,
  phase1Iv,
  phase2Hash,
  phase2Iv,
  skeyidFromPsk,
} from './keys.ts'
import { type Opened, open } from './protect.ts'
import type { Keyed, ShownProof } from './state.ts'

/** Looks for the key a peer uses in place of ours; says it in words, or finds nothing. */
export type KeySearch = (fits: (key: Secret) => boolean) => string | undefined

/** Among variants of our own key, for the operator alone, seldom and bounded: what it finds changes nothing for the peer. */
export function keySearch(
  tunnel: TunnelConfig,
  { tunnels, rareWork, now }: Pick<IkeContext, 'tunnels' | 'rareWork' | 'now'>,
): KeySearch {
  const { authentication, name } = tunnel
  if (authentication.kind !== 'psk') return () => undefined
  return (fits) =>
    rareWork.result(`key of ${name}`, now, () => {
      const others = tunnels.flatMap((other) =>
        other.authentication.kind === 'psk' && other.name !== name
          ? [{ tunnel: other.name, key: other.authentication.psk }]
          : [],
      )
      return keyVariants(authentication.psk, others).find(({ key }) => fits(key))?.words
    })
}

/** Whether message 5 of Main mode was sealed, and its sender proven, with this key. */
export function opensMessage5(
  crypto: Crypto,
  keyed: Keyed,
  octets: Uint8Array,
  key: Secret,
): boolean {
  const keys = keysWith(crypto, keyed, key)
  const { payloads = [] } =
    opening(() => open(crypto, keys, keyed.iv, decodeHeader(octets), octets)) ?? {}
  const id = payloads.find(({ payload }) => payload.type === 'ID')
  const hash = payloads.find(({ payload }) => payload.type === 'HASH')
  if (id === undefined || hash === undefined) return false
  const { transcript, saBody } = keyed
  const computed = phase1Hash(crypto, keys, 'initiator', transcript, saBody, id.body)
  return equalSecret(computed, hash.body)
}

/**
 * Whether an Informational message that answers our message 5 was sealed with this key. A peer that could not read message 5 goes on from the
 * first IV of phase 1, another one from the last block of ours (RFC 2409 appendix B leaves failures open).
 */
export function opensInformational(
  crypto: Crypto,
  keyed: Keyed,
  octets: Uint8Array,
  key: Secret,
): boolean {
  const { suite, transcript, iv } = keyed
  const keys = keysWith(crypto, keyed, key)
  const header = decodeHeader(octets)
  const lastBlocks = [phase1Iv(crypto, suite, transcript.publicI, transcript.publicR), iv]
  return lastBlocks.some((lastBlock) => {
    const first = phase2Iv(crypto, suite, lastBlock, header.messageId)
    const opened = opening(() => open(crypto, keys, first, header, octets))
    const [hash] = opened?.payloads ?? []
    if (opened === undefined || hash?.payload.type !== 'HASH') return false
    const hashed = opened.plain.subarray(hash.end, opened.end)
    const computed = phase2Hash(crypto, keys, messageIdOctets(header.messageId), hashed)
    return equalSecret(computed, hash.payload.data)
  })
}

/** Whether this key gives the hash the peer has shown. */
export function givesHash(
  crypto: Crypto,
  keyed: Keyed,
  peerRole: 'initiator' | 'responder',
  { idBody, octets }: ShownProof,
  key: Secret,
): boolean {
  const { transcript, saBody } = keyed
  const keys = keysWith(crypto, keyed, key)
  return equalSecret(phase1Hash(crypto, keys, peerRole, transcript, saBody, idBody), octets)
}

function keysWith(crypto: Crypto, keyed: Keyed, key: Secret): Phase1Keys {
  const { suite, transcript, sharedSecret } = keyed
  const skeyid = skeyidFromPsk(crypto, suite, key, transcript.nonceI, transcript.nonceR)
  return derivePhase1Keys(crypto, suite, skeyid, sharedSecret.reveal(), transcript)
}

/** @returns undefined for what is no message under that key. */
function opening(open: () => Opened): Opened | undefined {
  try {
    return open()
  } catch (error) {
    if (error instanceof MalformedMessage || error instanceof PeerViolation) return undefined
    throw error
  }
}
