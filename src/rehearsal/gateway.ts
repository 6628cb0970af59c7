import { messageOf } from '#bytes/thrown'
import type { Config } from '#config/config'
import type { Crypto, KeyAgreement } from '#crypto/port'
import type { Answer, Effect, Input, Instant, Question } from '#ike/effects'
import type { Event, TunnelSnapshot } from '#ike/events'
import type { Moment } from '#pki/moment'
import { sign } from '#pki/node-signatures'
import type { BareEcdsa } from '#pki/signature-scheme'
import { verifyPeer } from '#pki/verify-peer'
import { RecordedDataPlane } from './recorded-data-plane.ts'

/** The engine as the rehearsal sees it. */
export interface RehearsedEngine {
  handle(input: Input, now: Instant): readonly Effect[]
  snapshot(now: Instant): readonly TunnelSnapshot[]
}

export type PathWish =
  | Extract<Effect, { kind: 'probe-path' | 'limit-path' }>
  | { readonly kind: 'path-used'; readonly tunnel: string }

/** What an input made a gateway want from the world outside of it. */
export type Wishes = {
  readonly sends: readonly Extract<Effect, { kind: 'send' }>[]
  readonly questions: readonly { readonly id: number; readonly question: Question }[]
  /** About the path of a tunnel, in their order: probes, limits, and an SA that made it worth knowing. */
  readonly paths: readonly PathWish[]
  readonly wakeAt?: Instant
}

/** One side of a rehearsal: an engine, what it has told, and a data plane that records. */
export class SimulatedGateway {
  readonly dataPlane: RecordedDataPlane = new RecordedDataPlane()
  readonly events: Event[] = []
  /** Hears each event when it is told. */
  listener: (event: Event, now: Instant) => void = () => {}
  config: Config
  /** At which peers' certificates are judged. Nothing is fetched in a rehearsal. */
  date: Moment = REHEARSAL_DATE
  /** For IKEv1 with ECDSA. */
  bareEcdsa: BareEcdsa | undefined
  /** Counts restarts: what was planned for an earlier life is not for this one. */
  life = 0
  readonly #newEngine: () => RehearsedEngine
  readonly #agreement: KeyAgreement
  #engine: RehearsedEngine

  constructor(config: Config, newEngine: () => RehearsedEngine, agreement: KeyAgreement) {
    this.config = config
    this.#newEngine = newEngine
    this.#agreement = agreement
    this.#engine = newEngine()
  }

  /** @throws Error when the effects break their own rules, or SAs collide in the data plane. */
  handle(input: Input, now: Instant): Wishes {
    const effects = this.#engine.handle(input, now)
    const sends: Wishes['sends'][number][] = []
    const questions: Wishes['questions'][number][] = []
    const paths: PathWish[] = []
    let wakeAt: Instant | undefined
    for (const effect of effects) {
      if (wakeAt !== undefined) throw new Error(`an effect follows wake-at: ${effect.kind}`)
      if (effect.kind === 'send') sends.push(effect)
      if (effect.kind === 'ask') questions.push(effect)
      if (effect.kind === 'tell') this.#hear(effect.event, now)
      if (effect.kind === 'install-sa') {
        this.dataPlane.install(effect.sa)
        if (effect.sa.direction === 'outbound')
          paths.push({ kind: 'path-used', tunnel: effect.sa.child.tunnel })
      }
      if (effect.kind === 'probe-path' || effect.kind === 'limit-path') paths.push(effect)
      if (effect.kind === 'remove-sa') this.dataPlane.remove(effect)
      if (effect.kind === 'move-sas') {
        this.dataPlane.move(effect.tunnel, effect.local, effect.remote)
      }
      if (effect.kind === 'wake-at') wakeAt = effect.at
    }
    const wishes = { sends, questions, paths }
    return wakeAt === undefined ? wishes : { ...wishes, wakeAt }
  }

  snapshot(now: Instant): readonly TunnelSnapshot[] {
    return this.#engine.snapshot(now)
  }

  /** Forgets everything, as after a crash: nobody is told. */
  restart(): void {
    this.life++
    this.dataPlane.clear()
    this.#engine = this.#newEngine()
  }

  answer(question: Question): Answer {
    try {
      if (question.kind === 'sign') {
        const { key, scheme, data } = question
        const signature = sign(key, scheme, data, this.bareEcdsa)
        return { kind: 'signed', signature, at: this.date }
      }
      return question.kind === 'verify-peer'
        ? this.#verify(question)
        : answerWith(this.#agreement, question)
    } catch (error) {
      return { kind: 'refused', reason: messageOf(error) }
    }
  }

  #verify({ demands, evidence }: Extract<Question, { kind: 'verify-peer' }>): Answer {
    const nothing = { problem: 'nothing is fetched in a rehearsal' }
    const first = verifyPeer(demands, evidence, this.date, new Map(), this.bareEcdsa)
    if (first.kind !== 'fetch') return first
    const fetched = new Map(first.wanted.map(({ key }) => [key, nothing]))
    const second = verifyPeer(demands, evidence, this.date, fetched, this.bareEcdsa)
    return second.kind === 'fetch' ? { kind: 'refused', reason: nothing.problem } : second
  }

  #hear(event: Event, now: Instant): void {
    this.events.push(event)
    this.listener(event, now)
  }
}

export type EngineMaker = (crypto: Crypto) => RehearsedEngine

/** 2026-01-01T00:00:00Z, unless told otherwise: a rehearsal has no calendar. */
const REHEARSAL_DATE: Moment = 1_767_225_600_000

type Agreement = Exclude<Question, { kind: 'sign' | 'verify-peer' }>

function answerWith(agreement: KeyAgreement, question: Agreement): Answer {
  if (question.kind === 'generate-key-pair')
    return { kind: 'key-pair', own: agreement.generateKeyPair(question.group) }
  const own = question.kind === 'agree' ? question.own : agreement.generateKeyPair(question.group)
  const sharedSecret = agreement.agree(question.group, own, question.peerPublic)
  return { kind: 'agreed', own, sharedSecret }
}
