import { messageOf } from '#bytes/thrown'
import type { Config } from '#config/config'
import { type ControlHandlers, ControlServer, RequestRefused } from '#control/server'
import type { DataPlane, DataPlaneEvent } from '#dataplane/port'
import type { Level } from '#diagnosis/event-text'
import { clockState } from '#platform/clock'
import { systemClock } from './clock.ts'
import { Gateway } from './gateway.ts'
import { hostView } from './host-view.ts'
import { KeyAgreementPool } from './key-agreement-pool.ts'
import { type Log, openLog } from './log.ts'
import type { EnginePort } from './loop.ts'
import { lookUpName } from './name-lookup.ts'
import { inTime } from './patience.ts'
import { answerWithFetches, type VerificationParts } from './peer-verification.ts'
import { RevocationFetcher } from './revocation-fetcher.ts'
import type { Loaded } from './running-configuration.ts'
import { ServiceManager } from './service-manager.ts'
import { endingSignals, onSignal } from './signals.ts'
import { keepKeys, WiresharkKeys } from './wireshark-keys.ts'

export type RunOptions = {
  readonly version: string
  readonly file: string
  readonly log: {
    readonly format: 'human' | 'json'
    readonly level: Level
    readonly columns: number | undefined
    readonly write: (text: string) => void
  }
  readonly load: () => Loaded
  /** Absolute path of a folder into which the keys of every SA are written; undefined: they are written nowhere. */
  readonly wiresharkKeys?: string | undefined
  readonly engine: EnginePort
  readonly makeDataPlane: (
    onEvent: (event: DataPlaneEvent) => void,
    onWarning: (text: string) => void,
    onNotice: (text: string) => void,
  ) => DataPlane
}

/** How the gateway ended; the log says why. `not-started`: the host was not ready. */
export type Ending = 'stopped' | 'not-started' | 'not-permitted' | 'defect'

const CLEAN_UP_PATIENCE = 3_000
const WARN_EVERY = 3_600_000
const NOT_PERMITTED = /\b(?:EPERM|EACCES)\b/

/** Runs a gateway with `config`, answering on the socket `controlPath`, until it is told to stop. */
export async function runGateway(
  controlPath: string,
  config: Config,
  options: RunOptions,
): Promise<Ending> {
  const log = openLog({ ...options.log, now: () => new Date() })
  const stop = new Stop()
  const started = new Started()
  const control = new ControlServer(controlPath, started)
  try {
    // The socket first: it tells two gateways apart before anything on the host is touched.
    await control.listen()
  } catch (error) {
    return notStarted(error, log)
  }
  const pool = new KeyAgreementPool()
  const fetcher = new RevocationFetcher({ now: Date.now })
  const verification: VerificationParts = {
    ask: (question, parts) => pool.ask(question, parts),
    fetch: (wanted) => fetcher.fetch(wanted),
    now: Date.now,
    clockIsKept: () => clockState().synchronised,
  }
  const cleanUps = [() => control.close(), () => pool.close()]
  let unwatch = () => {}
  try {
    let gateway: Gateway | undefined
    const engine = engineOf(options, log, cleanUps)
    const dataPlane = options.makeDataPlane(
      // What comes before the gateway is there, its senders repeat.
      (event) => gateway?.take(event),
      (text) => log.note('warn', text),
      (text) => log.note('info', text),
    )
    const running = new Gateway({
      ...options,
      engine,
      log,
      dataPlane,
      clock: systemClock,
      host: hostView,
      lookUp: lookUpName,
      ask: (question) => answerWithFetches(question, verification),
      publish: (told) => control.publish(told),
      requestShutdown: () => stop.request('stopped'),
      onDataPlaneFailed: () => stop.request('defect'),
    })
    gateway = running
    cleanUps.unshift(() => running.stop())
    const manager = serviceManager(running, log)
    cleanUps.unshift(async () => manager.stopping())
    unwatch = watchProcess(running, manager, stop, log)
    await running.start(config)
    started.resolve(running)
    manager.ready()
    log.note('info', `gateway ${config.gateway.name} runs, causeway ${options.version}`)
    return await stop.requested
  } catch (error) {
    return notStarted(error, log)
  } finally {
    await cleanUp(cleanUps, log)
    unwatch()
  }
}

