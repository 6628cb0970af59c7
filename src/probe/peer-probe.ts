import { toHex } from '#bytes/hex'
import type { IpAddress } from '#bytes/ip'
import type { KeyAgreement } from '#crypto/port'
import type { Identity } from '#policy/identity'
import { type AggressiveFindings, AggressiveStage } from './aggressive-stage.ts'
import { type MainModeFindings, MainModeStage } from './main-mode-stage.ts'
import { type MethodFindings, MethodStage } from './method-stage.ts'
import type { MethodName } from './phase1-question.ts'
import { type SaInitFindings, SaInitStage } from './sa-init-stage.ts'
import type { Question, Stage, StageContext } from './stage.ts'

/** No more questions than these are put to a peer, repetitions counted. */
export const MOST_QUESTIONS = 40
/** Milliseconds between two datagrams of ours: ten a second. */
export const PACE = 100

export type PeerProbeOptions = {
  readonly random: (octets: number) => Uint8Array
  readonly keyAgreement: KeyAgreement
  /** Asks for Aggressive mode too, as this party. */
  readonly aggressive?: Identity | undefined
}

/** An ICMP error that came back for what we sent. */
export type ProbeIcmp = {
  readonly icmpType: number
  readonly icmpCode: number
  readonly reporter: IpAddress | undefined
}

export type ProbeFindings = {
  /** Questions that went out, repetitions counted. */
  readonly questions: number
  readonly heard: boolean
  /** Of the quickest answer, in milliseconds. */
  readonly roundTrip?: number
  readonly icmp?: ProbeIcmp
  /** One for each authentication method that had to be tried; the first with something accepted is the last. */
  readonly main: readonly MainModeFindings[]
  readonly methods?: MethodFindings
  readonly aggressive?: AggressiveFindings
  readonly saInit?: SaInitFindings
  readonly vendorIds: readonly Uint8Array[]
}

type UnderWay = { readonly question: Question; sentAt: number; tries: number }

/**
 * Asks one peer, without credentials and with few messages, what it would negotiate. It sends nothing and has no clock: whoever has a
 * socket sends what `poll` gives, says when, and hands in what comes.
 */
export class PeerProbe {
  readonly #options: PeerProbeOptions
  readonly #context: StageContext
  readonly #said: Uint8Array[] = []
  readonly #vendorIds = new Map<string, Uint8Array>()
  readonly #mains: MainModeStage[] = []
  #methods: MethodStage | undefined
  #aggressive: AggressiveStage | undefined
  #saInit: SaInitStage | undefined
  #stage: Stage | undefined
  #underWay: UnderWay[] = []
  #questions = 0
  #ofStage = 0
  #heard = false
  #roundTrip: number | undefined
  #icmp: ProbeIcmp | undefined
  #icmpCount = 0
  /** The stage has nothing to ask before an answer comes. */
  #waits = false
  #sentAt = Number.NEGATIVE_INFINITY
  #done = false

  constructor(options: PeerProbeOptions) {
    this.#options = options
    this.#context = {
      random: options.random,
      say: (octets) => void this.#said.push(octets),
      learnVendorIds: (vendorIds) => {
        for (const data of vendorIds) {
          if (this.#vendorIds.size < MOST_VENDOR_IDS) this.#vendorIds.set(toHex(data), data)
        }
      },
    }
    this.#stage = this.#nextStage()
  }

  get done(): boolean {
    return this.#done
  }

  /** Questions that went out. */
  get questions(): number {
    return this.#questions
  }

