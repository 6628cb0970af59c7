import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Answer, Question } from '#ike/effects'
import type { WantedFetches } from '#pki/verify-peer'
import type { Verification } from './answer-question.ts'
import { type QuestionMessage, questionMessage } from './question-message.ts'

type Job = {
  readonly message: QuestionMessage
  readonly settle: (answer: Answer | WantedFetches) => void
}
type Slot = { readonly worker: Worker; job: Job | undefined }

export type PoolOptions = {
  /** Threads at most; each starts with the first question that finds no idle one. */
  readonly threads?: number
  /** Questions waiting at most; the next is refused at once, which the peer sees as loss. */
  readonly queueLimit?: number
  readonly workerFile?: URL
}

/** Public-key work off the main thread, so that a MODP-8192 exchange or a storm of peers never stalls the others. */
export class KeyAgreementPool {
  readonly #threads: number
  readonly #queueLimit: number
  readonly #workerFile: URL
  readonly #slots = new Set<Slot>()
  readonly #queue: Job[] = []
  #closed = false

  constructor(options: PoolOptions = {}) {
    this.#threads = options.threads ?? Math.min(8, availableParallelism())
    this.#queueLimit = options.queueLimit ?? 1_024
    this.#workerFile = options.workerFile ?? WORKER_FILE
  }

  /** Always answers: `refused` when the pool is full, closed, or the thread at work died. */
  ask(question: Exclude<Question, { kind: 'verify-peer' }>): Promise<Answer>
  ask(question: Question, verification?: Verification): Promise<Answer | WantedFetches>
  ask(question: Question, verification?: Verification): Promise<Answer | WantedFetches> {
    return new Promise((settle) => {
      if (this.#closed) settle(refused('the gateway is stopping'))
      else if (this.#queue.length >= this.#queueLimit)
        settle(refused('too many key agreements wait'))
      else {
        this.#queue.push({ message: questionMessage(question, verification), settle })
        this.#dispatch()
      }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const job of this.#queue.splice(0)) job.settle(refused('the gateway is stopping'))
    const slots = [...this.#slots]
    await Promise.all(slots.map(({ worker }) => worker.terminate()))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const slot = this.#idleSlot()
      if (slot === undefined) return
      const job = this.#queue.shift()
      if (job === undefined) return
      slot.job = job
      slot.worker.postMessage(job.message)
    }
  }

  #idleSlot(): Slot | undefined {
    for (const slot of this.#slots) if (slot.job === undefined) return slot
    return this.#slots.size < this.#threads ? this.#start() : undefined
  }

  #start(): Slot {
    const slot: Slot = { worker: new Worker(this.#workerFile), job: undefined }
    slot.worker.unref()
    slot.worker.on('message', (answer: Answer | WantedFetches) => {
      const job = slot.job
      slot.job = undefined
      job?.settle(answer)
      this.#dispatch()
    })
    // Heard so that it does not become the process's; `exit` follows and does the work.
    slot.worker.on('error', () => {})
    slot.worker.on('exit', () => {
      this.#slots.delete(slot)
      slot.job?.settle(refused('the thread doing the key agreement died'))
      if (!this.#closed) this.#dispatch()
    })
    this.#slots.add(slot)
    return slot
  }
}

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const WORKER_FILE = new URL(`./key-agreement-worker.${EXTENSION}`, import.meta.url)

function refused(reason: string): Answer {
  return { kind: 'refused', reason }
}
