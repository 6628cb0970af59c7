import { emitKeypressEvents } from 'node:readline'
import type { ControlClient } from '#control/client'
import type { StatusDocument } from '#control/status'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { logLines } from './log.ts'
import { statusTable } from './status-view.ts'
import type { Terminal } from './terminal.ts'
import { type Key, type Looks, press, WATCH_START, watchLines } from './watch-screen.ts'

type Look = () => Promise<StatusDocument>

/** Milliseconds between two looks. */
const EVERY = 1_000

const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l'
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l'

/** `status --watch`: a screen that follows the gateway, or, where there is none, one table (or JSON document) after the other. */
export function watch(
  client: ControlClient,
  terminal: Terminal,
  tunnels: readonly string[],
  json: boolean,
): Promise<ExitCode> {
  const look = () =>
    client.request(tunnels.length === 0 ? { command: 'status' } : { command: 'status', tunnels })
  const interactive = !json && terminal.isTerminal && process.stdin.isTTY === true
  return interactive ? onScreen(client, terminal, look) : asStream(client, terminal, look, json)
}

async function asStream(
  client: ControlClient,
  terminal: Terminal,
  look: Look,
  json: boolean,
): Promise<ExitCode> {
  const lost = new Promise<'lost'>((resolve) => client.onLost(() => resolve('lost')))
  for (;;) {
    const document = await look()
    terminal.out(json ? `${JSON.stringify(document)}\n` : `${statusTable(document, terminal)}\n`)
    if ((await Promise.race([lost, pause(EVERY)])) === 'lost') {
      terminal.err('causeway: the gateway has stopped\n')
      return EXIT.unreachable
    }
  }
}

async function onScreen(client: ControlClient, terminal: Terminal, look: Look): Promise<ExitCode> {
  const { stdin, stdout } = process
  let state = WATCH_START
  let looks: Looks = { now: await look(), log: [] }
  const draw = () => {
    const screen = { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24, style: terminal.style }
    const lines = watchLines(state, looks, screen)
    stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`)
  }
  return new Promise((resolve) => {
    let refreshing = false
    const refresh = async () => {
      if (refreshing) return
      refreshing = true
      try {
        const now = await look()
        const log = state.view === 'log' ? await logOf(client, state.selected, terminal) : []
        looks = { now, log }
        draw()
      } catch {
        end(EXIT.unreachable)
      } finally {
        refreshing = false
      }
    }
    const onKey = (_text: string | undefined, key: Key & { ctrl?: boolean }) => {
      if (key.ctrl === true && key.name === 'c') {
        end(EXIT.ok)
        return
      }
      const pressed = press(state, key, looks)
      state = pressed.state
      const { action } = pressed
      if (action.kind === 'quit') {
        end(EXIT.ok)
        return
      }
      draw()
      if (action.kind !== 'none') {
        const order = { command: action.kind, tunnels: [action.tunnel] } as const
        void client.request(order).then(refresh, () => {})
      }
      if (state.view === 'log') void refresh()
    }
    const timer = setInterval(() => void refresh(), EVERY)
    const restore = () => {
      clearInterval(timer)
      stdin.off('keypress', onKey)
      stdout.off('resize', draw)
      process.off('exit', leave)
      stdin.setRawMode(false)
      stdin.pause()
      leave()
    }
    const leave = () => void stdout.write(LEAVE_SCREEN)
    let ended = false
    const end = (code: ExitCode) => {
      if (ended) return
      ended = true
      restore()
      if (code === EXIT.unreachable) terminal.err('causeway: the gateway has stopped\n')
      resolve(code)
    }
    emitKeypressEvents(stdin)
    stdin.setRawMode(true)
    stdin.resume()
    stdin.on('keypress', onKey)
    stdout.on('resize', draw)
    process.on('exit', leave)
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => end(EXIT.ok))
    client.onLost(() => end(EXIT.unreachable))
    stdout.write(ENTER_SCREEN)
    draw()
  })
}

async function logOf(
  client: ControlClient,
  tunnel: string | undefined,
  { columns }: Terminal,
): Promise<readonly string[]> {
  if (tunnel === undefined) return []
  const { events } = await client.request({ command: 'log', tunnels: [tunnel] })
  return logLines(events, columns)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
