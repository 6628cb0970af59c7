import type { TunnelConfig } from '#config/config'
import { espSpi } from '#esp/sa'
import {
  derivePhase1Keys,
  messageIdOctets,
  type Phase1Keys,
  phase1Hash,
  phase1Iv,
  skeyidFromPsk,
} from '#ikev1/keys'
import { choosePhase1 } from '#ikev1/phase1-proposals'
import { open, seal } from '#ikev1/protect'
import { chooseChild } from '#ikev1/quick-proposals'
import { phase1Wish } from '#ikev1/transitions/phase1-steps'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { identityToPayload } from '#wire/v1/id-payload'
import { encodePayloadBody } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { pskOf } from './psk.ts'
import { type Beside, type Received, ScriptedPeer } from './scripted-peer.ts'

/** Plays side b: answers the engine of side a as a responder does, with whatever a test adds or changes. */
export class ScriptedResponder extends ScriptedPeer {
  #message1: Received | undefined

  constructor(rehearsal: Rehearsal, tunnel: TunnelConfig, seed = 99) {
    super(rehearsal, tunnel, seed, 'b')
  }

  /** Whether a message 1 has come. */
  isAsked(): boolean {
    this.#message1 ??= this.receive().find(({ header }) => header.messageId === 0)
    return this.#message1 !== undefined
  }

  /** Messages 2, 4 and 6. @throws Error where the engine does not go on as an initiator does. */
  answerMainMode(beside: Beside = {}): readonly Received[] {
    const { keys, iv, payloads } = this.#takeMessage5(beside)
    const header = this.header('IDENTITY-PROTECTION', 0)
    const message6 = seal(this.crypto, keys, iv, header, payloads)
    this.establish(keys, message6.nextIv)
    return this.sendOctets(message6.octets)
  }

  /** Messages 2 and 4; in place of message 6 a refusal under the keys, by a side that stays in phase 1. */
  refuseMessage5(refusal: Payload): readonly Received[] {
    this.establish(this.#takeMessage5({}).keys, new Uint8Array(0))
    return this.sendProtected('INFORMATIONAL', [refusal])
  }

  #takeMessage5(beside: Beside): {
    keys: Phase1Keys
    iv: Uint8Array
    payloads: readonly Payload[]
  } {
    this.isAsked()
    const message1 = this.#message1
    if (message1 === undefined) throw new Error('no message 1')
    this.#message1 = undefined
    this.initiatorSpi = message1.header.initiatorSpi.slice()
    this.responderSpi = this.crypto.random(8)
    const offer = one(this.read(message1), 'SA')
    const psk = pskOf(this.tunnel)
    const choice = choosePhase1(offer, phase1Wish(this.tunnel, 'responder'))
    if (choice === undefined) throw new Error('no suite in common')
    const { suite, answer } = choice
    const [message3] = this.#main([answer, ...(beside[2] ?? [])])
    if (message3 === undefined) throw new Error('no message 3')
    const theirs = this.read(message3)
    const publicI = one(theirs, 'KE').data
    const nonceI = one(theirs, 'NONCE').data
    const own = this.agreement.generateKeyPair(suite.keyExchange)
    const nonceR = this.crypto.random(32)
    const [message5] = this.#main([
      { type: 'KE', data: own.publicValue },
      { type: 'NONCE', data: nonceR },
      ...(beside[4] ?? []),
    ])
    if (message5 === undefined) throw new Error('no message 5')
    const transcript = {
      initiatorCookie: this.initiatorSpi,
      responderCookie: this.responderSpi,
      nonceI,
      nonceR,
      publicI,
      publicR: own.publicValue,
    }
    const sharedSecret = this.agreement.agree(suite.keyExchange, own, publicI)
    const skeyid = skeyidFromPsk(this.crypto, suite, psk, nonceI, nonceR)
    const keys = derivePhase1Keys(this.crypto, suite, skeyid, sharedSecret, transcript)
    const iv = phase1Iv(this.crypto, suite, publicI, own.publicValue)
    const opened = open(this.crypto, keys, iv, message5.header, message5.octets)
    const id = identityToPayload(this.tunnel.localId)
    const saBody = encodePayloadBody(offer)
    const idBody = encodePayloadBody(id)
    const data = phase1Hash(this.crypto, keys, 'responder', transcript, saBody, idBody)
    const payloads: Payload[] = [id, { type: 'HASH', data }, ...(beside[6] ?? [])]
    return { keys, iv: opened.nextIv, payloads }
  }

  /** Answers message 1 of Quick mode without PFS; `change` makes the payloads of message 2 what a test wants. @returns message 3, if it comes. */
  answerQuick(
    message1: Received,
    change: (payloads: readonly Payload[], spi: Uint8Array) => readonly Payload[] = (same) => same,
  ): readonly Received[] {
    const { messageId } = message1.header
    const theirs = this.read(message1)
    const { phase2, mode } = this.tunnel
    const wish = { ...phase2, mode, udp: false } as const
    const spi = espSpi(this.freshMessageId() | 0x1000)
    const choice = chooseChild(one(theirs, 'SA'), wish, spi)
    if (choice === undefined) throw new Error('no child suite in common')
    const nonceI = one(theirs, 'NONCE').data
    const payloads: readonly Payload[] = [
      choice.answer,
      { type: 'NONCE', data: this.crypto.random(32) },
      ...theirs.filter(({ type }) => type === 'ID'),
    ]
    const bound = [messageIdOctets(messageId), nonceI]
    return this.sendBound('QUICK-MODE', messageId, bound, change(payloads, messageIdOctets(spi)))
  }

  #main(payloads: readonly Payload[]): readonly Received[] {
    return this.sendOctets(this.plain('IDENTITY-PROTECTION', payloads))
  }
}

/** The one payload of a type. */
function one<Type extends Payload['type']>(
  payloads: readonly Payload[],
  type: Type,
): Extract<Payload, { type: Type }> {
  const found = payloads.find((payload) => payload.type === type)
  if (found === undefined) throw new Error(`no ${type} payload`)
  return found as Extract<Payload, { type: Type }>
}
