import { ipFamily } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { encryption, integrity } from '#crypto/registry'
import { innerMtu, mssFor } from '#esp/mtu'
import type { Duration, Instant } from '#ike/effects'
import type { ChildSaFacts, Event, Failure, IkeSaFacts, TunnelSnapshot } from '#ike/events'
import type { EspSuite } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'
import type { Meeting, NatSides } from './pairing.ts'
import type { Side } from './rehearsal.ts'
import { type Circumstances, Scene } from './scene.ts'

/** What came of one end bringing the tunnel up with the other. */
export type Trial = {
  readonly begins: Beginning
  readonly came: 'up' | 'partly' | 'down'
  /** Until the last pair carried traffic. */
  readonly milliseconds?: Duration
  /** What each end told, by the clock of the rehearsal. */
  readonly events: Readonly<
    Record<Side, readonly { readonly at: Instant; readonly event: Event }[]>
  >
  /** As end a sees it. */
  readonly ikeSa?: IkeSaFacts
  /** The network pairs of end a. */
  readonly pairs: readonly PairFinding[]
  /** Pairs of end b that came up with none of a's. */
  readonly missing: readonly SelectorPair[]
  /** What each end makes of it, in the order it was told, each once. */
  readonly failures: Readonly<Record<Side, readonly Failure[]>>
  /** What each end did not take, in its words. */
  readonly dropped: Readonly<Record<Side, readonly string[]>>
}

/** Who begins; `by-hand` where neither file says that its end does. */
export type Beginning = { readonly end: Side; readonly how: 'always' | 'on-traffic' | 'by-hand' }

export type PairFinding = {
  readonly selectors: SelectorPair
  readonly childSa?: ChildSaFacts
  /** Whether each end opens what the other seals, tried with the keys installed. */
  readonly opens: Readonly<Record<Side, boolean>>
  /** On a path of 1500 octets, or what the files say where that is less; absent while the pair is down. */
  readonly mtu?: number
  readonly mss?: number
}

/**
 * Who would begin, by what the files say; someone to try it with, in any case that can be tried. Nobody calls into a NAT that forwards
 * nothing where the one behind it can begin itself.
 */
export function beginnings({ a, b }: Meeting, nat: NatSides = 'none'): readonly Beginning[] {
  const ends = [
    { end: 'a', tunnel: a, reaches: nat !== 'b' },
    { end: 'b', tunnel: b, reaches: nat === 'none' || nat === 'b' },
  ] as const
  const withAddress = ends.filter(({ tunnel }) => tunnel.peer !== 'any')
  const reaching = withAddress.filter(({ reaches }) => reaches)
  const callers = reaching.some(({ tunnel }) => tunnel.start !== 'respond') ? reaching : withAddress
  const willing = callers.flatMap(({ end, tunnel: { start } }) =>
    start === 'respond' ? [] : [{ end, how: start }],
  )
  if (willing.length > 0) return willing
  return callers.slice(0, 1).map(({ end }) => ({ end, how: 'by-hand' }))
}

/** Lets one end begin, on its own, and waits until all is up or it has given up. */
export function tryMeeting(
  meeting: Meeting,
  others: Readonly<Record<Side, readonly TunnelConfig[]>>,
  begins: Beginning,
  circumstances: Circumstances,
): Trial {
  const starts = { a: 'respond', b: 'respond', [begins.end]: startOf(begins) } as const
  const scene = new Scene(meeting, others, starts, circumstances)
  const events: Record<Side, { at: Instant; event: Event }[]> = { a: [], b: [] }
  for (const end of ENDS) {
    scene.gateway(end).listener = (event, at) => events[end].push({ at, event })
  }
  const { rehearsal } = scene
  rehearsal.start()
  if (begins.how === 'by-hand') bringUp(scene, meeting, begins.end)
  const gaveUp = () =>
    events[begins.end].find(({ event }) => isFailureOf(event, meeting[begins.end]))
  const limit = circumstances.loss > 0 ? LOSSY_LIMIT : LIMIT
  let upAt: Instant | undefined
  while (rehearsal.now < limit) {
    if (begins.how === 'on-traffic') sendThrough(scene, meeting, begins.end)
    rehearsal.runFor(STEP)
    if (isUp(scene, meeting)) {
      upAt = lastEstablished(events.a) ?? rehearsal.now
      break
    }
    const end = gaveUp()
    // What a lossy network spoils, the next attempt may bring.
    if (end !== undefined && circumstances.loss === 0 && rehearsal.now > end.at + AFTERMATH) break
  }
  rehearsal.runFor(AFTERMATH)
  return findings(scene, meeting, begins, events, upAt)
}

/** Whether every pair of both ends carries traffic both ways. */
export function isUp(scene: Scene, meeting: Meeting): boolean {
  const pairs = pairFindings(scene, meeting)
  return pairs.every(({ opens }) => opens.a && opens.b) && missingAtB(scene, meeting).length === 0
}

export function bringUp(scene: Scene, meeting: Meeting, end: Side): void {
  scene.rehearsal.command(scene.side(end), { kind: 'up', tunnel: meeting[end].name })
}

