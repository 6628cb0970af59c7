import { connect, type Socket } from 'node:net'
import { fromJson, toJson } from './json-octets.ts'
import { LineSplitter } from './line-splitter.ts'
import type { Command, ControlError, Reply, Results, ToldEvent } from './schema.ts'

/** The gateway could not be reached, or hung up. */
export class GatewayUnreachable extends Error {
  readonly reason: 'not-running' | 'permission' | 'lost'

  constructor(reason: 'not-running' | 'permission' | 'lost', message: string) {
    super(message)
    this.reason = reason
  }
}

/** The gateway understood, and said no. */
export class CommandRefused extends Error {
  readonly code: ControlError['code']

  constructor({ code, message }: ControlError) {
    super(message)
    this.code = code
  }
}

type Waiting = { resolve(result: unknown): void; reject(error: Error): void }

// Answers may be long (a status of a thousand tunnels); this only bounds what a stranger behind the path can do to us.
const MAX_REPLY_CHARACTERS = 64 * 1024 * 1024

/** One connection to a running gateway. */
export class ControlClient {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Map<number, (told: ToldEvent) => void>()
  #onLost: (() => void) | undefined
  #nextId = 1
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    const splitter = new LineSplitter(MAX_REPLY_CHARACTERS)
    socket.on('data', (chunk: Uint8Array) => {
      const lines = splitter.push(chunk)
      if (lines === 'too-long') socket.destroy()
      else for (const line of lines) this.#take(line)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#lost())
  }

  /** @throws GatewayUnreachable */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('connect', () => {
        socket.removeAllListeners('error')
        resolve(new ControlClient(socket))
      })
      socket.once('error', (error: NodeJS.ErrnoException) => reject(unreachable(path, error)))
    })
  }

  /** @throws CommandRefused @throws GatewayUnreachable when the connection ends before the answer. */
  request<C extends Command>(command: C): Promise<Results[C['command']]> {
    return this.#send(this.#nextId++, command) as Promise<Results[C['command']]>
  }

  /** Calls `listener` for every event from now on, of `tunnels` or of all. */
  async subscribe(listener: (told: ToldEvent) => void, tunnels?: readonly string[]): Promise<void> {
    const id = this.#nextId++
    this.#listeners.set(id, listener)
    const only = tunnels === undefined ? {} : { tunnels: [...tunnels] }
    await this.#send(id, { command: 'subscribe', ...only })
  }

  /** Called once when the gateway hangs up without being asked to. */
  onLost(callback: () => void): void {
    if (this.#closed) callback()
    else this.#onLost = callback
  }

  close(): void {
    this.#onLost = undefined
    this.#closed = true
    this.#socket.destroy()
  }

  #send(id: number, command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new GatewayUnreachable('lost', 'the connection to the gateway is closed'))
        return
      }
      this.#waiting.set(id, { resolve, reject })
      this.#socket.write(`${toJson({ id, ...command })}\n`)
    })
  }

  #take(line: string): void {
    const reply = parseReply(line)
    if (reply === undefined) {
      this.#socket.destroy()
      return
    }
    if ('event' in reply) {
      this.#listeners.get(reply.id)?.(reply.event)
      return
    }
    const waiting = reply.id === null ? undefined : this.#waiting.get(reply.id)
    if (reply.id !== null) this.#waiting.delete(reply.id)
    if ('error' in reply) waiting?.reject(new CommandRefused(reply.error))
    else waiting?.resolve(reply.result)
  }

  #lost(): void {
    this.#closed = true
    const error = new GatewayUnreachable('lost', 'the gateway hung up before it answered')
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#onLost?.()
  }
}

function parseReply(line: string): Reply | undefined {
  try {
    const reply = fromJson(line)
    return typeof reply === 'object' && reply !== null && 'id' in reply
      ? (reply as Reply)
      : undefined
  } catch {
    return undefined
  }
}

function unreachable(path: string, error: NodeJS.ErrnoException): GatewayUnreachable {
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return new GatewayUnreachable('permission', `no permission to use ${path}`)
  }
  const state = error.code === 'ENOENT' ? 'is not there' : 'does not answer'
  return new GatewayUnreachable('not-running', `no gateway is running: its socket ${path} ${state}`)
}
