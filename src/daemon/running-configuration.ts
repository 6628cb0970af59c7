import { messageOf } from '#bytes/thrown'
import { configChanges, isNoChange } from '#config/changes'
import type { Config } from '#config/config'
import type { ConfirmResult, DiffResult, ReloadResult } from '#control/schema'
import type { GatewayStatus } from '#control/status'
import type { Event } from '#ike/events'

/** What reading the configuration file gave; without `config`, `problems` says why in the operator's words. */
export type Loaded = {
  readonly config: Config | undefined
  readonly problems: string
  readonly errors: number
}

export type Configured = Extract<Event, { kind: 'configured' }>

export type RunningConfigurationParts = {
  readonly load: () => Loaded
  /** Gives the host names in it addresses, as far as they lead to any. */
  readonly resolve: (config: Config) => Promise<Config>
  /** Puts `to` in the place of `from` and says when the engine has `taken` it. @returns what the engine told of it */
  readonly replace: (
    from: Config | undefined,
    to: Config,
    taken: () => void,
  ) => Promise<Configured | undefined>
  readonly note: (level: 'info' | 'warn' | 'error', text: string) => void
  readonly now: () => Date
}

/** A configuration that runs or has run, and since when. */
type Held = {
  readonly config: Config
  /** The same as it was read, before its host names were looked up. */
  readonly read: Config
  readonly loadedAt: Date
}

/**
 * The configuration that runs, and the one before it: changes come one at a time, a change on trial is taken back unless it is confirmed,
 * and whatever is wrong with the file, the gateway goes on.
 */
