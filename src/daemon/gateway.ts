import type { IpAddress } from '#bytes/ip'
import type { Config } from '#config/config'
import type { ReloadResult, Request, Results, ToldEvent, TunnelState } from '#control/schema'
import type { GatewayStatus, StatusDocument } from '#control/status'
import { nodeCrypto } from '#crypto/node'
import type { DataPlane, DataPlaneEvent } from '#dataplane/port'
import { positionOf } from '#diagnosis/failure-text'
import type { Answer, Command, Input, Question } from '#ike/effects'
import type { Event, TunnelSnapshot } from '#ike/events'
import { AssignedAddresses } from './assigned-addresses.ts'
import { captureAnswer } from './capture-requests.ts'
import type { Clock } from './clock.ts'
import { dataPlaneSettings } from './data-plane-settings.ts'
import { DropPace } from './drop-pace.ts'
import { executeEffect } from './effects.ts'
import type { HostView } from './host-view.ts'
import { Journal, type JournalEntry } from './journal.ts'
import type { Log } from './log.ts'
import { type Defect, EngineLoop, type EnginePort } from './loop.ts'
import type { Lookup } from './name-lookup.ts'
import { tunnelStates } from './network-status.ts'
import { PeerNames } from './peer-names.ts'
import { Recorder } from './recorder.ts'
import { RefusalHints } from './refusal-hints.ts'
import { replaceConfig } from './reload.ts'
import { type Configured, type Loaded, RunningConfiguration } from './running-configuration.ts'
import { statusDocument } from './status-document.ts'
import { traceRequested } from './trace-request.ts'
import { TrafficLedger } from './traffic-totals.ts'
import { TunnelHealth } from './tunnel-health.ts'
import { selectTunnels } from './tunnel-selection.ts'
import { VersionProbes } from './version-probes.ts'
import { wallEvent } from './wall-event.ts'

export type GatewayParts = {
  readonly version: string
  readonly file: string
  readonly engine: EnginePort
  readonly dataPlane: DataPlane
  readonly ask: (question: Question) => Promise<Answer>
  readonly lookUp: Lookup
  readonly clock: Clock
  readonly host: HostView
  readonly log: Log
  readonly load: () => Loaded
  readonly wiresharkKeys?: string | undefined
  readonly publish: (told: ToldEvent) => void
  /** The operator asked the gateway to stop over its control socket. */
  readonly requestShutdown: () => void
  /** Nothing carries packets any more. */
  readonly onDataPlaneFailed: () => void
}

// The same bug again is counted; each distinct one is logged with its inputs, this many at most.
const MOST_DEFECTS_LOGGED = 50

/** A running gateway: one engine, one data plane, and everything that is known of them. */
export class Gateway {
  readonly #parts: GatewayParts
  readonly #loop: EngineLoop
  readonly #journal = new Journal()
  readonly #ledger = new TrafficLedger()
  readonly #assigned = new AssignedAddresses()
  readonly #dropped: Record<string, number> = {}
  readonly #defectsSeen = new Set<string>()
  readonly #hints = new RefusalHints()
  readonly #states = new Map<string, TunnelSnapshot['state']>()
  readonly #recorder: Recorder
  readonly #probes: VersionProbes
  readonly #health: TunnelHealth
  readonly #startedAt: Date
  readonly #configuration: RunningConfiguration
  readonly #names: PeerNames
  readonly #pace = new DropPace()
  #defects = 0
  #told = false
  #stopping = false
  #trafficAt = Number.NEGATIVE_INFINITY

