import { Worker } from 'node:worker_threads'
import { type EventFd, openEventFd } from '#platform/eventfd'
import type { SpiShare } from '#platform/spi-steering'
import {
  type FromWorker,
  GLOBAL_COUNTER_FIELDS,
  type Role,
  type SharedDevices,
  type ToWorker,
  type WorkerData,
} from './messages.ts'

/** What a thread answers when it was asked to configure; `problem` says why it could not. */
export type Answer = { readonly problem?: string; readonly devices?: SharedDevices }

export type ThreadListener = {
  /** All but answers. */
  readonly onMessage: (message: FromWorker, thread: PacketThread) => void
  /** It ended although nobody asked it to. */
  readonly onFailure: (reason: string) => void
}

/** One thread of the data plane as the main thread sees it. What is asked takes effect in the order asked. */
export class PacketThread {
  readonly role: Role
  readonly share: SpiShare
  /** Its `GlobalCounter` fields. */
  readonly counters: Float64Array
  readonly ended: Promise<void>
  readonly #wake: EventFd
  readonly #worker: Worker
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #lastId = 0
  #closing = false

  constructor(role: Role, share: SpiShare, file: URL, { onMessage, onFailure }: ThreadListener) {
    this.role = role
    this.share = share
    this.#wake = openEventFd()
    const globalCounters = new SharedArrayBuffer(GLOBAL_COUNTER_FIELDS * 8)
    this.counters = new Float64Array(globalCounters)
    const workerData: WorkerData = { role, share, wakeFd: this.#wake.fd, globalCounters }
    this.#worker = new Worker(file, { workerData })
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind === 'closed') this.#closing = true
      if (!this.#takeAnswer(message)) onMessage(message, this)
    })
    const fail = (reason: string): void => {
      for (const answer of this.#waiting.values()) answer({ problem: reason })
      this.#waiting.clear()
      if (this.#closing) return
      this.#closing = true
      onFailure(reason)
    }
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#wake.close()
        fail('the packet thread ended')
        resolve()
      })
    })
    this.#worker.on('error', (error: Error) => fail(`the packet thread failed: ${error.message}`))
  }

  order(message: ToWorker): void {
    if (this.#closing) return
    this.#worker.postMessage(message)
    this.#wake.signal()
  }

  /** Never rejects. */
  ask(
    message: (
      id: number,
    ) => ToWorker & { readonly kind: 'configure' | 'plan' | 'release' | 'adopt' },
  ): Promise<Answer> {
    if (this.#closing) return Promise.resolve({ problem: 'the data plane is closed' })
    this.#lastId++
    const id = this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.order(message(id))
    })
  }

  close(): Promise<void> {
    this.order({ kind: 'close' })
    this.#closing = true
    return this.ended
  }

  /** The process ends without `close`: the thread is stopped as soon as it leaves epoll_wait(). @returns false when it had closed before */
  abandon(): boolean {
    if (this.#closing) return false
    this.#wake.signal()
    return true
  }

  #takeAnswer(message: FromWorker): boolean {
    if (message.kind !== 'configured' && message.kind !== 'not-configured') return false
    const { devices } = message
    const problem = message.kind === 'configured' ? {} : { problem: message.message }
    this.#waiting.get(message.id)?.({ ...problem, ...(devices === undefined ? {} : { devices }) })
    this.#waiting.delete(message.id)
    return true
  }
}