  /** What is to be sent at this moment, at most one datagram. */
  poll(now: number): Uint8Array | undefined {
    if (this.#done || now < this.#sentAt + PACE) return undefined
    const octets = this.#said.shift() ?? this.#due(now) ?? this.#ask(now)
    if (octets !== undefined) this.#sentAt = now
    return octets
  }

  /** When `poll` may have something to send, or notices that an answer will not come. */
  deadline(now: number): number {
    const pace = this.#sentAt + PACE
    const answers = this.#underWay.map(({ sentAt, tries }) => sentAt + this.#patience(tries))
    const busy = answers.length === 0 || this.#said.length > 0 || (this.#mayAsk() && !this.#waits)
    return Math.max(now, busy ? pace : Math.max(pace, Math.min(...answers)))
  }

  /** A datagram from the peer's address. */
  take(octets: Uint8Array, now: number): void {
    const answered = this.#underWay.find(({ question }) => question.read(octets))
    if (answered === undefined) return
    this.#underWay = this.#underWay.filter((one) => one !== answered)
    this.#waits = false
    this.#heard = true
    if (answered.tries > 1) return
    this.#roundTrip = Math.min(now - answered.sentAt, this.#roundTrip ?? Number.POSITIVE_INFINITY)
  }

  /** An ICMP error for one of our datagrams. Twice, without anything else: there is nothing to ask. */
  unreachable(icmp: ProbeIcmp): void {
    this.#icmp = icmp
    this.#icmpCount++
    if (!this.#heard && this.#icmpCount >= 2) this.#done = true
  }

  findings(): ProbeFindings {
    return {
      questions: this.#questions,
      heard: this.#heard,
      ...(this.#roundTrip === undefined ? {} : { roundTrip: this.#roundTrip }),
      ...(this.#icmp === undefined ? {} : { icmp: this.#icmp }),
      main: this.#mains.map((stage) => stage.findings()),
      ...(this.#methods === undefined ? {} : { methods: this.#methods.findings() }),
      ...(this.#aggressive === undefined ? {} : { aggressive: this.#aggressive.findings() }),
      ...(this.#saInit === undefined ? {} : { saInit: this.#saInit.findings() }),
      vendorIds: [...this.#vendorIds.values()],
    }
  }

  /** A question whose answer is late: asked once more, then given up. */
  #due(now: number): Uint8Array | undefined {
    for (const one of this.#underWay) {
      if (now < one.sentAt + this.#patience(one.tries)) continue
      if (one.tries < (this.#stage?.tries ?? 0) && this.#questions < MOST_QUESTIONS) {
        one.tries++
        one.sentAt = now
        this.#questions++
        this.#ofStage++
        return one.question.octets
      }
      this.#underWay = this.#underWay.filter((other) => other !== one)
      this.#waits = false
      one.question.silent()
    }
    return undefined
  }

  #ask(now: number): Uint8Array | undefined {
    while (this.#stage !== undefined) {
      const question = this.#mayAsk() ? this.#stage.next() : undefined
      if (question !== undefined) {
        this.#underWay.push({ question, sentAt: now, tries: 1 })
        this.#questions++
        this.#ofStage++
        return question.octets
      }
      if (this.#underWay.length > 0) {
        this.#waits = true
        return undefined
      }
      this.#stage = this.#nextStage()
      this.#ofStage = 0
    }
    this.#done = true
    return undefined
  }

  #mayAsk(): boolean {
    const stage = this.#stage
    if (stage === undefined || this.#ofStage >= stage.most) return false
    if (this.#questions >= MOST_QUESTIONS - this.#reserved()) return false
    const aheadOf = this.#heard ? (stage.mayAskAhead ? 4 : 1) : 16
    return this.#underWay.length < aheadOf
  }

  /** Questions kept for what comes later. */
  #reserved(): number {
    const forAggressive = this.#options.aggressive !== undefined && this.#aggressive === undefined
    return (forAggressive ? 4 : 0) + (this.#saInit === undefined ? 6 : 0)
  }

  #patience(tries: number): number {
    if (!this.#heard || this.#roundTrip === undefined) return tries === 1 ? 1_500 : 2_500
    return Math.min(3_000, Math.max(700, 4 * this.#roundTrip))
  }

  #nextStage(): Stage | undefined {
    const { aggressive, keyAgreement } = this.#options
    const found = this.#mains.map((stage) => stage.findings())
    const accepted = found.find((one) => one.accepted.length > 0)
    const [best] = accepted?.accepted ?? []
    const method = METHODS_TRIED[this.#mains.length]
    // Who says nothing to a pre-shared key may do the same to all it refuses. That it is there at all may come out with IKEv2.
    const spoken = this.#heard && !found.some(({ otherVersion }) => otherVersion)
    const silentBefore = found.length > 0 && found.every(({ notifies }) => notifies.length === 0)
    if (best === undefined && method !== undefined && (found.length === 0 || spoken)) {
      const most = MOST_OF_MAIN[this.#mains.length] ?? 0
      const stage = new MainModeStage({ method, most, silentBefore }, this.#context)
      this.#mains.push(stage)
      return stage
    }
    if (best !== undefined && accepted !== undefined && this.#methods === undefined) {
      this.#methods = new MethodStage(best, accepted.method, this.#context)
      return this.#methods
    }
    if (aggressive !== undefined && this.#aggressive === undefined) {
      const known = accepted?.accepted ?? []
      this.#aggressive = new AggressiveStage(aggressive, known, keyAgreement, this.#context)
      return this.#aggressive
    }
    if (this.#saInit !== undefined) return undefined
    this.#saInit = new SaInitStage(keyAgreement, this.#context)
    return this.#saInit
  }
}

const MOST_VENDOR_IDS = 64
/** Sites have keys or certificates; gateways for travellers, XAUTH. */
const METHODS_TRIED: readonly MethodName[] = [
  'pre-shared key',
  'RSA signatures',
  'XAUTHInitPreShared',
]
const MOST_OF_MAIN: readonly number[] = [30, 14, 4]