function notStarted(error: unknown, log: Log): Ending {
  const reason = messageOf(error)
  log.note('error', `CW-108 not started: ${reason}`)
  return NOT_PERMITTED.test(reason) ? 'not-permitted' : 'not-started'
}

/** With `wiresharkKeys`, one whose keys are written down, and said to be, again and again. */
function engineOf(
  { engine, wiresharkKeys }: RunOptions,
  log: Log,
  cleanUps: (() => Promise<void>)[],
): EnginePort {
  if (wiresharkKeys === undefined) return engine
  const keys = new WiresharkKeys(wiresharkKeys, (text) => log.note('error', text))
  const warn = () =>
    log.note(
      'warn',
      `--wireshark-keys: the keys of every tunnel are being written to ${wiresharkKeys}; whoever reads them reads the traffic`,
    )
  warn()
  const timer = setInterval(warn, WARN_EVERY)
  cleanUps.push(async () => clearInterval(timer))
  return keepKeys(engine, keys)
}

/** Control requests wait here until the gateway they are for has started. */
class Started implements ControlHandlers {
  readonly ready: Promise<void>
  #gateway: Gateway | undefined
  #resolve: () => void = () => {}

  constructor() {
    this.ready = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  resolve(gateway: Gateway): void {
    this.#gateway = gateway
    this.#resolve()
  }

  async handle(request: Parameters<ControlHandlers['handle']>[0]): Promise<unknown> {
    return this.#started().handle(request)
  }

  select(patterns: readonly string[] | undefined): readonly string[] {
    return this.#started().select(patterns)
  }

  #started(): Gateway {
    if (this.#gateway === undefined) throw new RequestRefused('stopping', 'the gateway is starting')
    return this.#gateway
  }
}

/** Asked for once; later wishes change nothing. */
class Stop {
  readonly requested: Promise<Ending>
  #resolve: (ending: Ending) => void = () => {}

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  request(ending: Ending): void {
    this.#resolve(ending)
  }
}

function serviceManager(gateway: Gateway, log: Log): ServiceManager {
  return new ServiceManager({
    status: () => {
      const { up, tunnels } = gateway.status([]).summary
      return `${up} of ${tunnels} tunnels up`
    },
    watchdog: process.env.WATCHDOG_USEC,
    onProblem: (text) => log.note('warn', text),
  })
}

/** Signals, and errors nobody caught. @returns what stops watching. */
function watchProcess(gateway: Gateway, manager: ServiceManager, stop: Stop, log: Log): () => void {
  const reload = async () => {
    manager.reloading()
    const result = await gateway.reload()
    manager.ready()
    if (result.outcome === 'applied') log.note('info', 'configuration read again')
  }
  const onDefect = (error: unknown) => {
    gateway.defect({ where: 'uncaught', error, detail: '' })
    stop.request('defect')
  }
  process.on('uncaughtException', onDefect)
  process.on('unhandledRejection', onDefect)
  const unwatchSignals = [
    onSignal('SIGHUP', () => void reload()),
    endingSignals((signal) => {
      log.note('info', `${signal}: stopping`)
      stop.request('stopped')
    }),
  ]
  return () => {
    for (const unwatch of unwatchSignals) unwatch()
    process.off('uncaughtException', onDefect)
    process.off('unhandledRejection', onDefect)
  }
}

/** One step after the other, each given its chance even when one before it failed or hangs. */
async function cleanUp(steps: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const step of steps) {
    try {
      if ((await inTime(step(), CLEAN_UP_PATIENCE)) === 'late') throw new Error('took too long')
    } catch (error) {
      log.note('error', `clean-up: ${messageOf(error)}`)
    }
  }
}
