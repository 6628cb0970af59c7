import { messageOf } from '#bytes/thrown'
import type { EspTransformFactory } from '#esp/transform'
import type { EventFd } from '#platform/eventfd'
import { ReadySet } from '#platform/ready-set'
import type { Events } from './events.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import type { PacketMemory } from './packet-memory.ts'

/** What a thread of the data plane is given. */
export type ThreadParts = {
  readonly memory: PacketMemory
  readonly factory: EspTransformFactory
  readonly events: Events
  readonly wake: EventFd
  readonly takeMessage: () => ToWorker | undefined
  readonly post: (message: FromWorker) => void
  /** Milliseconds of the monotonic clock. */
  readonly clock: () => number
}

export type Order = Exclude<ToWorker, { readonly kind: 'close' }>

/** What a thread does when its turn comes. */
export type Duties = {
  /** About once a second. */
  readonly tick: (now: number) => void
  readonly obey: (order: Order, now: number) => void
  /** The descriptor of this index, by the order in which they are waited for, is the ready one number `place` of `Turns.ready`. */
  readonly handle: (index: number, place: number, now: number) => void
}

/** The turns of a thread: it waits for any of its descriptors, takes orders first, then sees to what is ready. */
export class Turns {
  readonly ready: ReadySet
  readonly #parts: ThreadParts
  readonly #duties: Duties
  #tickedAt = 0
  #running = true

  constructor(parts: ThreadParts, duties: Duties) {
    this.#parts = parts
    this.#duties = duties
    this.ready = new ReadySet([parts.wake.fd])
  }

  /** Until a `close` message comes. @throws whatever goes wrong beyond repair */
  run(): void {
    try {
      while (this.#running) this.#turn()
    } finally {
      this.ready.close()
    }
  }

  /** From the next turn on. @param errorsOnly descriptors that somebody else reads */
  waitFor(descriptors: readonly number[], errorsOnly?: ReadonlySet<number>): void {
    this.ready.replace([this.#parts.wake.fd, ...descriptors], errorsOnly)
  }

  #turn(): void {
    const { ready } = this
    const count = ready.wait(TICK)
    const now = this.#parts.clock()
    if (now - this.#tickedAt >= 1000) {
      this.#tickedAt = now
      this.#duties.tick(now)
    }
    for (let place = 0; place < count; place++) {
      if (ready.index(place) !== WAKE) continue
      this.#parts.wake.clear()
      // Orders may change the set of descriptors, so that these answers mean nothing any more.
      if (this.#takeOrders(now)) return
    }
    for (let place = 0; place < count; place++) {
      const index = ready.index(place)
      if (index !== WAKE) this.#duties.handle(index - 1, place, now)
    }
  }

  /** @returns whether there were any */
  #takeOrders(now: number): boolean {
    const { takeMessage, events } = this.#parts
    let any = false
    for (let order = takeMessage(); order; order = takeMessage()) {
      any = true
      if (order.kind === 'close') {
        this.#running = false
        return true
      }
      try {
        this.#duties.obey(order, now)
      } catch (error) {
        events.emit({ kind: 'failed', message: `${order.kind}: ${messageOf(error)}` })
      }
    }
    return any
  }
}

/** Milliseconds; also how long a thread that is told to end by `terminate()` may hang in epoll_wait(). */
const TICK = 500
/** The index of the eventfd. */
const WAKE = 0
