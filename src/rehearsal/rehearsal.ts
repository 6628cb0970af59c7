import type { Endpoint, IpAddress } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import { fixedCrypto, fixedKeyAgreement } from '#crypto/fixed'
import { type Random32, seededRandom } from '#crypto/seeded-random'
import type { ChildId, EspSpi, OutboundSa } from '#esp/sa'
import type { Command, Duration, Effect, Input, Instant, Question } from '#ike/effects'
import { Agenda } from './agenda.ts'
import { type EngineMaker, type PathWish, SimulatedGateway } from './gateway.ts'
import { SimulatedNat } from './nat.ts'
import {
  CLEAN_NETWORK,
  type Conditions,
  corruptOctets,
  type Parcel,
  SimulatedNetwork,
} from './network.ts'
import { SimulatedPath } from './path.ts'

export type Side = 'a' | 'b'

export type RehearsalSettings = {
  readonly seed: number
  readonly a: Config
  readonly b: Config
  readonly newEngine: EngineMaker
  readonly conditions?: Conditions
  /** Puts side a behind a NAT with this address towards b. */
  readonly nat?: IpAddress
  /** Puts side b behind a NAT with this address, which forwards the ports of IKE to it. */
  readonly forwarding?: IpAddress
  /** How long public-key work takes; each question its own time between the two. */
  readonly answerDelay?: { readonly least: Duration; readonly most: Duration }
}

/** What became of data packets, over the whole rehearsal. */
export type Traffic = {
  sent: number
  opened: number
  /** Lost or damaged by the network itself. */
  lostOnTheWay: number
  noSa: number
  /** Arrived and could not be opened. */
  refused: Record<'unknown SPI' | 'wrong key' | 'other selectors', number>
}

/**
 * Two gateways on a simulated network and clock. Everything that happens is decided by the seed and the calls made: a
 * failing run is repeated by doing the same again.
 */
export class Rehearsal {
  readonly gateways: Readonly<Record<Side, SimulatedGateway>>
  readonly network: SimulatedNetwork
  readonly nat: SimulatedNat | undefined
  readonly traffic: Traffic = {
    sent: 0,
    opened: 0,
    lostOnTheWay: 0,
    noSa: 0,
    refused: { 'unknown SPI': 0, 'wrong key': 0, 'other selectors': 0 },
  }
  /** IKE datagrams in the order they were sent, for tests that look at or replay them. */
  readonly sent: Sent[] = []
  /** Sees each IKE datagram before the network does; `undefined` swallows it. */
  intercept: (sent: Sent) => Uint8Array | undefined = ({ octets }) => octets
  /** How wide the network is, and who inside answers. */
  readonly path: SimulatedPath = new SimulatedPath()
  now: Instant = 0
  readonly #agenda = new Agenda<Task>()
  readonly #forwarding: IpAddress | undefined
  readonly #random: Random32
  readonly #answerDelay: { readonly least: Duration; readonly most: Duration }
  readonly #wakeAt: Record<Side, Instant | undefined> = { a: undefined, b: undefined }
  /** Numbers of the data packets opened: the second copy of one is a replay. */
  readonly #opened = new Set<number>()
  readonly #unknownToldAt: Record<Side, Instant> = { a: -1_000, b: -1_000 }
  #steps = 0

