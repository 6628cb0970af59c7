import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '#bytes/thrown'
import { ControlClient } from '#control/client'
import type { ReloadResult, ToldEvent } from '#control/schema'
import type { StatusDocument, TunnelStatus } from '#control/status'
import type { Event, MessageEvent } from '#ike/events'
import { undoAtExit } from './leftovers.ts'
import { eventually, stop } from './process.ts'
import type { Namespace } from './topology.ts'

/** A tunnel as its configuration file has it; keys not named here may be added as they are written there. */
export type TunnelSettings = {
  readonly peer: string
  readonly address?: string
  /** This, or `certificate`. */
  readonly psk?: string
  readonly 'peer-id'?: string | { readonly sends: string } | { readonly 'any-of': 'psk' | 'trust' }
  readonly id?: string
  readonly phase1?: unknown
  readonly phase2?: unknown
  readonly networks: readonly string[]
  readonly start?: 'always' | 'on-traffic' | 'respond'
  readonly encapsulation?: 'auto' | 'force'
  readonly [key: string]: unknown
}

export type GatewaySettings = {
  readonly name: string
  readonly address?: string
  readonly workers?: number
  readonly tunnels: Readonly<Record<string, TunnelSettings>>
}

/** A real `causeway run` in a namespace, and one connection to its control socket. */
export class GatewayProcess {
  readonly events: ToldEvent[]
  readonly #client: ControlClient
  readonly #folder: string
  readonly #output: () => string
  readonly #pid: number
  readonly #stop: () => Promise<void>

  private constructor(parts: {
    events: ToldEvent[]
    client: ControlClient
    folder: string
    output: () => string
    pid: number
    stop: () => Promise<void>
  }) {
    this.events = parts.events
    this.#client = parts.client
    this.#folder = parts.folder
    this.#output = parts.output
    this.#pid = parts.pid
    this.#stop = parts.stop
  }

