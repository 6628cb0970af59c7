import type { Secret } from '#bytes/secret'
import { nodeCrypto } from '#crypto/node'
import { encryption, encryptionByIkev1, hashByIkev1 } from '#crypto/registry'
import { Phase1Attribute } from '#iana/ikev1'
import type { ExchangeName } from '#ike/events'
import { phase1Iv, phase2Iv } from '#ikev1/keys'
import { open } from '#ikev1/protect'
import type { IkeSuite } from '#policy/proposal'
import type { IkeHeader } from '#wire/ike-header'
import type { Payload, SaPayload } from '#wire/v1/payloads'

/** What became of an encrypted message. */
export type Opened = { readonly payloads?: readonly Payload[]; readonly sealed?: string }

/**
 * Follows the chain of IVs of one ISAKMP SA as a third party can: it needs the cipher's key, the choice of algorithms in message 2 and
 * both public values (RFC 2409 appendix B).
 */
export class MessageOpener {
  readonly #key: Secret | undefined
  readonly #publicValues: { initiator?: Uint8Array; responder?: Uint8Array } = {}
  readonly #exchangeIvs = new Map<number, Uint8Array>()
  #suite: IkeSuite | undefined
  /** The last block of phase 1 seen. */
  #lastBlock: Uint8Array | undefined

  constructor(key: Secret | undefined) {
    this.#key = key
  }

  /** From messages in clear. */
  learn(exchange: ExchangeName, payloads: readonly Payload[], fromInitiator: boolean): void {
    if (exchange !== 'main' && exchange !== 'aggressive') return
    for (const payload of payloads) {
      if (payload.type === 'SA' && !fromInitiator) this.#suite = suiteOf(payload)
      if (payload.type === 'KE')
        this.#publicValues[fromInitiator ? 'initiator' : 'responder'] = payload.data
    }
  }

  open(exchange: ExchangeName, header: IkeHeader, octets: Uint8Array): Opened {
    const key = this.#key
    if (key === undefined) return { sealed: 'encrypted; its key is not given' }
    const suite = this.#suite
    const first = this.#firstIv()
    if (suite === undefined || first === undefined)
      return { sealed: 'encrypted; the first messages of its SA are not in the capture' }
    if (encryption(suite.encryption).keyOctets !== key.octetLength)
      return { sealed: 'encrypted; the key given has another length than its cipher needs' }
    const phase1 = exchange === 'main' || exchange === 'aggressive'
    const last = this.#lastBlock ?? first
    const iv = phase1
      ? last
      : (this.#exchangeIvs.get(header.messageId) ??
        phase2Iv(nodeCrypto, suite, last, header.messageId))
    try {
      const { payloads, nextIv } = open(nodeCrypto, { suite, cipherKey: key }, iv, header, octets)
      if (phase1) this.#lastBlock = nextIv
      else this.#remember(header.messageId, nextIv)
      return { payloads: payloads.map(({ payload }) => payload) }
    } catch {
      return { sealed: 'encrypted; it does not decrypt with the key given' }
    }
  }

  #firstIv(): Uint8Array | undefined {
    const { initiator, responder } = this.#publicValues
    if (this.#suite === undefined || initiator === undefined || responder === undefined)
      return undefined
    return phase1Iv(nodeCrypto, this.#suite, initiator, responder)
  }

  #remember(messageId: number, iv: Uint8Array): void {
    const [oldest] = this.#exchangeIvs.keys()
    if (oldest !== undefined && this.#exchangeIvs.size >= MOST_EXCHANGES)
      this.#exchangeIvs.delete(oldest)
    this.#exchangeIvs.set(messageId, iv)
  }
}

const MOST_EXCHANGES = 1_000

/** The responder's choice, as far as it concerns messages. @returns undefined for what we do not know. */
function suiteOf({ proposals }: SaPayload): IkeSuite | undefined {
  const attributes = proposals[0]?.transforms[0]?.attributes ?? []
  const read = (name: Parameters<typeof Phase1Attribute.number>[0]): number | undefined => {
    const found = attributes.find(({ type }) => type === Phase1Attribute.number(name))
    return found?.form === 'short' ? found.value : undefined
  }
  const cipher = encryptionByIkev1(read('Encryption Algorithm') ?? 0, read('Key Length'))
  const hash = hashByIkev1(read('Hash Algorithm') ?? 0)
  if (cipher === undefined || hash === undefined) return undefined
  // The group says nothing of how messages are encrypted.
  return { encryption: cipher.name, hash: hash.name, keyExchange: 'modp2048' }
}
