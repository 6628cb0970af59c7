import { concat } from '#bytes/concat'
import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { fixedCrypto, fixedKeyAgreement } from '#crypto/fixed'
import type { Crypto, KeyAgreement, KeyPair } from '#crypto/port'
import { encryption } from '#crypto/registry'
import { espSpi } from '#esp/sa'
import { ExchangeType } from '#iana/isakmp'
import {
  derivePhase1Keys,
  messageIdOctets,
  type Phase1Keys,
  phase1Hash,
  phase1Iv,
  phase2Hash,
  phase2Iv,
  skeyidFromPsk,
} from '#ikev1/keys'
import { offerPhase1 } from '#ikev1/phase1-proposals'
import { encodePlain, FLAG_ENCRYPTION, type OutgoingHeader, open, seal } from '#ikev1/protect'
import { offerChild } from '#ikev1/quick-proposals'
import { phase1Wish } from '#ikev1/transitions/phase1-steps'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'
import { decodeHeader, encodeHeader, HEADER_OCTETS, type IkeHeader } from '#wire/ike-header'
import { identityToPayload, selectorToPayload } from '#wire/v1/id-payload'
import { decodePayloads, encodePayloadBody, encodePayloads } from '#wire/v1/message'
import type { Payload, SaPayload } from '#wire/v1/payloads'
import { pskOf } from './psk.ts'
import { ADDRESS_A, ADDRESS_B } from './sites.ts'

/** How the HASH of a protected message stands: as it must, damaged, left out, or behind the other payloads. */
export type HashPlace = 'right' | 'wrong' | 'none' | 'last'

/** What runs under the keys. */
export type ProtectedExchange = 'INFORMATIONAL' | 'QUICK-MODE' | 'TRANSACTION' | 'NEW-GROUP-MODE'

export type Received = { readonly header: IkeHeader; readonly octets: Uint8Array }

/** Payloads a message of Main mode carries behind those it must have, by its number. */
export type Beside = { readonly [message: number]: readonly Payload[] }

/**
 * A peer at side a's address that does what a test tells it, message by message, and knows the key: it plays Main and Quick
 * mode as initiator against the engine of side b, and can send anything else under the keys. `ScriptedResponder` plays side b.
 */
export class ScriptedPeer {
  readonly crypto: Crypto
  readonly agreement: KeyAgreement = fixedKeyAgreement(99)
  initiatorSpi: Uint8Array
  responderSpi: Uint8Array = new Uint8Array(8)
  /** As the peer would be configured; `local` is its own address. */
  readonly tunnel: TunnelConfig
  local: Endpoint
  remote: Endpoint
  /** Set in the header of what is sent. */
  flags = 0
  lastSent: Uint8Array = new Uint8Array(0)
  readonly #plays: Side
  readonly #rehearsal: Rehearsal
  #read = 0
  #keys: Phase1Keys | undefined
  /** Where the CBC chain of phase 1 ended. */
  #lastBlock: Uint8Array = new Uint8Array(0)
  /** IVs of phase 2 exchanges by message ID. */
  readonly #ivs = new Map<number, Uint8Array>()

  constructor(rehearsal: Rehearsal, tunnel: TunnelConfig, seed = 99, plays: Side = 'a') {
    this.#rehearsal = rehearsal
    this.tunnel = tunnel
    this.#plays = plays
    const [local, remote] = plays === 'a' ? [ADDRESS_A, ADDRESS_B] : [ADDRESS_B, ADDRESS_A]
    this.local = { address: local, port: 500 }
    this.remote = { address: remote, port: 500 }
    this.crypto = fixedCrypto(seed)
    this.initiatorSpi = this.crypto.random(8)
  }

  /** Messages of the other side since the last time, oldest first. Lets a moment pass for answers to be computed. */
  receive(): readonly Received[] {
    this.#rehearsal.runFor(100)
    const fresh = this.#rehearsal.sent.slice(this.#read).filter(({ side }) => side !== this.#plays)
    this.#read = this.#rehearsal.sent.length
    return fresh.map(({ octets }) => ({ header: decodeHeader(octets), octets }))
  }

  /** Sends octets as they are, and gives back what the other side answered. */
  sendOctets(octets: Uint8Array): readonly Received[] {
    if (this.flags !== 0) octets[19] = (octets[19] ?? 0) | this.flags
    this.lastSent = octets
    this.#rehearsal.inject(this.#plays === 'a' ? 'b' : 'a', octets, this.remote, this.local)
    return this.receive()
  }

  plain(
    exchange: Parameters<typeof ExchangeType.number>[0],
    payloads: readonly Payload[],
    messageId = 0,
  ): Uint8Array {
    return encodePlain(this.header(exchange, messageId), payloads)
  }

  /** Message 1; the offer may be the test's own. */
  sendMessage1(
    offer: SaPayload = this.offer(),
    beside: readonly Payload[] = [],
  ): readonly Received[] {
    return this.sendOctets(this.plain('IDENTITY-PROTECTION', [offer, ...beside]))
  }