  constructor(settings: RehearsalSettings) {
    const { seed, a, b, newEngine, conditions, nat } = settings
    this.#random = seededRandom(seed)
    this.#answerDelay = settings.answerDelay ?? { least: 1, most: 5 }
    this.network = new SimulatedNetwork(conditions ?? CLEAN_NETWORK, this.#random)
    this.#forwarding = settings.forwarding
    this.nat = nat === undefined ? undefined : new SimulatedNat(nat, this.#random)
    const gateway = (config: Config, own: number): SimulatedGateway => {
      const crypto = fixedCrypto(own)
      return new SimulatedGateway(config, () => newEngine(crypto), fixedKeyAgreement(own))
    }
    this.gateways = { a: gateway(a, 2 * seed + 1), b: gateway(b, 2 * seed + 2) }
  }

  /** Gives both sides their configuration. */
  start(): void {
    this.configure('a', this.gateways.a.config)
    this.configure('b', this.gateways.b.config)
  }

  configure(side: Side, config: Config): void {
    this.gateways[side].config = config
    this.command(side, { kind: 'configure', config })
  }

  command(side: Side, command: Command): void {
    this.input(side, { kind: 'command', command })
  }

  /** One side loses everything it knew and begins again with its configuration. */
  restart(side: Side): void {
    this.gateways[side].restart()
    this.#wakeAt[side] = undefined
    this.configure(side, this.gateways[side].config)
  }

  input(side: Side, input: Input): void {
    const gateway = this.gateways[side]
    const { sends, questions, paths, wakeAt } = gateway.handle(input, this.now)
    for (const send of sends) this.#sendIke(side, send)
    for (const wish of paths) this.#askPath(side, wish)
    for (const { id, question } of questions) {
      const { least, most } = this.#answerDelay
      const at = this.now + least + (this.#random() % (most - least + 1))
      this.#agenda.plan(at, { kind: 'answer', side, life: gateway.life, id, question })
    }
    if (wakeAt !== undefined) this.#planWake(side, Math.max(wakeAt, this.now))
  }

  /** A packet of a network pair goes into the tunnel, or asks for one where there is none. */
  sendData(side: Side, child: ChildId): void {
    this.traffic.sent++
    const sa = this.gateways[side].dataPlane.newestOutbound(child)
    if (sa === undefined) {
      this.traffic.noSa++
      const tunnel = this.gateways[side].config.tunnels.find(({ name }) => name === child.tunnel)
      if (tunnel !== undefined && tunnel.start !== 'respond') this.#acquire(side, child, tunnel)
      return
    }
    const content = { kind: 'data', number: this.traffic.sent, sa, damaged: false } as const
    this.#send({ from: sa.local, to: sa.remote, content })
  }

  /** Delivers octets to a side as if the network had brought them. */
  inject(side: Side, octets: Uint8Array, local: Endpoint, remote: Endpoint): void {
    this.input(side, { kind: 'datagram', octets, local, remote })
  }

  at(at: Instant, run: () => void): void {
    this.#agenda.plan(Math.max(at, this.now), { kind: 'do', run })
  }

  /** Lets time pass. @throws Error when an engine keeps busy without time passing. */
  runUntil(end: Instant): void {
    for (;;) {
      const at = this.#agenda.nextAt()
      if (at === undefined || at > end) break
      this.#steps = at > this.now ? 0 : this.#steps + 1
      if (this.#steps > MOST_STEPS_AT_ONCE) throw new Error(`busy without end at ${at} ms`)
      this.now = at
      const next = this.#agenda.take()
      if (next !== undefined) this.#perform(next.task)
    }
    this.now = Math.max(this.now, end)
  }

  runFor(duration: Duration): void {
    this.runUntil(this.now + duration)
  }

  #perform(task: Task): void {
    if (task.kind === 'do') {
      task.run()
      return
    }
    if (task.kind === 'deliver') {
      this.#deliver(task.parcel)
      return
    }
    const gateway = this.gateways[task.side]
    if (gateway.life !== task.life) return
    if (task.kind === 'wake') {
      if (this.#wakeAt[task.side] !== task.at) return
      this.#wakeAt[task.side] = undefined
      this.input(task.side, { kind: 'timer' })
      return
    }
    const answer = gateway.answer(task.question)
    this.input(task.side, { kind: 'answer', to: task.id, answer })
  }

  /** The newest wake-at replaces the one before, which then comes to nothing. */
  #planWake(side: Side, at: Instant): void {
    if (this.#wakeAt[side] === at) return
    this.#wakeAt[side] = at
    this.#agenda.plan(at, { kind: 'wake', side, life: this.gateways[side].life, at })
  }

  /** What the data plane would say, a moment later. */
  #askPath(side: Side, wish: PathWish): void {
    const { life, dataPlane } = this.gateways[side]
    const there = this.gateways[side === 'a' ? 'b' : 'a'].dataPlane
    const sa = dataPlane.outbound.findLast(({ child }) => child.tunnel === wish.tunnel)
    const open = sa !== undefined && there.verdictOn(sa) === 'opened'
    const told = this.path.tell(side, wish, open && !this.network.conditions.partitioned)
    if (told === undefined) return
    const { delay } = this.network.conditions
    const at = this.now + (wish.kind === 'probe-path' ? 2 * delay.most : 0)
    this.at(at, () => {
      if (this.gateways[side].life === life) this.input(side, told)
    })
  }

  #sendIke(side: Side, { octets, local, remote, whole }: Send): void {
    const sent = { side, at: this.now, octets, local, remote }
    this.sent.push(sent)
    const passed = this.intercept(sent)
    if (passed === undefined || (whole === true && !this.path.carries(octets.length))) return
    this.#send({ from: local, to: remote, content: { kind: 'ike', octets: passed } })
  }

  #send(parcel: Parcel<Content>): void {
    const outgoing = { ...parcel, from: this.#seenFrom(parcel.from) }
    const deliveries = this.network.carry(outgoing, this.now, corrupt)
    if (deliveries.length === 0 && parcel.content.kind === 'data') this.traffic.lostOnTheWay++
    for (const { at, parcel } of deliveries) this.#agenda.plan(at, { kind: 'deliver', parcel })
  }

  #deliver({ from, to, content }: Parcel<Content>): void {
    const translated = this.#arrivesAt(to)
    if (translated === undefined) return
    const side = this.#sideOf(translated.address)
    if (side === undefined) return
    if (content.kind === 'ike') {
      this.inject(side, content.octets, translated, from)
      return
    }
    this.#open(side, content, from)
  }

  /** What the network shows of a sender. */
  #seenFrom(from: Endpoint): Endpoint {
    const side = this.#sideOf(from.address)
    if (side === 'a' && this.nat !== undefined) return this.nat.outward(from)
    if (side === 'b' && this.#forwarding !== undefined)
      return { ...from, address: this.#forwarding }
    return from
  }

  /** @returns undefined where a NAT lets nothing in. */
  #arrivesAt(to: Endpoint): Endpoint | undefined {
    if (to.address === this.nat?.outside) return this.nat.inward(to.port)
    const inside = this.gateways.b.config.tunnels[0]?.local
    if (to.address !== this.#forwarding || inside === undefined) return to
    return { ...to, address: inside }
  }

  #open(side: Side, { number, sa, damaged }: DataPacket, from: Endpoint): void {
    if (this.#opened.has(number)) return
    if (damaged) {
      this.traffic.lostOnTheWay++
      return
    }
    const { dataPlane } = this.gateways[side]
    const verdict = dataPlane.verdictOn(sa)
    if (verdict !== 'opened') {
      this.traffic.refused[verdict]++
      if (verdict === 'unknown SPI') this.#tellUnknownSpi(side, sa.spi, from.address)
      return
    }
    this.traffic.opened++
    this.#opened.add(number)
    const known = dataPlane.inbound.find(({ spi }) => spi === sa.spi)
    if (known?.encapsulation !== 'udp') return
    if (known.remote.address === from.address && known.remote.port === from.port) return
    this.input(side, { kind: 'peer-moved', spi: sa.spi, remote: from })
  }

  /** At most once a second, as the data plane does. */
  #tellUnknownSpi(side: Side, spi: EspSpi, remote: IpAddress): void {
    if (this.now - this.#unknownToldAt[side] < 1_000) return
    this.#unknownToldAt[side] = this.now
    this.input(side, { kind: 'unknown-spi', spi, remote })
  }

  #sideOf(address: IpAddress): Side | undefined {
    if (this.gateways.a.config.tunnels.some(({ local }) => local === address)) return 'a'
    if (this.gateways.b.config.tunnels.some(({ local }) => local === address)) return 'b'
    return undefined
  }

  #acquire(side: Side, child: ChildId, { networks }: TunnelConfig): void {
    const selectors = networks[child.pair]
    if (selectors === undefined) return
    const packet = {
      source: selectors.local.start,
      destination: selectors.remote.start,
      protocol: 1,
      sourcePort: 0,
      destinationPort: 0,
    }
    this.input(side, { kind: 'acquire', child, packet })
  }
}

/** An IKE datagram as its sender gave it away. */
export type Sent = {
  readonly side: Side
  readonly at: Instant
  readonly octets: Uint8Array
  readonly local: Endpoint
  readonly remote: Endpoint
}

type Send = Extract<Effect, { kind: 'send' }>

type DataPacket = {
  readonly kind: 'data'
  readonly number: number
  readonly sa: OutboundSa
  readonly damaged: boolean
}

type Content = { readonly kind: 'ike'; readonly octets: Uint8Array } | DataPacket

type Task =
  | { readonly kind: 'do'; readonly run: () => void }
  | { readonly kind: 'deliver'; readonly parcel: Parcel<Content> }
  | { readonly kind: 'wake'; readonly side: Side; readonly life: number; readonly at: Instant }
  | {
      readonly kind: 'answer'
      readonly side: Side
      readonly life: number
      readonly id: number
      readonly question: Question
    }

const MOST_STEPS_AT_ONCE = 5_000

function corrupt(content: Content, random: Random32): Content {
  if (content.kind === 'data') return { ...content, damaged: true }
  return { ...content, octets: corruptOctets(content.octets, random) }
}
