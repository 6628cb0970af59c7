import type { TunnelConfig } from '#config/config'
import { seededRandom } from '#crypto/seeded-random'
import type { Duration } from '#ike/effects'
import type { Meeting } from './pairing.ts'
import type { Side } from './rehearsal.ts'
import { type Circumstances, Scene } from './scene.ts'
import { type Beginning, bringUp, ENDS, isUp, sendThrough } from './trial.ts'

/** What becomes of a tunnel that is up, under one strain. */
export type Endurance = {
  readonly strain: Strain['kind']
  /** Simulated. */
  readonly milliseconds: Duration
  readonly rekeys: { readonly phase1: number; readonly phase2: number }
  /** Packets of both ends; `lost` does not count what the network itself lost. */
  readonly packets: { readonly sent: number; readonly lost: number }
  /** Of a restart: how long until traffic passed both ways again, by the end that restarted. */
  readonly recovery?: Readonly<Record<Side, Duration | undefined>>
  readonly ended: 'up' | 'down'
}

export type Strain =
  | { readonly kind: 'hours'; readonly hours: number }
  | { readonly kind: 'rekey-storm' }
  | { readonly kind: 'restart' }

/** Both ends do as their files say, with traffic in every pair all the time. */
export function endure(
  strain: Strain,
  meeting: Meeting,
  others: Readonly<Record<Side, readonly TunnelConfig[]>>,
  begins: Beginning,
  circumstances: Circumstances,
): Endurance {
  const starts = { a: meeting.a.start, b: meeting.b.start }
  const scene = new Scene(meeting, others, starts, circumstances)
  return new Trying(scene, meeting, begins, circumstances).endure(strain)
}

class Trying {
  readonly #scene: Scene
  readonly #meeting: Meeting
  readonly #begins: Beginning
  readonly #circumstances: Circumstances
  readonly #rekeys = { phase1: 0, phase2: 0 }

  constructor(scene: Scene, meeting: Meeting, begins: Beginning, circumstances: Circumstances) {
    this.#scene = scene
    this.#meeting = meeting
    this.#begins = begins
    this.#circumstances = circumstances
  }

  endure(strain: Strain): Endurance {
    const { rehearsal } = this.#scene
    rehearsal.start()
    if (this.#begins.how === 'by-hand') bringUp(this.#scene, this.#meeting, this.#begins.end)
    this.#untilUp()
    const from = rehearsal.now
    const before = { sent: rehearsal.traffic.sent, arrived: this.#arrived() }
    this.#countRekeys()
    const recovery = this.#suffer(strain)
    const sent = rehearsal.traffic.sent - before.sent
    return {
      strain: strain.kind,
      milliseconds: rehearsal.now - from,
      rekeys: this.#rekeys,
      packets: { sent, lost: sent - (this.#arrived() - before.arrived) },
      ...(recovery === undefined ? {} : { recovery }),
      ended: isUp(this.#scene, this.#meeting) ? 'up' : 'down',
    }
  }

  #suffer(strain: Strain): Endurance['recovery'] {
    switch (strain.kind) {
      case 'hours':
        this.#carry(strain.hours * HOUR, Math.max(1_000, (strain.hours * HOUR) / MOST_PACKETS))
        return undefined
      case 'rekey-storm':
        this.#storm()
        return undefined
      case 'restart':
        return { b: this.#restart('b'), a: this.#restart('a') }
    }
  }

  /** Rekeys asked for at any moment by either end, every fourth by both at once. */
  #storm(): void {
    const random = seededRandom(this.#circumstances.seed)
    const { rehearsal } = this.#scene
    for (let i = 0; i < STORM_REKEYS; i++) {
      const at = rehearsal.now + (random() % STORM_LASTS)
      const phase = random() % 4 === 0 ? 1 : 2
      const who = random() % 4 === 0 ? ENDS : ([random() % 2 === 0 ? 'a' : 'b'] as const)
      rehearsal.at(at, () => {
        for (const end of who) this.#command(end, phase)
      })
    }
    this.#carry(STORM_LASTS + SETTLES, 250)
  }

  #command(end: Side, phase: 1 | 2): void {
    const tunnel = this.#meeting[end].name
    this.#scene.rehearsal.command(this.#scene.side(end), { kind: 'rekey', tunnel, phase })
  }

  /** One end forgets everything, as by a crash. @returns how long traffic took to pass both ways again, if it did. */
  #restart(end: Side): Duration | undefined {
    const { rehearsal } = this.#scene
    this.#carry(2_000, 250)
    const from = rehearsal.now
    rehearsal.restart(this.#scene.side(end))
    while (rehearsal.now < from + RECOVERS_WITHIN) {
      this.#carry(250, 250)
      if (isUp(this.#scene, this.#meeting)) return rehearsal.now - from
    }
    return undefined
  }

  #carry(lasts: Duration, every: Duration): void {
    const { rehearsal } = this.#scene
    const end = rehearsal.now + lasts
    for (let at = rehearsal.now; at < end; at += every) {
      rehearsal.runUntil(at)
      this.#forget()
      for (const end of ENDS) sendThrough(this.#scene, this.#meeting, end)
    }
    // What is under way arrives.
    rehearsal.runUntil(end + 100)
  }

  /** What both said long ago: weeks of it would fill the memory. */
  #forget(): void {
    const { rehearsal } = this.#scene
    rehearsal.sent.length = 0
    for (const { events } of Object.values(rehearsal.gateways)) events.length = 0
  }

  #untilUp(): void {
    const { rehearsal } = this.#scene
    while (rehearsal.now < UP_WITHIN && !isUp(this.#scene, this.#meeting)) {
      if (this.#begins.how === 'on-traffic')
        sendThrough(this.#scene, this.#meeting, this.#begins.end)
      rehearsal.runFor(100)
    }
    rehearsal.runFor(1_000)
  }

  #arrived(): number {
    const { opened, lostOnTheWay } = this.#scene.rehearsal.traffic
    return opened + lostOnTheWay
  }

  #countRekeys(): void {
    this.#scene.gateway('a').listener = (event) => {
      if (event.kind === 'ike-sa-established') this.#rekeys.phase1++
      if (event.kind === 'child-sa-established') this.#rekeys.phase2++
    }
  }
}

const HOUR = 3_600_000
const MOST_PACKETS = 20_000
const STORM_LASTS = 60_000
const STORM_REKEYS = 40
const SETTLES = 30_000
const UP_WITHIN = 900_000
const RECOVERS_WITHIN = 300_000