  offer(): SaPayload {
    return offerPhase1(phase1Wish(this.tunnel, 'initiator'))
  }

  /** Six messages. @throws Error where the engine does not answer as a responder does. */
  mainMode(beside: Beside = {}): void {
    const [message2] = this.sendMessage1(this.offer(), beside[1])
    if (message2 === undefined) throw new Error('no message 2')
    this.responderSpi = message2.header.responderSpi.slice()
    const { own, nonceI, nonceR, publicR } = this.#exchangeKeys(beside[3])
    const suite = this.tunnel.phase1.suites[0]
    if (suite === undefined) throw new Error('no suite')
    const transcript = {
      initiatorCookie: this.initiatorSpi,
      responderCookie: this.responderSpi,
      nonceI,
      nonceR,
      publicI: own.publicValue,
      publicR,
    }
    const sharedSecret = this.agreement.agree(suite.keyExchange, own, publicR)
    const skeyid = skeyidFromPsk(this.crypto, suite, pskOf(this.tunnel), nonceI, nonceR)
    const keys = derivePhase1Keys(this.crypto, suite, skeyid, sharedSecret, transcript)
    const id = identityToPayload(this.tunnel.localId)
    const saBody = encodePayloadBody(this.offer())
    const data = phase1Hash(
      this.crypto,
      keys,
      'initiator',
      transcript,
      saBody,
      encodePayloadBody(id),
    )
    const iv = phase1Iv(this.crypto, suite, own.publicValue, publicR)
    const header = this.header('IDENTITY-PROTECTION', 0)
    const message5 = seal(this.crypto, keys, iv, header, [
      id,
      { type: 'HASH', data },
      ...(beside[5] ?? []),
    ])
    const [message6] = this.sendOctets(message5.octets)
    if (message6?.header.exchangeType !== header.exchangeType) throw new Error('no message 6')
    const { nextIv } = open(this.crypto, keys, message5.nextIv, message6.header, message6.octets)
    this.establish(keys, nextIv)
  }

  /** What phase 1 came to: its keys, and the last CBC block that went over the wire. */
  establish(keys: Phase1Keys, lastBlock: Uint8Array): void {
    this.#keys = keys
    this.#lastBlock = lastBlock
  }

  /** What follows is sealed as by a side that has not taken phase 1 for done: its IVs are made of the Message ID alone. */
  stayInPhase1(): void {
    this.#lastBlock = new Uint8Array(0)
  }

  /** Sends `payloads` under the keys behind their HASH; a fresh message ID unless one is given. */
  sendProtected(
    exchange: ProtectedExchange,
    payloads: readonly Payload[],
    hash: HashPlace = 'right',
    messageId: number = this.freshMessageId(),
  ): readonly Received[] {
    return this.sendOctets(this.protect(exchange, payloads, hash, messageId))
  }

  protect(
    exchange: ProtectedExchange,
    payloads: readonly Payload[],
    hash: HashPlace,
    messageId: number,
  ): Uint8Array {
    const data = phase2Hash(
      this.crypto,
      this.#established(),
      messageIdOctets(messageId),
      encodePayloads(payloads).octets,
    )
    const hashPayload: Payload = { type: 'HASH', data: hash === 'wrong' ? damaged(data) : data }
    const all: Readonly<Record<HashPlace, readonly Payload[]>> = {
      right: [hashPayload, ...payloads],
      wrong: [hashPayload, ...payloads],
      none: payloads,
      last: [...payloads, hashPayload],
    }
    return this.#seal(exchange, messageId, all[hash])
  }

  /** Octets in place of a payload chain, behind a HASH that covers them. */
  protectOctets(
    exchange: ProtectedExchange,
    firstPayload: number,
    octets: Uint8Array,
    messageId: number,
  ): Uint8Array {
    const keys = this.#established()
    const data = phase2Hash(this.crypto, keys, messageIdOctets(messageId), octets)
    const chain = encodePayloads([{ type: 'HASH', data }])
    chain.octets[0] = firstPayload
    const { encryption: name } = keys.suite
    const { blockOctets } = encryption(name)
    const length = chain.octets.length + octets.length
    const plain = concat(chain.octets, octets, new Uint8Array(-length & (blockOctets - 1)))
    const iv = this.#iv(messageId)
    const sealed = this.crypto.encryptCbc(name, keys.cipherKey.reveal(), iv, plain)
    const header = encodeHeader({
      ...this.header(exchange, messageId),
      nextPayload: chain.firstPayload,
      majorVersion: 1,
      minorVersion: 0,
      flags: FLAG_ENCRYPTION,
      length: HEADER_OCTETS + sealed.length,
    })
    return concat(header, sealed)
  }

