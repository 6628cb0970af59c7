import { concat } from '#bytes/concat'
import { Secret } from '#bytes/secret'
import type { Crypto } from '#crypto/port'
import { encryption, type HashName, hash, integrity } from '#crypto/registry'
import type { EspSpi } from '#esp/sa'
import type { EspSuite, IkeSuite } from '#policy/proposal'

/** What phase 1 exchanged in clear and every derivation binds to. Cookies are 8 octets; nonces are the payload bodies Ni_b, Nr_b. */
export type Phase1Transcript = {
  readonly initiatorCookie: Uint8Array
  readonly responderCookie: Uint8Array
  readonly nonceI: Uint8Array
  readonly nonceR: Uint8Array
  readonly publicI: Uint8Array
  readonly publicR: Uint8Array
}

/** The keys of an ISAKMP SA (RFC 2409 §5) and the cipher key made of SKEYID_e (appendix B). */
export type Phase1Keys = {
  readonly suite: IkeSuite
  readonly skeyid: Secret
  readonly skeyidD: Secret
  readonly skeyidA: Secret
  readonly skeyidE: Secret
  readonly cipherKey: Secret
}

/** SKEYID for pre-shared keys: prf(pre-shared-key, Ni_b | Nr_b) (RFC 2409 §5.4). */
export function skeyidFromPsk(
  crypto: Crypto,
  suite: IkeSuite,
  psk: Secret,
  nonceI: Uint8Array,
  nonceR: Uint8Array,
): Secret {
  return new Secret(crypto.hmac(suite.hash, psk.reveal(), nonceI, nonceR))
}

/** SKEYID for signatures: prf(Ni_b | Nr_b, g^xy) (RFC 2409 §5). */
export function skeyidForSignatures(
  crypto: Crypto,
  suite: IkeSuite,
  sharedSecret: Uint8Array,
  nonceI: Uint8Array,
  nonceR: Uint8Array,
): Secret {
  return new Secret(crypto.hmac(suite.hash, concat(nonceI, nonceR), sharedSecret))
}

/** SKEYID_d, SKEYID_a, SKEYID_e (RFC 2409 §5): each is keyed with SKEYID and carries the one before. */
export function derivePhase1Keys(
  crypto: Crypto,
  suite: IkeSuite,
  skeyid: Secret,
  sharedSecret: Uint8Array,
  transcript: Pick<Phase1Transcript, 'initiatorCookie' | 'responderCookie'>,
): Phase1Keys {
  const bound = [sharedSecret, transcript.initiatorCookie, transcript.responderCookie]
  const prf = (...data: Uint8Array[]) => crypto.hmac(suite.hash, skeyid.reveal(), ...data)
  const skeyidD = prf(...bound, Uint8Array.of(0))
  const skeyidA = prf(skeyidD, ...bound, Uint8Array.of(1))
  const skeyidE = prf(skeyidA, ...bound, Uint8Array.of(2))
  return {
    suite,
    skeyid,
    skeyidD: new Secret(skeyidD),
    skeyidA: new Secret(skeyidA),
    skeyidE: new Secret(skeyidE),
    cipherKey: new Secret(cipherKey(crypto, suite, skeyidE)),
  }
}

/** The first IV of phase 1: hash(g^xi | g^xr), cut to the cipher's block (RFC 2409 appendix B). */
export function phase1Iv(
  crypto: Crypto,
  suite: IkeSuite,
  publicI: Uint8Array,
  publicR: Uint8Array,
): Uint8Array {
  return crypto
    .hash(suite.hash, publicI, publicR)
    .subarray(0, encryption(suite.encryption).blockOctets)
}

/** The first IV of a phase 2 exchange: hash(last CBC block of phase 1 | M-ID), cut to the block (RFC 2409 appendix B). */
export function phase2Iv(
  crypto: Crypto,
  suite: IkeSuite,
  lastPhase1Block: Uint8Array,
  messageId: number,
): Uint8Array {
  return crypto
    .hash(suite.hash, lastPhase1Block, messageIdOctets(messageId))
    .subarray(0, encryption(suite.encryption).blockOctets)
}

