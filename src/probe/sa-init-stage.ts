import type { KeyAgreement } from '#crypto/port'
import { ENCRYPTIONS, HASHES, INTEGRITIES, keyExchange, keyExchangeById } from '#crypto/registry'
import {
  encodeSaInit,
  readSaInit,
  type SaInitAnswer,
  type SaInitChoice,
  type SaInitProposal,
} from '#ike/sa-init-message'
import { WIDE_OFFER } from '#ike/version-probe'
import { formatEncryption, formatHash, formatKeyExchange } from '#policy/algorithm-names'
import { freshSpi, type Question, type Stage, type StageContext } from './stage.ts'

export type SaInitFindings =
  /** `first`: its own choice of our wide offer; `weak`: of nothing but weak algorithms, where it takes any. */
  | { readonly kind: 'taken'; readonly first: string; readonly weak?: string }
  /** It speaks IKEv2 and took nothing; `weak` as above. */
  | { readonly kind: 'refused'; readonly weak?: string }
  | { readonly kind: 'not-spoken' }
  | { readonly kind: 'silent' }

/**
 * Asks by IKE_SA_INIT (RFC 7296 §1.2): an offer of everything one would want, then one of nothing but weak algorithms. What is taken
 * stays half open at the peer until it expires there, so that it is these two and no more.
 */
export class SaInitStage implements Stage {
  readonly most = 6
  readonly mayAskAhead = false
  readonly tries = 2
  readonly #keyAgreement: KeyAgreement
  readonly #context: StageContext
  #offers: readonly Wish[] = [
    { what: 'first', proposals: WIDE_OFFER, group: keyExchange('modp2048').id },
    { what: 'weak', proposals: WEAK_OFFER, group: keyExchange('modp1024').id },
  ]
  #waiting = false
  #first: SaInitFindings = { kind: 'silent' }
  #weak: string | undefined

  constructor(keyAgreement: KeyAgreement, context: StageContext) {
    this.#keyAgreement = keyAgreement
    this.#context = context
  }

  next(): Question | undefined {
    const [wish, ...others] = this.#offers
    if (this.#waiting || wish === undefined) return undefined
    const group = keyExchangeById(wish.group)
    this.#offers = others
    if (group === undefined) return this.next()
    this.#waiting = true
    const spi = freshSpi(this.#context)
    const { publicValue } = this.#keyAgreement.generateKeyPair(group.name)
    return {
      octets: encodeSaInit({
        spi,
        proposals: wish.proposals,
        keyExchange: { group: wish.group, publicValue },
        nonce: this.#context.random(32),
        cookie: wish.cookie,
      }),
      silent: () => {
        this.#waiting = false
        // Who does not answer the first will not answer the second.
        if (wish.what === 'first') this.#offers = []
      },
      read: (octets) => {
        const answer = readSaInit(octets, spi)
        if (answer === undefined) return false
        this.#waiting = false
        this.#learn(wish, answer)
        return true
      },
    }
  }

  findings(): SaInitFindings {
    const first = this.#first
    if (this.#weak === undefined || first.kind === 'not-spoken' || first.kind === 'silent')
      return first
    return { ...first, weak: this.#weak }
  }

  #learn(wish: Wish, answer: SaInitAnswer): void {
    switch (answer.kind) {
      case 'taken': {
        this.#context.learnVendorIds(answer.vendorIds)
        const name = choiceName(answer.choice)
        if (wish.what === 'first') this.#first = { kind: 'taken', first: name }
        else this.#weak = name
        return
      }
      case 'cookie':
        if (wish.cookie === undefined) this.#askFirst({ ...wish, cookie: answer.cookie })
        return
      case 'other-group':
        this.#otherGroup(wish, answer.group)
        return
      case 'refused':
        if (wish.what === 'first') this.#first = { kind: 'refused' }
        return
      case 'other-version':
        this.#first = { kind: 'not-spoken' }
        this.#offers = []
        return
    }
  }

  /** Its choice is of that group: asked once more, with a public value of it where we can make one. */
  #otherGroup(wish: Wish, group: number | undefined): void {
    const offered =
      group !== undefined && wish.proposals.some(({ groups }) => groups.includes(group))
    if (wish.what === 'first') this.#first = { kind: 'refused' }
    if (!offered || wish.again === true) return
    this.#askFirst({ ...wish, group, again: true })
  }

  #askFirst(wish: Wish): void {
    this.#offers = [wish, ...this.#offers]
  }
}

type Wish = {
  readonly what: 'first' | 'weak'
  readonly proposals: readonly SaInitProposal[]
  readonly group: number
  readonly cookie?: Uint8Array
  readonly again?: boolean
}

/** `aes256gcm16-prfsha384-group20`, `aes256-sha256-group14`. */
function choiceName({ encryption, prf, integrity, group }: SaInitChoice): string {
  const cipher = ENCRYPTIONS.find(
    ({ ikev2 }) => ikev2?.id === encryption?.id && ikev2?.keyBits === encryption?.keyBits,
  )
  const code = INTEGRITIES.find(({ ikev2 }) => ikev2 === integrity)
  const digest = HASHES.find(({ ikev2Prf }) => ikev2Prf === prf)
  const agreement = group === undefined ? undefined : keyExchangeById(group)
  const des = encryption?.id === DES ? 'des' : `encryption(${encryption?.id})`
  return [
    cipher === undefined ? des : formatEncryption(cipher.name),
    ...(code === undefined ? [] : [formatHash(code.hash)]),
    ...(digest === undefined || digest.name === code?.hash
      ? []
      : [`prf${formatHash(digest.name)}`]),
    agreement === undefined ? `group${group}` : formatKeyExchange(agreement.name),
  ].join('-')
}

const DES = 2
const TRIPLE_DES = 3
const AES_CBC = 12
const MD5 = 1
const SHA1 = 2

/** RFC 8247 §2.1 to §2.4: each of these proposals has a part that SHOULD NOT or MUST NOT be. */
const WEAK_OFFER: readonly SaInitProposal[] = [
  {
    encryptions: [
      { id: AES_CBC, keyBits: 256 },
      { id: AES_CBC, keyBits: 128 },
      { id: TRIPLE_DES },
      { id: DES },
    ],
    prfs: [5, SHA1, MD5],
    integrities: [12, SHA1, MD5],
    groups: [2, 5, 22, 1],
  },
]
