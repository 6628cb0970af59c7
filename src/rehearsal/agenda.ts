import type { Instant } from '#ike/effects'

/** What is still to happen, earliest first; things due at the same moment come in the order they were planned. */
export class Agenda<Task> {
  /** A binary heap: each entry is due no later than its two children. */
  readonly #heap: Entry<Task>[] = []
  #planned = 0

  get size(): number {
    return this.#heap.length
  }

  nextAt(): Instant | undefined {
    return this.#heap[0]?.at
  }

  plan(at: Instant, task: Task): void {
    this.#heap.push({ at, order: this.#planned++, task })
    this.#rise(this.#heap.length - 1)
  }

  /** Takes the next task off; undefined when nothing is left. */
  take(): { readonly at: Instant; readonly task: Task } | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    this.#heap[0] = last
    this.#sink(0)
    return first
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const child = this.#isBefore(left + 1, left) ? left + 1 : left
      if (!this.#isBefore(child, at)) return
      this.#swap(at, child)
      at = child
    }
  }

  #isBefore(a: number, b: number): boolean {
    const first = this.#heap[a]
    const second = this.#heap[b]
    if (first === undefined || second === undefined) return false
    return first.at === second.at ? first.order < second.order : first.at < second.at
  }

  #swap(a: number, b: number): void {
    const first = this.#heap[a]
    const second = this.#heap[b]
    if (first === undefined || second === undefined) return
    this.#heap[a] = second
    this.#heap[b] = first
  }
}

type Entry<Task> = { readonly at: Instant; readonly order: number; readonly task: Task }