export function messageIdOctets(messageId: number): Uint8Array {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, messageId)
  return octets
}

/**
 * HASH_I and HASH_R (RFC 2409 §5): `idBody` is IDii_b or IDir_b, `saBody` always the initiator's SAi_b. `tied`: the hash a signature
 * method brings along, which then takes the place of the negotiated one here and nowhere else (RFC 2409 §5.1).
 */
export function phase1Hash(
  crypto: Crypto,
  keys: Phase1Keys,
  whose: 'initiator' | 'responder',
  transcript: Phase1Transcript,
  saBody: Uint8Array,
  idBody: Uint8Array,
  tied: HashName = keys.suite.hash,
): Uint8Array {
  const { publicI, publicR, initiatorCookie, responderCookie } = transcript
  const order =
    whose === 'initiator'
      ? [publicI, publicR, initiatorCookie, responderCookie]
      : [publicR, publicI, responderCookie, initiatorCookie]
  return crypto.hmac(tied, keys.skeyid.reveal(), ...order, saBody, idBody)
}

/** prf(SKEYID_a, …): HASH(1), HASH(2), HASH(3) of Quick mode and the hash of Informational exchanges (RFC 2409 §5.5, §5.7). */
export function phase2Hash(
  crypto: Crypto,
  keys: Phase1Keys,
  ...data: readonly Uint8Array[]
): Uint8Array {
  return crypto.hmac(keys.suite.hash, keys.skeyidA.reveal(), ...data)
}

/** What both keys of a Child SA are made from; `sharedSecret` only with PFS. */
export type QuickModeSecrets = {
  readonly nonceI: Uint8Array
  readonly nonceR: Uint8Array
  readonly sharedSecret?: Uint8Array
}

/** KEYMAT for the SA whose receiver chose `spi`, cut into cipher key (with salt) and integrity key (RFC 2409 §5.5). */
export function deriveChildKeys(
  crypto: Crypto,
  keys: Phase1Keys,
  suite: EspSuite,
  spi: EspSpi,
  { nonceI, nonceR, sharedSecret }: QuickModeSecrets,
): { readonly encryptionKey: Secret; readonly integrityKey: Secret } {
  const cipher = encryption(suite.encryption)
  const cipherOctets = cipher.keyOctets + cipher.saltOctets
  const integrityOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
  const seed = concat(
    sharedSecret ?? new Uint8Array(0),
    Uint8Array.of(ESP_PROTOCOL_ID),
    messageIdOctets(spi),
    nonceI,
    nonceR,
  )
  const keymat = expand(cipherOctets + integrityOctets, (last) =>
    crypto.hmac(keys.suite.hash, keys.skeyidD.reveal(), last, seed),
  )
  return {
    encryptionKey: new Secret(keymat.slice(0, cipherOctets)),
    integrityKey: new Secret(keymat.slice(cipherOctets)),
  }
}

/** Where SKEYID_e is too short for the cipher, Ka = K1 | K2 | … with K1 = prf(SKEYID_e, 0) (RFC 2409 appendix B). */
function cipherKey(crypto: Crypto, suite: IkeSuite, skeyidE: Uint8Array): Uint8Array {
  const wanted = encryption(suite.encryption).keyOctets
  if (wanted <= hash(suite.hash).octets) return skeyidE.slice(0, wanted)
  return expand(wanted, (last) =>
    crypto.hmac(suite.hash, skeyidE, last.length === 0 ? Uint8Array.of(0) : last),
  )
}

/** K1 | K2 | … where each block is made from the one before; the first from nothing. */
function expand(octets: number, next: (last: Uint8Array) => Uint8Array): Uint8Array {
  let last: Uint8Array = new Uint8Array(0)
  let all: Uint8Array = new Uint8Array(0)
  while (all.length < octets) {
    last = next(last)
    all = concat(all, last)
  }
  return all.slice(0, octets)
}

/** PROTO_IPSEC_ESP (RFC 2407 §4.4.1). */
const ESP_PROTOCOL_ID = 3
