import { notifySystemd } from '#platform/systemd'

/** What a service manager is told (sd_notify(3)); where none listens, nothing happens. */
export type Notify = (lines: readonly string[]) => boolean

export type ServiceManagerParts = {
  /** One line on how things are: `2 of 3 tunnels up`. */
  readonly status: () => string
  /** Microseconds within which a sign of life is expected; undefined where none is. */
  readonly watchdog: string | undefined
  readonly notify?: Notify
  readonly onProblem: (text: string) => void
}

/**
 * Keeps the service manager informed: that the gateway is ready, that it reads its configuration again, how many tunnels are up, and that
 * it lives. What goes wrong with that is said once and never stops the gateway.
 */
export class ServiceManager {
  readonly #parts: ServiceManagerParts
  readonly #notify: Notify
  #timer: NodeJS.Timeout | undefined
  #said = false

  constructor(parts: ServiceManagerParts) {
    this.#parts = parts
    this.#notify = parts.notify ?? notifySystemd
  }

  ready(): void {
    if (!this.#tell(['READY=1', this.#status()])) return
    const every = signsOfLife(this.#parts.watchdog)
    this.#timer ??= setInterval(() => this.#tell([this.#status(), 'WATCHDOG=1']), every)
  }

  reloading(): void {
    this.#tell(['RELOADING=1'])
  }

  stopping(): void {
    clearInterval(this.#timer)
    this.#tell(['STOPPING=1'])
  }

  #status(): string {
    return `STATUS=${this.#parts.status()}`
  }

  #tell(lines: readonly string[]): boolean {
    try {
      return this.#notify(lines)
    } catch (error) {
      if (!this.#said) this.#parts.onProblem(`service manager: ${error}`)
      this.#said = true
      return false
    }
  }
}

/** Milliseconds: twice in the time the manager allows (sd_watchdog_enabled(3)), and often enough for the status. */
function signsOfLife(watchdog: string | undefined): number {
  const microseconds = Number(watchdog)
  if (!(microseconds > 0)) return STATUS_EVERY
  return Math.max(100, Math.min(STATUS_EVERY, microseconds / 2_000))
}

const STATUS_EVERY = 5_000