  /**
   * `configuration`: settings, or the text of a file, which then must not name a control socket; `options` are added to the command
   * line.
   */
  static async start(
    namespace: Namespace,
    configuration: GatewaySettings | string,
    options: readonly string[] = [],
  ): Promise<GatewayProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'cw-gw-'))
    const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
    writeConfiguration(folder, configuration)
    const control = join(folder, 'control')
    const child = namespace.start(
      [
        process.execPath,
        CAUSEWAY,
        'run',
        '-c',
        join(folder, 'causeway.yaml'),
        '--control',
        control,
        ...options,
      ],
      { env: { NO_COLOR: '1' } },
    )
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += chunk
    })
    child.stderr?.on('data', (chunk) => {
      output += chunk
    })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const events: ToldEvent[] = []
    const answering = async () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        await ended // With all that it has printed.
        throw new Error(`causeway run ended (${child.exitCode ?? child.signalCode}):\n${output}`)
      }
      // One that does not get ready hangs up, and ends a moment later.
      return follow(control, (told) => events.push(told)).catch(() => undefined)
    }
    const client = await eventually('the gateway answers on its control socket', answering, {
      patience: 30_000,
    }).catch(async (error: unknown) => {
      await stop(child)
      forget()
      throw error
    })
    return new GatewayProcess({
      events,
      client,
      folder,
      output: () => output,
      pid: child.pid ?? 0,
      stop: async () => {
        client.close()
        await stop(child)
        forget()
      },
    })
  }

  /** Of the process, for signals. */
  get pid(): number {
    return this.#pid
  }

  /** Path of its control socket, for commands. */
  get control(): string {
    return join(this.#folder, 'control')
  }

  /** What it has printed. */
  output(): string {
    return this.#output()
  }

  status(): Promise<StatusDocument> {
    return this.#client.request({ command: 'status' })
  }

  async tunnel(name: string): Promise<TunnelStatus> {
    const { tunnels } = await this.#client.request({ command: 'status', tunnels: [name] })
    const found = tunnels.find((tunnel) => tunnel.name === name)
    if (found === undefined) throw new Error(`no tunnel ${name}`)
    return found
  }

  /** Asks for the tunnel and waits until it is up. @throws with the gateway's own diagnosis when it does not come up. */
  async up(name: string, patience = 15_000): Promise<void> {
    const from = this.events.length
    await this.#client.request({ command: 'up', tunnels: [name] })
    await this.becomes(name, 'up', { patience, failAfter: from })
  }

  async down(name: string): Promise<void> {
    await this.#client.request({ command: 'down', tunnels: [name] })
  }

  async rekey(name: string, phase: 1 | 2): Promise<void> {
    await this.#client.request({ command: 'rekey', tunnels: [name], phase })
  }

  /** Waits for a state; with `failAfter` a failed negotiation later than that place in `events` ends the wait. */
  async becomes(
    name: string,
    state: TunnelStatus['state'],
    { patience = 15_000, failAfter }: { patience?: number; failAfter?: number } = {},
  ): Promise<void> {
    await eventually(
      `tunnel ${name} is ${state}`,
      async () => {
        const failed = this.#failure(name, failAfter)
        if (failed !== undefined) throw new Error(`tunnel ${name}: ${failed}\n${this.output()}`)
        return (await this.tunnel(name)).state === state
      },
      { patience, interval: 20 },
    ).catch((error: unknown) => {
      throw new Error(`${messageOf(error)}\n${this.output()}`)
    })
  }

  /** Waits for an event of a tunnel that comes, or came, at or after place `from` in `events`. */
  waitFor<K extends Event['kind']>(
    kind: K,
    tunnel: string,
    { from = 0, patience = 10_000 }: { from?: number; patience?: number } = {},
  ): Promise<Extract<Event, { kind: K }>> {
    return eventually(
      `${kind} of ${tunnel}`,
      () =>
        this.events
          .slice(from)
          .map(({ event }) => event)
          .find(
            (event): event is Extract<Event, { kind: K }> =>
              event.kind === kind && 'tunnel' in event && event.tunnel === tunnel,
          ),
      { patience, interval: 10 },
    )
  }

  messages(tunnel: string): readonly MessageEvent[] {
    return this.events
      .map(({ event }) => event)
      .filter((event) => event.kind === 'message')
      .filter((event) => event.tunnel === tunnel)
  }

  /** Writes the file anew, for a command to read it. */
  write(configuration: GatewaySettings | string): void {
    writeConfiguration(this.#folder, configuration)
  }

  /** Writes the file anew and has it read, as `causeway apply` would. */
  async reload(configuration: GatewaySettings | string): Promise<ReloadResult> {
    this.write(configuration)
    return this.#client.request({ command: 'reload' })
  }

  /** Ends it as an operator would, with SIGTERM. */
  stop(): Promise<void> {
    return this.#stop()
  }

  #failure(name: string, from: number | undefined): string | undefined {
    if (from === undefined) return undefined
    const told = this.events
      .slice(from)
      .map(({ event }) => event)
      .find((event) => event.kind === 'negotiation-failed' && event.tunnel === name)
    if (told?.kind !== 'negotiation-failed') return undefined
    const { code, summary, evidence } = told.failure
    return `phase ${told.phase} failed: ${code} ${summary} (${evidence})`
  }
}

async function follow(control: string, hear: (told: ToldEvent) => void): Promise<ControlClient> {
  const client = await ControlClient.connect(control)
  try {
    await client.subscribe(hear)
    return client
  } catch (error) {
    client.close()
    throw error
  }
}

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')

function writeConfiguration(folder: string, configuration: GatewaySettings | string): void {
  const file = join(folder, 'causeway.yaml')
  writeFileSync(file, typeof configuration === 'string' ? configuration : yaml(configuration))
  // A key stands in it: the gateway refuses a file that others can read.
  chmodSync(file, 0o600)
}

/** JSON is YAML too. */
function yaml({ tunnels, ...gateway }: GatewaySettings): string {
  return JSON.stringify({ version: 1, gateway, tunnels }, null, 2)
}