/** One packet into each pair of an end. */
export function sendThrough(scene: Scene, meeting: Meeting, end: Side): void {
  const { name, networks } = meeting[end]
  networks.forEach((_, pair) => {
    scene.rehearsal.sendData(scene.side(end), { tunnel: name, pair })
  })
}

export const ENDS: readonly Side[] = ['a', 'b']
const STEP = 50
/** Longer than any end waits for an answer. */
const LIMIT = 240_000
const LOSSY_LIMIT = 900_000
/** What one end's giving up still makes the other say. */
const AFTERMATH = 3_000
const PATH_MTU = 1_500

function startOf({ how }: Beginning): TunnelConfig['start'] {
  return how === 'by-hand' ? 'respond' : how
}

function findings(
  scene: Scene,
  meeting: Meeting,
  begins: Beginning,
  events: Trial['events'],
  upAt: Instant | undefined,
): Trial {
  const pairs = pairFindings(scene, meeting)
  const some = pairs.some(({ opens }) => opens.a && opens.b)
  const [ikeSa] = snapshotOf(scene, meeting, 'a')?.ikeSas ?? []
  return {
    begins,
    came: upAt !== undefined ? 'up' : some ? 'partly' : 'down',
    ...(upAt === undefined ? {} : { milliseconds: upAt }),
    events,
    ...(ikeSa === undefined ? {} : { ikeSa }),
    pairs,
    missing: missingAtB(scene, meeting),
    failures: { a: failuresOf(events.a, meeting.a), b: failuresOf(events.b, meeting.b) },
    dropped: { a: dropsOf(events.a), b: dropsOf(events.b) },
  }
}

function pairFindings(scene: Scene, meeting: Meeting): readonly PairFinding[] {
  const children = snapshotOf(scene, meeting, 'a')?.childSas ?? []
  return meeting.a.networks.map((selectors, index) => {
    const childSa = children.findLast(
      ({ child, state }) => child.pair === index && state === 'active',
    )
    if (childSa === undefined) return { selectors, opens: { a: false, b: false } }
    const opens = {
      a: isOpened(scene, 'a', childSa.inboundSpi),
      b: isOpened(scene, 'b', childSa.outboundSpi),
    }
    const fits = innerMtu(
      PATH_MTU,
      ipFamily(meeting.a.local),
      childSa.encapsulation,
      childSa.mode,
      espSizes(childSa.suite),
    )
    const mtu = Math.min(fits, meeting.a.mtu ?? fits, meeting.b.mtu ?? fits)
    return { selectors, childSa, opens, mtu, mss: mssFor(mtu, selectors.local.family) }
  })
}

/** Whether an end opens what the other seals for its SPI. */
function isOpened(scene: Scene, receiver: Side, spi: number): boolean {
  const sender = scene.gateway(receiver === 'a' ? 'b' : 'a')
  const sealed = sender.dataPlane.outbound.find((sa) => sa.spi === spi)
  return sealed !== undefined && scene.gateway(receiver).dataPlane.verdictOn(sealed) === 'opened'
}

function missingAtB(scene: Scene, meeting: Meeting): readonly SelectorPair[] {
  const children = snapshotOf(scene, meeting, 'b')?.childSas ?? []
  return meeting.b.networks.filter(
    (_, index) => !children.some(({ child, state }) => child.pair === index && state === 'active'),
  )
}

function snapshotOf(scene: Scene, meeting: Meeting, end: Side): TunnelSnapshot | undefined {
  const snapshots = scene.gateway(end).snapshot(scene.rehearsal.now)
  return snapshots.find(({ tunnel }) => tunnel === meeting[end].name)
}

function isFailureOf(event: Event, { name }: TunnelConfig): boolean {
  return event.kind === 'negotiation-failed' && event.tunnel === name
}

/** A hint in clear counts where nothing firmer was said. */
function failuresOf(told: Trial['events'][Side], { name }: TunnelConfig): readonly Failure[] {
  const of = (kind: 'negotiation-failed' | 'refusal-hinted') =>
    told.flatMap(({ event }) =>
      event.kind === kind && event.tunnel === name ? [event.failure] : [],
    )
  const failures = of('negotiation-failed')
  const all = failures.length > 0 ? failures : of('refusal-hinted')
  const key = ({ code, summary }: Failure) => `${code} ${summary}`
  return all.filter((one, index) => all.findIndex((other) => key(other) === key(one)) === index)
}

function dropsOf(told: Trial['events'][Side]): readonly string[] {
  const texts = told.flatMap(({ event }) =>
    event.kind === 'dropped' ? [`${event.reason}: ${event.detail}`] : [],
  )
  return [...new Set(texts)]
}

function lastEstablished(told: Trial['events'][Side]): Instant | undefined {
  return told.findLast(({ event }) => event.kind === 'child-sa-established')?.at
}

function espSizes({ encryption: name, integrity: mac }: EspSuite) {
  const { ivOctets, blockOctets, icvOctets } = encryption(name)
  return {
    ivOctets,
    icvOctets: mac === 'none' ? icvOctets : integrity(mac).icvOctets,
    alignment: Math.max(4, blockOctets),
  }
}