  /** Payloads of a protected message from the other side. */
  read({ header, octets }: Received): readonly Payload[] {
    if ((header.flags & FLAG_ENCRYPTION) === 0) {
      const { payloads } = decodePayloads(header.nextPayload, octets, HEADER_OCTETS)
      return payloads.map(({ payload }) => payload)
    }
    const iv = this.#iv(header.messageId)
    const { payloads, nextIv } = open(this.crypto, this.#established(), iv, header, octets)
    this.#ivs.set(header.messageId, nextIv)
    return payloads.map(({ payload }) => payload)
  }

  /** Message 1 of Quick mode for the tunnel's first network pair; tests change what they like. */
  quick1(): { sa: SaPayload; nonce: Payload; ids: readonly Payload[]; ke: readonly Payload[] } {
    const { phase2, networks, mode } = this.tunnel
    const [pair] = networks
    if (pair === undefined) throw new Error('no networks')
    const spi = espSpi(new DataView(this.crypto.random(4).buffer).getUint32(0) | 0x1000)
    const wish = { ...phase2, mode, udp: false } as const
    return {
      sa: offerChild(wish, spi),
      nonce: { type: 'NONCE', data: this.crypto.random(32) },
      ke:
        phase2.pfs === 'none'
          ? []
          : [{ type: 'KE', data: this.agreement.generateKeyPair(phase2.pfs).publicValue }],
      ids: [selectorToPayload(pair.local), selectorToPayload(pair.remote)],
    }
  }

  /** A message of an exchange that is under way: `bound` is what its HASH covers before the payloads. */
  sendBound(
    exchange: ProtectedExchange,
    messageId: number,
    bound: readonly Uint8Array[],
    payloads: readonly Payload[],
  ): readonly Received[] {
    const chain = encodePayloads(payloads).octets
    const data = phase2Hash(this.crypto, this.#established(), ...bound, chain)
    return this.sendOctets(this.#seal(exchange, messageId, [{ type: 'HASH', data }, ...payloads]))
  }

  /** The third message, which makes the responder use its outbound SA. */
  sendQuick3(messageId: number, nonceI: Uint8Array, nonceR: Uint8Array): readonly Received[] {
    const bound = [Uint8Array.of(0), messageIdOctets(messageId), nonceI, nonceR]
    return this.sendBound('QUICK-MODE', messageId, bound, [])
  }

  /** An exchange under this Message ID begins anew: its first IV is that of phase 1. */
  forget(messageId: number): void {
    this.#ivs.delete(messageId)
  }

  freshMessageId(): number {
    return new DataView(this.crypto.random(4).buffer).getUint32(0) || 1
  }

  cookies(): Uint8Array {
    return Uint8Array.of(...this.initiatorSpi, ...this.responderSpi)
  }

  #exchangeKeys(beside: readonly Payload[] = []): {
    own: KeyPair
    nonceI: Uint8Array
    nonceR: Uint8Array
    publicR: Uint8Array
  } {
    const group = this.tunnel.phase1.suites[0]?.keyExchange ?? 'modp2048'
    const own = this.agreement.generateKeyPair(group)
    const nonceI = this.crypto.random(32)
    const [message4] = this.sendOctets(
      this.plain('IDENTITY-PROTECTION', [
        { type: 'KE', data: own.publicValue },
        { type: 'NONCE', data: nonceI },
        ...beside,
      ]),
    )
    if (message4 === undefined) throw new Error('no message 4')
    const payloads = this.read(message4)
    const ke = payloads.find((payload) => payload.type === 'KE')
    const nonce = payloads.find((payload) => payload.type === 'NONCE')
    if (ke === undefined || nonce === undefined) throw new Error('message 4 lacks KE or NONCE')
    return { own, nonceI, nonceR: nonce.data, publicR: ke.data }
  }

  #seal(
    exchange: Parameters<typeof ExchangeType.number>[0],
    messageId: number,
    payloads: readonly Payload[],
  ): Uint8Array {
    const header = this.header(exchange, messageId)
    const iv = this.#iv(messageId)
    const { octets, nextIv } = seal(this.crypto, this.#established(), iv, header, payloads)
    this.#ivs.set(messageId, nextIv)
    return octets
  }

  #iv(messageId: number): Uint8Array {
    const keys = this.#established()
    return this.#ivs.get(messageId) ?? phase2Iv(this.crypto, keys.suite, this.#lastBlock, messageId)
  }

  #established(): Phase1Keys {
    if (this.#keys === undefined) throw new Error('Main mode has not been done')
    return this.#keys
  }

  header(exchange: Parameters<typeof ExchangeType.number>[0], messageId: number): OutgoingHeader {
    return {
      initiatorSpi: this.initiatorSpi,
      responderSpi: this.responderSpi,
      exchangeType: ExchangeType.number(exchange),
      messageId,
    }
  }
}

function damaged(octets: Uint8Array): Uint8Array {
  return octets.map((octet, i) => (i === octets.length - 1 ? octet ^ 1 : octet))
}