export class RunningConfiguration {
  readonly #parts: RunningConfigurationParts
  #held: Held | undefined
  #before: Held | undefined
  /** What was last read and put in place: the file as far as is known. */
  #read: Config | undefined
  #refused: { at: string; problems: string } | undefined
  #undone: { at: string; why: 'not-confirmed' | 'operator' } | undefined
  #trial: { readonly by: Date; readonly timer: NodeJS.Timeout } | undefined
  /** From its beginning on, which may wait for host names, it is too late to confirm. */
  #isUndoing = false
  /** Why the last change of an address failed; told once. */
  #renewTrouble: string | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(parts: RunningConfigurationParts) {
    this.#parts = parts
  }

  get config(): Config | undefined {
    return this.#held?.config
  }

  /** The same; one without tunnels before there is any. */
  get current(): Config {
    return this.config ?? EMPTY
  }

  /** @throws what the data plane throws when the host is not ready. */
  async start(config: Config): Promise<void> {
    const resolved = await this.#parts.resolve(config)
    await this.#replace({ config: resolved, read: config, loadedAt: this.#parts.now() })
    this.#read = config
  }

  /** Reads the file again. @param confirmWithin seconds after which what was before comes back, unless confirmed */
  reload(confirmWithin?: number): Promise<ReloadResult> {
    return this.serialised(() => this.#reload(confirmWithin))
  }

  undo(): Promise<ReloadResult> {
    return this.serialised(() => this.#undoing('operator'))
  }

  confirm(): ConfirmResult {
    if (this.#trial === undefined || this.#isUndoing) return { outcome: 'nothing-to-confirm' }
    this.#endTrial()
    this.#parts.note('info', 'the configuration is confirmed')
    return { outcome: 'confirmed' }
  }

  async diff(): Promise<DiffResult> {
    const { config: loaded, problems, errors } = this.#load()
    if (loaded === undefined) return { outcome: 'refused', problems, count: errors }
    const config = await this.#parts.resolve(loaded)
    return { outcome: 'read', changes: configChanges(this.current, config), problems }
  }

  /** What runs goes on running, but for tunnels whose names lead elsewhere now. @returns false where that failed */
  renew(addressed: (config: Config) => Config): Promise<boolean> {
    return this.serialised(async () => {
      const held = this.#held
      if (this.#stopped || held === undefined) return true
      const config = addressed(held.config)
      if (config === held.config) return true
      const refused = this.#refused
      try {
        await this.#replace({ ...held, config })
        this.#refused = refused
        return true
      } catch (error) {
        const trouble = `the address of a peer could not be changed: ${messageOf(error)}`
        if (trouble !== this.#renewTrouble) this.#parts.note('error', trouble)
        this.#renewTrouble = trouble
        return false
      }
    })
  }

  status(): Omit<GatewayStatus['configuration'], 'file'> {
    const by = this.#isUndoing ? undefined : this.#trial?.by
    return {
      loadedAt: (this.#held?.loadedAt ?? this.#parts.now()).toISOString(),
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
      ...(by === undefined ? {} : { confirmBy: by.toISOString() }),
      ...(this.#undone === undefined ? {} : { undone: this.#undone }),
    }
  }

  /** One change of the data plane's configuration at a time. */
  serialised<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(change)
    this.#queue = result.catch(() => {})
    return result
  }

  /** Waits for what is under way and takes nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#endTrial()
    await this.#queue
  }

  async #reload(confirmWithin: number | undefined): Promise<ReloadResult> {
    if (this.#stopped) return this.#refuse('the gateway is stopping', 1)
    if (this.#trial !== undefined && confirmWithin === undefined) return this.#refuse(ON_TRIAL, 1)
    const { config: loaded, problems, errors } = this.#load()
    if (loaded === undefined) return this.#refuse(problems, errors)
    const { note, now, resolve } = this.#parts
    const config = await resolve(loaded)
    if (this.config !== undefined && this.config.gateway.control !== config.gateway.control) {
      note('warn', 'gateway.control has changed: it counts from the next start on')
    }
    if (this.config !== undefined && this.config.gateway.workers !== config.gateway.workers) {
      note('warn', 'gateway.workers has changed: it counts from the next start on')
    }
    const isSame = isNoChange(configChanges(this.#held?.read ?? EMPTY, loaded))
    // Of several trials in a row, the configuration before the first is the good one; what changes nothing is nothing to go back from.
    const good = this.#trial === undefined && !isSame ? this.#held : this.#before
    const applied = await this.#apply({ config, read: loaded, loadedAt: now() })
    if (applied.outcome === 'refused') return applied
    this.#before = good
    this.#read = loaded
    this.#undone = undefined
    if (confirmWithin === undefined || (isSame && this.#trial === undefined)) return applied
    return { ...applied, confirmBy: this.#beginTrial(confirmWithin).toISOString() }
  }

  async #undoing(why: 'not-confirmed' | 'operator'): Promise<ReloadResult> {
    this.#isUndoing = true
    try {
      return await this.#undo(why)
    } finally {
      this.#isUndoing = false
    }
  }

  async #undo(why: 'not-confirmed' | 'operator'): Promise<ReloadResult> {
    const before = this.#before
    if (before === undefined)
      return { outcome: 'refused', problems: 'there is no configuration before this one', count: 1 }
    const undone = this.#held
    const config = await this.#parts.resolve(before.read)
    const applied = await this.#apply({ ...before, config })
    if (applied.outcome === 'refused') return applied
    this.#endTrial()
    this.#before = undone
    // Undone twice, what the file says runs again.
    this.#undone =
      before.read === this.#read ? undefined : { at: this.#parts.now().toISOString(), why }
    const reason = why === 'operator' ? 'as the operator asked' : 'nobody confirmed the new one'
    this.#parts.note('warn', `back to the configuration before: ${reason}`)
    return applied
  }

  async #apply(to: Held): Promise<ReloadResult> {
    try {
      const configured = await this.#replace(to)
      const { added = [], changed = [], removed = [], unchanged = [] } = configured ?? {}
      return { outcome: 'applied', added, changed, removed, unchanged }
    } catch (error) {
      return this.#refuse(messageOf(error), 1)
    }
  }

  async #replace(to: Held): Promise<Configured | undefined> {
    const configured = await this.#parts.replace(this.config, to.config, () => {
      this.#held = to
    })
    this.#refused = undefined
    this.#renewTrouble = undefined
    return configured
  }

  #load(): Loaded {
    try {
      return this.#parts.load()
    } catch (error) {
      return { config: undefined, problems: messageOf(error), errors: 1 }
    }
  }

  #beginTrial(seconds: number): Date {
    this.#endTrial()
    const by = new Date(this.#parts.now().getTime() + seconds * 1_000)
    const timer = setTimeout(() => {
      void this.serialised(async () => {
        if (this.#trial?.timer === timer) await this.#undoing('not-confirmed')
      })
    }, seconds * 1_000)
    this.#trial = { by, timer }
    return by
  }

  #endTrial(): void {
    clearTimeout(this.#trial?.timer)
    this.#trial = undefined
  }

  #refuse(problems: string, count: number): ReloadResult {
    this.#refused = { at: this.#parts.now().toISOString(), problems }
    this.#parts.note('error', `reload refused, the running configuration stays: ${problems}`)
    return { outcome: 'refused', problems, count }
  }
}

const ON_TRIAL = 'a configuration is on trial: say causeway confirm or causeway undo first'

const EMPTY: Config = { gateway: { name: '', control: '' }, tunnels: [] }
