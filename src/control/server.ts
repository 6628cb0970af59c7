import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { z } from 'zod'
import { messageOf } from '#bytes/thrown'
import { fromJson, toJson } from './json-octets.ts'
import { LineSplitter } from './line-splitter.ts'
import {
  CONTROL_SCHEMA,
  type ControlError,
  MAX_REQUEST_OCTETS,
  type Reply,
  type Request,
  requestSchema,
  type ToldEvent,
} from './schema.ts'

/** Thrown by a handler to answer with a typed error. */
export class RequestRefused extends Error {
  readonly code: ControlError['code']

  constructor(code: ControlError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The socket could not be opened; `message` is for the operator. */
export class ControlSocketError extends Error {}

export type ControlHandlers = {
  /** Settles when requests can be answered; until then they wait. */
  readonly ready: Promise<void>
  /** The answer of one request; `subscribe` is the server's own. @throws RequestRefused */
  readonly handle: (request: Exclude<Request, { command: 'subscribe' }>) => Promise<unknown>
  /** Tunnels that `patterns` name; all of them when absent. @throws RequestRefused */
  readonly select: (patterns: readonly string[] | undefined) => readonly string[]
}

type Unversioned<T> = T extends unknown ? Omit<T, 'schema'> : never

type Client = {
  readonly socket: Socket
  /** Request id → tunnels it listens to, `'all'` for every event. */
  readonly subscriptions: Map<number, ReadonlySet<string> | 'all'>
  pending: number
}

const MAX_CLIENTS = 64
const MAX_PENDING = 32
// A subscriber that does not read is cut off; the gateway's memory is not its buffer.
const MAX_UNREAD_OCTETS = 4 * 1024 * 1024
// sun_path of Linux, less its terminating zero.
const MAX_PATH_OCTETS = 107

/** Newline-delimited JSON on a Unix socket that root and its group may use. */
export class ControlServer {
  readonly #path: string
  readonly #handlers: ControlHandlers
  readonly #clients = new Set<Client>()
  readonly #server: Server
  #listening = false

  constructor(path: string, handlers: ControlHandlers) {
    this.#path = path
    this.#handlers = handlers
    this.#server = createServer((socket) => this.#accept(socket))
    this.#server.maxConnections = MAX_CLIENTS
  }

  /** @throws ControlSocketError when another gateway answers there, or the path cannot be used. */
  async listen(): Promise<void> {
    await clearPath(this.#path)
    const before = process.umask(0o117)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject)
        this.#server.listen(this.#path, resolve)
      })
    } catch (error) {
      throw new ControlSocketError(`control socket ${this.#path}: ${messageOf(error)}`)
    } finally {
      process.umask(before)
    }
    chmodSync(this.#path, 0o660)
    this.#listening = true
  }

  publish(told: ToldEvent): void {
    const tunnel = 'tunnel' in told.event ? told.event.tunnel : undefined
    for (const client of this.#clients) {
      for (const [id, tunnels] of client.subscriptions) {
        const wanted = tunnels === 'all' || (tunnel !== undefined && tunnels.has(tunnel))
        if (wanted) send(client, { id, event: told })
      }
    }
  }

  /** Says no more, hangs up, and takes the socket's name away. */
  async close(): Promise<void> {
    if (!this.#listening) return
    this.#listening = false
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const { socket } of this.#clients) socket.destroySoon()
    const patience = setTimeout(() => {
      for (const { socket } of this.#clients) socket.destroy()
    }, 500)
    await closed
    clearTimeout(patience)
  }

  #accept(socket: Socket): void {
    const client: Client = { socket, subscriptions: new Map(), pending: 0 }
    const splitter = new LineSplitter(MAX_REQUEST_OCTETS)
    this.#clients.add(client)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#clients.delete(client))
    socket.on('data', (chunk: Uint8Array) => {
      const lines = splitter.push(chunk)
      if (lines === 'too-long') {
        refuse(client, null, 'bad-request', `a request is at most ${MAX_REQUEST_OCTETS} octets`)
        socket.destroySoon()
        return
      }
      for (const line of lines) void this.#take(client, line)
    })
  }

  async #take(client: Client, line: string): Promise<void> {
    const request = parseRequest(line)
    if ('problem' in request) {
      refuse(client, request.id, 'bad-request', request.problem)
      return
    }
    if (client.pending >= MAX_PENDING) {
      refuse(client, request.id, 'busy', `${MAX_PENDING} requests are under way on this connection`)
      return
    }
    client.pending++
    try {
      send(client, { id: request.id, result: await this.#answer(client, request) })
    } catch (error) {
      const known = error instanceof RequestRefused
      refuse(client, request.id, known ? error.code : 'internal', messageOf(error))
    } finally {
      client.pending--
    }
  }

  async #answer(client: Client, request: Request): Promise<unknown> {
    await this.#handlers.ready
    if (request.command !== 'subscribe') return this.#handlers.handle(request)
    if (client.subscriptions.size >= MAX_PENDING) {
      throw new RequestRefused('busy', `${MAX_PENDING} subscriptions on this connection`)
    }
    const tunnels =
      request.tunnels === undefined ? 'all' : new Set(this.#handlers.select(request.tunnels))
    client.subscriptions.set(request.id, tunnels)
    return {}
  }
}

function parseRequest(line: string): Request | { id: number | null; problem: string } {
  let value: unknown
  try {
    value = fromJson(line)
  } catch {
    return { id: null, problem: 'a request is one JSON object on one line' }
  }
  const parsed = requestSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const id = z.object({ id: z.number() }).safeParse(value)
  const [issue] = parsed.error.issues
  const where = issue === undefined || issue.path.length === 0 ? 'request' : issue.path.join('.')
  return { id: id.success ? id.data.id : null, problem: `${where}: ${issue?.message ?? 'invalid'}` }
}

function refuse(
  client: Client,
  id: number | null,
  code: ControlError['code'],
  message: string,
): void {
  send(client, { id, error: { code, message } })
}

function send(client: Client, reply: Unversioned<Reply>): void {
  const { socket } = client
  if (socket.destroyed || !socket.writable) return
  socket.write(`${toJson({ schema: CONTROL_SCHEMA, ...reply })}\n`)
  if (socket.writableLength > MAX_UNREAD_OCTETS) socket.destroy()
}

/** A socket that a crashed gateway left is removed; one that answers is respected. */
async function clearPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_OCTETS) {
    throw new ControlSocketError(
      `control socket ${path}: longer than the ${MAX_PATH_OCTETS} octets Linux allows`,
    )
  }
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new ControlSocketError(`${path} exists and is not a socket`)
  if (await answers(path)) {
    throw new ControlSocketError(
      `another gateway is running, it answers on ${path}; stop it, or give this one another gateway.control`,
    )
  }
  unlinkSync(path)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