  constructor(parts: GatewayParts) {
    this.#parts = parts
    this.#startedAt = this.#wallNow()
    this.#configuration = new RunningConfiguration({
      load: parts.load,
      resolve: (config) => this.#names.resolved(config),
      replace: (from, to, taken) => this.#replace(from, to, taken),
      note: (level, text) => parts.log.note(level, text),
      now: () => this.#wallNow(),
    })
    this.#names = new PeerNames({
      ...parts,
      config: () => this.#configuration.current,
      renew: (addressed) => this.#configuration.renew(addressed),
      tell: (event) => this.#tell(event),
    })
    this.#probes = new VersionProbes({
      clock: parts.clock,
      random: (octets) => nodeCrypto.random(octets),
      send: (octets, local, remote) => parts.dataPlane.sendIke(octets, local, remote),
      onAnswer: (tunnels, answer) => {
        if (answer !== 'yes') return
        parts.log.note(
          'info',
          `the peer of ${tunnels.join(', ')} would answer IKEv2 (causeway status)`,
        )
      },
    })
    this.#health = new TunnelHealth({
      clock: parts.clock,
      config: () => this.#configuration.config,
      snapshots: () => parts.engine.snapshot(parts.clock.now()),
      counters: () => parts.dataPlane.counters(),
      ledger: this.#ledger,
      host: parts.host,
      askHost: (tunnel, echo) => parts.dataPlane.askHost(tunnel, echo),
      tell: (event) => this.#tell(event),
      warn: (text) => parts.log.note('warn', text),
    })
    this.#recorder = new Recorder((instant) => parts.clock.wall(instant))
    this.#loop = new EngineLoop({
      engine: this.#recorder.over(parts.engine),
      clock: parts.clock,
      onDefect: (defect) => this.defect(defect),
      beforeTimer: () => this.#trafficHeard(),
      execute: (effect) =>
        executeEffect(effect, {
          dataPlane: parts.dataPlane,
          ask: parts.ask,
          answer: (to, answer) => this.#submit({ kind: 'answer', to, answer }),
          tell: (event) => this.#tell(event),
          assignAddresses: (tunnel, addresses) => this.#assign(tunnel, addresses),
          beforeRemoval: (sa) => this.#ledger.retire(sa, parts.dataPlane.counters()),
        }),
    })
  }

  /** @throws what the data plane throws when the host is not ready. */
  async start(config: Config): Promise<void> {
    await this.#configuration.start(config)
    this.#names.start()
    this.#health.start()
  }

  /** At most once a second: with many tunnels there are many deadlines, and each look is at all SAs. */
  #trafficHeard(): Input | undefined {
    const now = this.#parts.clock.now()
    if (now - this.#trafficAt < 1_000) return undefined
    this.#trafficAt = now
    const { sas } = this.#parts.dataPlane.counters()
    const heard = sas
      .filter(({ direction, lastUsed }) => direction === 'inbound' && lastUsed > 0)
      .map(({ child, lastUsed }) => ({ tunnel: child.tunnel, at: lastUsed }))
    return { kind: 'traffic', heard }
  }

  /** Everything the data plane reports; never throws. */
  take(event: DataPlaneEvent): void {
    if (this.#configuration.config === undefined || this.#stopping) return
    switch (event.kind) {
      case 'ike-datagram':
        if (this.#probes.take(event.octets, event.remote)) return
        this.#submit({ ...event, kind: 'datagram' })
        return
      case 'odd-packet':
      case 'icv-tested':
      case 'esp-refused':
      case 'echo-answered':
        this.#health.take(event)
        return
      case 'failed':
        this.#parts.log.note('error', `data plane: ${event.message}`)
        this.#parts.onDataPlaneFailed()
        return
      // All others are the engine's inputs as they are.
      default:
        this.#submit(event)
    }
  }

  /** Reads the file again. */
  reload(): Promise<ReloadResult> {
    return this.#configuration.reload()
  }

  status(only?: readonly string[]): StatusDocument {
    const { version, clock, dataPlane } = this.#parts
    return statusDocument(
      {
        version,
        clock,
        gateway: this.#gatewayStatus(),
        config: this.#configuration.current,
        snapshots: this.#snapshots(),
        counters: dataPlane.counters(),
        queueFull: dataPlane.queueFull(),
        cameInClear: dataPlane.cameInClear(),
        ledger: this.#ledger,
        probed: (tunnel) => this.#probes.result(tunnel),
        named: (tunnel) => this.#names.facts(tunnel),
        health: (tunnel) => this.#health.of(tunnel),
        dropped: this.#dropped,
        defects: this.#defects,
      },
      only,
    )
  }

  /** Says goodbye to every peer and undoes what was done to the host. */
  async stop(): Promise<void> {
    if (this.#stopping) return
    await this.#configuration.stop()
    this.#names.stop()
    this.#probes.stop()
    this.#health.stop()
    this.#command({ kind: 'shutdown' })
    this.#stopping = true
    this.#loop.stop()
    await this.#parts.dataPlane.close()
  }

  /** Our own bug: counted always, logged once. */
  defect(defect: Defect): void {
    this.#defects++
    const { error } = defect
    const key = error instanceof Error ? (error.stack ?? error.message) : String(error)
    if (this.#defectsSeen.has(key) || this.#defectsSeen.size >= MOST_DEFECTS_LOGGED) return
    this.#defectsSeen.add(key)
    this.#parts.log.defect(defect)
  }

  select(patterns: readonly string[] | undefined): readonly string[] {
    const names = this.#configuration.current.tunnels.map(({ name }) => name)
    return selectTunnels(patterns, names)
  }

  async handle(
    request: Exclude<Request, { command: 'subscribe' }>,
  ): Promise<Results[keyof Results]> {
    switch (request.command) {
      case 'status':
        return this.status(this.select(request.tunnels))
      case 'up':
        await this.#names.askAnew(this.select(request.tunnels))
        return this.#commandEach(request.tunnels, (tunnel) => ({ kind: 'up', tunnel }))
      case 'down':
      case 'ask-peer':
        return this.#commandEach(request.tunnels, (tunnel) => ({ kind: request.command, tunnel }))
      case 'rekey': {
        const { phase = 2 } = request
        return this.#commandEach(request.tunnels, (tunnel) => ({ kind: 'rekey', tunnel, phase }))
      }
      case 'reload':
        return this.#configuration.reload(request.confirmWithin)
      case 'diff':
        return this.#configuration.diff()
      case 'confirm':
        return this.#configuration.confirm()
      case 'undo':
        return this.#configuration.undo()
      case 'log': {
        const tunnels = request.tunnels === undefined ? undefined : this.select(request.tunnels)
        return { events: this.#journal.entries(tunnels).map((entry) => this.#toldEvent(entry)) }
      }
      case 'trace':
        return traceRequested(request, this.#parts, this.#configuration.current)
      case 'datagrams':
      case 'keys':
        return captureAnswer(request, this.#recorder, this.select(request.tunnels), this.#parts.log)
      case 'shutdown':
        setImmediate(this.#parts.requestShutdown)
        return {}
    }
  }

  #commandEach(
    patterns: readonly string[],
    command: (tunnel: string) => Command,
  ): { tunnels: readonly TunnelState[] } {
    const names = this.select(patterns)
    const config = this.#configuration.current
    const before = tunnelStates(this.#snapshots(), config, this.#parts.clock).filter(({ tunnel }) =>
      names.includes(tunnel),
    )
    for (const name of names) this.#command(command(name))
    return { tunnels: before }
  }

  async #replace(
    from: Config | undefined,
    to: Config,
    taken: () => void,
  ): Promise<Configured | undefined> {
    await replaceConfig({
      from,
      to,
      dataPlane: this.#assigned.over(this.#parts.dataPlane),
      configureEngine: (config) => {
        taken()
        this.#command({ kind: 'configure', config })
      },
    })
    this.#assigned.keepOnly(to)
    const names = to.tunnels.map(({ name }) => name)
    this.#journal.keepOnly(names)
    this.#health.keepOnly(names)
    this.#recorder.keepOnly(names)
    this.#ledger.forget(
      from?.tunnels.map(({ name }) => name).filter((name) => !names.includes(name)) ?? [],
    )
    this.#probes.configure(to)
    this.#names.follow(from, to)
    const last = this.#journal.entries(['']).findLast(({ event }) => event.kind === 'configured')
    return last?.event.kind === 'configured' ? last.event : undefined
  }

  /** One configuration of the data plane at a time, as with reloads. */
  #assign(tunnel: string, addresses: readonly IpAddress[]): void {
    const { dataPlane, log } = this.#parts
    if (!this.#assigned.assign(tunnel, addresses)) return
    this.#configuration
      .serialised(async () => {
        const { config } = this.#configuration
        if (config === undefined || this.#stopping) return
        await this.#assigned.over(dataPlane).configure(dataPlaneSettings(config))
      })
      .catch((error: unknown) => {
        log.note('error', `${tunnel}: the assigned address could not be set: ${error}`)
      })
  }

  #command(command: Command): void {
    this.#submit({ kind: 'command', command })
  }

  #submit(input: Input): void {
    if (this.#stopping) return
    this.#loop.submit(input)
  }

  #tell(event: Event): void {
    const { log, publish, clock } = this.#parts
    if (event.kind === 'dropped') {
      this.#dropped[event.reason] = (this.#dropped[event.reason] ?? 0) + 1
    }
    this.#hints.hear(event)
    const entry = this.#journal.append(this.#wallNow(), wallEvent(event, clock))
    const told = this.#toldEvent(entry)
    if (event.kind === 'defect') this.defect({ where: 'engine', error: event.detail, detail: '' })
    else log.event(entry.at, entry.event, told.line)
    if (this.#pace.allows(event, clock.now())) publish(told)
    this.#health.hear(event)
    // What was dropped changed nothing.
    if (this.#told || event.kind === 'dropped') return
    this.#told = true
    setImmediate(() => this.#publishStates())
  }

  /** After a burst of events, what they made of the tunnels. */
  #publishStates(): void {
    this.#told = false
    if (this.#stopping) return
    const { engine, clock, publish } = this.#parts
    for (const { tunnel, state } of engine.snapshot(clock.now())) {
      if (this.#states.get(tunnel) === state) continue
      this.#states.set(tunnel, state)
      const at = this.#wallNow().toISOString()
      publish({ sequence: 0, at, event: { kind: 'state', tunnel, state } })
    }
  }

  /** With what the engine is not told. */
  #snapshots(): readonly TunnelSnapshot[] {
    const { engine, clock } = this.#parts
    return this.#names.over(this.#hints.over(engine.snapshot(clock.now())))
  }

  #toldEvent({ sequence, at, event }: JournalEntry): ToldEvent {
    const told = { sequence, at: at.toISOString(), event }
    if (!('failure' in event)) return told
    const tunnel = this.#configuration.current.tunnels.find(({ name }) => name === event.tunnel)
    const line = tunnel === undefined ? undefined : positionOf(event.failure, tunnel)
    return line === undefined ? told : { ...told, line }
  }

  #gatewayStatus(): GatewayStatus {
    const { file, wiresharkKeys } = this.#parts
    return {
      name: this.#configuration.current.gateway.name,
      startedAt: this.#startedAt.toISOString(),
      pid: process.pid,
      ...(wiresharkKeys === undefined ? {} : { wiresharkKeys }),
      configuration: { file, ...this.#configuration.status() },
    }
  }

  #wallNow(): Date {
    return this.#parts.clock.wall(this.#parts.clock.now())
  }
}
