import { toHex } from '#bytes/hex'
import type { IpAddress } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import { diffConfig } from '#config/diff'
import type { Crypto } from '#crypto/port'
import type { EspSpi } from '#esp/sa'
import { decodeHeader, type IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { drop, makeRoom } from './admission.ts'
import type { Command, Effect, Input, Instant } from './effects.ts'
import type { TunnelSnapshot } from './events.ts'
import { ExpectedAnswers } from './expected-answers.ts'
import { freshSpi, type SpiSource } from './fresh-spi.ts'
import { takeOver } from './holder.ts'
import { RareWork } from './rare-work.ts'
import { SaTable } from './sa-table.ts'
import { Tunnel } from './tunnel.ts'
import { turnAway } from './turned-away.ts'
import type {
  Datagram,
  Ends,
  FirstMessages,
  IkeContext,
  IkeSa,
  IkeVersion,
  Outcome,
} from './version.ts'
import { leave, roams, talksTo, undecided } from './whereabouts.ts'

export type EngineOptions = SpiSource & {
  readonly versions: readonly IkeVersion[]
  readonly crypto: Crypto
}

/**
 * All of IKE as a function of what happens: inputs in, effects out. Owns no socket, clock or randomness; whoever feeds it the same
 * inputs gets the same effects.
 */
export class Engine {
  readonly #versions: readonly IkeVersion[]
  readonly #crypto: Crypto
  readonly #tunnels = new Map<string, Tunnel>()
  readonly #sas = new SaTable()
  /** First messages on their way in pieces. */
  readonly #firstMessages: ReadonlyMap<IkeVersion, FirstMessages>
  readonly #asked = new Map<number, IkeSa>()
  readonly #rareWork = new RareWork()
  readonly #expected = new ExpectedAnswers()
  readonly #spis: SpiSource
  /** Next deadline of each tunnel, kept so that one datagram does not cost a look at all of them. */
  readonly #deadlines = new Map<Tunnel, Instant>()
  #config: Config | undefined
  #lastAsk = 0
  #ended = false

  constructor(options: EngineOptions) {
    this.#versions = options.versions
    this.#firstMessages = new Map(options.versions.map((one) => [one, one.firstMessages()]))
    this.#crypto = options.crypto
    this.#spis = options
  }

  handle(input: Input, now: Instant): readonly Effect[] {
    const effects: Effect[] = []
    const context = this.#context(effects, now)
    const touched = new Set<Tunnel>()
    guarded(context, () => {
      if (!this.#ended) this.#dispatch(input, touched, context)
    })
    this.#settle(touched, context)
    effects.push(...this.#sas.news())
    const at = Math.min(Number.POSITIVE_INFINITY, ...this.#deadlines.values())
    if (Number.isFinite(at)) effects.push({ kind: 'wake-at', at })
    return effects
  }

  snapshot(now: Instant): readonly TunnelSnapshot[] {
    return [...this.#tunnels.values()].map((tunnel) => tunnel.snapshot(now))
  }

  #dispatch(input: Input, touched: Set<Tunnel>, context: IkeContext): void {
    switch (input.kind) {
      case 'datagram':
        this.#handleDatagram(input, touched, context)
        return
      case 'timer':
        for (const [tunnel, at] of this.#deadlines) {
          if (at > context.now) continue
          tunnel.handleDeadline(context)
          touched.add(tunnel)
        }
        return
      case 'command':
        this.#obey(input.command, touched, context)
        return
      case 'acquire': {
        const tunnel = this.#touch(input.child.tunnel, touched)
        tunnel?.acquire(input.child.pair, context.now)
        return
      }
      case 'sa-expired': {
        const tunnel = this.#bySpi(input.direction, input.spi)
        tunnel?.saExpired(input.direction, input.spi, input.hard, context)
        if (tunnel !== undefined) touched.add(tunnel)
        return
      }
      case 'traffic':
        for (const { tunnel, at } of input.heard) {
          for (const sa of this.#tunnels.get(tunnel)?.ikeSas.all ?? []) sa.heard(at)
        }
        return
      case 'unknown-spi':
        this.#unknownSpi(input.spi, input.remote, context)
        return
      case 'peer-moved':
        this.#bySpi('inbound', input.spi)?.moved(input.remote, context)
        return
      case 'path': {
        const tunnel = this.#touch(input.tunnel, touched)
        tunnel?.path.learn(input, tunnel, context)
        return
      }
      case 'path-probed': {
        const tunnel = this.#touch(input.tunnel, touched)
        tunnel?.path.probed(input, tunnel, context)
        return
      }
      case 'unreachable':
        for (const tunnel of this.#tunnels.values()) {
          if (!talksTo(tunnel, input.remote.address)) continue
          tunnel.unreachable(input, context)
        }
        return
      case 'answer': {
        const sa = this.#asked.get(input.to)
        this.#asked.delete(input.to)
        // The SA may have ended while its work was done elsewhere (CVE-2011-4073): then there is no one to tell.
        if (sa === undefined || sa.state === 'closed') return
        sa.handleAnswer(input.to, input.answer, context)
        this.#touch(sa.tunnel, touched)
        return
      }
    }
  }

  #handleDatagram(datagram: Datagram, touched: Set<Tunnel>, context: IkeContext): void {
    let header: IkeHeader
    try {
      header = decodeHeader(datagram.octets)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      drop(datagram, 'malformed', error.message, context)
      return
    }
    if (header.initiatorSpi.every((octet) => octet === 0)) {
      drop(datagram, 'malformed', 'the initiator SPI is zero', context)
      return
    }
    if (this.#expected.take(datagram, header, context)) return
    const known = this.#sas.find(header, datagram.remote)
    if (known !== undefined) {
      known.handleDatagram(datagram, header, context)
      this.#sas.update(known, datagram.remote)
      this.#touch(known.tunnel, touched)
      return
    }
    if (header.responderSpi.some((octet) => octet !== 0)) {
      drop(
        datagram,
        'unknown-sa',
        `no SA has the SPIs ${toHex(header.initiatorSpi)} ${toHex(header.responderSpi)}`,
        context,
      )
      return
    }
    this.#accept(datagram, header, touched, context)
  }

  /** A first message: only configured peers, and of those only so many at a time, get state. */
  #accept(datagram: Datagram, header: IkeHeader, touched: Set<Tunnel>, context: IkeContext): void {
    const { local, remote } = datagram
    const version = this.#versions.find(({ major }) => major === header.majorVersion)
    const tunnels = this.#tunnelsWith(local.address, remote.address)
    const candidates = tunnels.filter(({ config }) => version?.answers(header, config))
    const [first] = candidates
    if (version === undefined || first === undefined) {
      const all = [...this.#tunnels.values()]
      drop(datagram, 'unknown-peer', turnAway(datagram, header, all, version, context), context)
      return
    }
    const from = first.config.peer === remote.address ? 'named' : 'anywhere'
    const whole = this.#firstMessages.get(version)?.take(datagram, header, from, context)
    if (whole === undefined) return
    if (whole[0] !== datagram) {
      this.#accept(...whole, touched, context)
      return
    }
    for (const tunnel of candidates) touched.add(tunnel)
    if (!makeRoom(first, datagram, context)) return
    const configs = candidates.map(({ config }) => config)
    const sa = version.accept(datagram, header, configs, context)
    if (sa === undefined) return
    this.#tunnels.get(sa.tunnel)?.ikeSas.add(sa, context.now)
    this.#sas.add(sa, remote, from)
  }

  /** Those that name this peer by its address, before those that take one from anywhere. */
  #tunnelsWith(local: IpAddress, peer: IpAddress): readonly Tunnel[] {
    const here = [...this.#tunnels.values()].filter(({ config }) => config.local === local)
    return [
      ...here.filter(({ config }) => config.peer === peer),
      ...here.filter(({ config }) => roams(config) && config.peer !== peer),
    ]
  }

  #obey(command: Command, touched: Set<Tunnel>, context: IkeContext): void {
    switch (command.kind) {
      case 'configure':
        this.#configure(command.config, touched, context)
        return
      case 'up':
        this.#touch(command.tunnel, touched)?.up()
        return
      case 'down':
        this.#touch(command.tunnel, touched)?.down('operator', context)
        return
      case 'rekey':
        this.#touch(command.tunnel, touched)?.rekey(command.phase, context)
        return
      case 'ask-peer':
        this.#touch(command.tunnel, touched)?.ikeSas.preferred?.probe(context)
        return
      case 'shutdown':
        this.#ended = true
        for (const tunnel of this.#tunnels.values()) {
          tunnel.down('shutdown', context)
          touched.add(tunnel)
        }
        return
    }
  }

  #configure(config: Config, touched: Set<Tunnel>, context: IkeContext): void {
    const before = this.#config ?? { gateway: config.gateway, tunnels: [] }
    const { added, changed, removed, unchanged } = diffConfig(before, config)
    this.#config = config
    const gone: TunnelConfig[] = []
    for (const { name } of [...removed, ...changed]) {
      const tunnel = this.#tunnels.get(name)
      if (tunnel === undefined) continue
      gone.push(tunnel.config)
      tunnel.down('reconfigured', context)
      this.#learn(context)
      this.#tunnels.delete(name)
      this.#deadlines.delete(tunnel)
    }
    for (const sa of undecided(this.#tunnels.values(), gone)) sa.abandon(context)
    for (const tunnelConfig of [...added, ...changed]) {
      const tunnel = new Tunnel(tunnelConfig, context.now, (...how) => this.#initiate(...how))
      this.#tunnels.set(tunnelConfig.name, tunnel)
      touched.add(tunnel)
    }
    for (const tunnelConfig of unchanged) {
      const tunnel = this.#tunnels.get(tunnelConfig.name)
      if (tunnel !== undefined) tunnel.config = tunnelConfig
    }
    const names = (tunnels: readonly TunnelConfig[]) => tunnels.map(({ name }) => name)
    context.tell({
      kind: 'configured',
      added: names(added),
      changed: names(changed),
      removed: names(removed),
      unchanged: names(unchanged),
    })
  }

  #initiate(
    config: TunnelConfig,
    isFirstContact: () => boolean,
    context: IkeContext,
    along?: Ends,
  ): IkeSa {
    const version = this.#versions.find((one) => one.initiates(config))
    if (version === undefined)
      throw new TypeError(`no version speaks ike: ${config.ike} of tunnel ${config.name}`)
    const sa = version.initiate(config, isFirstContact, context, along)
    this.#sas.add(sa, sa.remote, 'named')
    return sa
  }

  /** Lets the tunnels act on what came of the input, and on what comes of that, until nothing new does. */
  #settle(touched: Set<Tunnel>, context: IkeContext): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const tunnel of this.#learn(context)) touched.add(tunnel)
      for (const tunnel of touched) {
        if (!this.#ended) guarded(context, () => tunnel.repair(context))
      }
      if (context.outcomes.length === 0) break
    }
    for (const tunnel of touched) {
      if (this.#tunnels.get(tunnel.config.name) !== tunnel) continue
      this.#deadlines.set(
        tunnel,
        this.#ended ? Number.POSITIVE_INFINITY : tunnel.deadline(context.now),
      )
    }
  }

  #learn(context: IkeContext): ReadonlySet<Tunnel> {
    const touched = new Set<Tunnel>()
    for (
      let outcome = context.outcomes.shift();
      outcome !== undefined;
      outcome = context.outcomes.shift()
    ) {
      const tunnel = this.#tunnels.get(
        outcome.kind === 'refused' ? outcome.tunnel : outcome.sa.tunnel,
      )
      if (outcome.kind === 'ike-sa-closed') {
        this.#sas.remove(outcome.sa)
        for (const one of leave(this.#tunnels.values(), outcome.sa)) touched.add(one)
      }
      if (tunnel === undefined) continue
      touched.add(tunnel)
      if (outcome.kind === 'ike-sa-established') {
        const { sa } = outcome
        this.#sas.update(sa, sa.remote)
        for (const other of leave(this.#tunnels.values(), sa, tunnel)) touched.add(other)
        tunnel.ikeSas.add(sa, context.now)
        takeOver(tunnel, sa, context)
      }
      if (outcome.kind === 'refused') tunnel.refused('phase 1', outcome.failure, context)
      else tunnel.learn(outcome, context)
    }
    return touched
  }

  /** What we installed a moment ago is not unknown: the data plane may have said so before it heard of it. */
  #unknownSpi(spi: EspSpi, remote: IpAddress, context: IkeContext): void {
    if (this.#bySpi('inbound', spi) !== undefined) return
    for (const tunnel of this.#tunnels.values()) {
      if (talksTo(tunnel, remote)) tunnel.disown(spi, context)
    }
  }

  #touch(name: string, touched: Set<Tunnel>): Tunnel | undefined {
    const tunnel = this.#tunnels.get(name)
    if (tunnel !== undefined) touched.add(tunnel)
    return tunnel
  }

  #bySpi(direction: 'inbound' | 'outbound', spi: EspSpi): Tunnel | undefined {
    return [...this.#tunnels.values()].find(
      ({ children }) => children.bySpi(direction, spi) !== undefined,
    )
  }

  #context(effects: Effect[], now: Instant): IkeContext {
    const outcomes: Outcome[] = []
    return {
      now,
      crypto: this.#crypto,
      effects,
      outcomes,
      ask: (sa, question) => {
        const id = ++this.#lastAsk
        this.#asked.set(id, sa)
        effects.push({ kind: 'ask', id, question })
        return id
      },
      tell: (event) => effects.push({ kind: 'tell', event }),
      tunnels: this.#config?.tunnels ?? [],
      rareWork: this.#rareWork,
      expected: this.#expected,
      freshSpi: (tunnel) =>
        freshSpi(tunnel, this.#spis, (spi) => this.#bySpi('inbound', spi) !== undefined),
      holderOf: (tunnel) => this.#tunnels.get(tunnel)?.ikeSas.preferred?.holder,
      looksOf: (tunnel) => this.#tunnels.get(tunnel)?.failures.looks,
      selectorsOf: ({ tunnel, pair }) =>
        this.#tunnels.get(tunnel)?.children.active(pair)?.facts.selectors,
    }
  }
}

/** A mistake of ours costs what it was about, never the gateway: states are old or new, and what was sent stays sent. */
function guarded(context: IkeContext, run: () => void): void {
  try {
    run()
  } catch (error) {
    context.tell({
      kind: 'defect',
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }
}

/** Outcomes that lead to outcomes end after two or three rounds; the bound is for our own mistakes. */
const MAX_ROUNDS = 16
