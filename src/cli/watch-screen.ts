import type { StatusDocument, TunnelStatus } from '#control/status'
import { shortBitsPerSecond } from './amounts.ts'
import { standingFailure } from './standing-failure.ts'
import { ageText, failureLines, nextText, peerText, stateStyle, stateText } from './status-view.ts'
import { clip, columnsOf, padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'
import { tunnelDetail } from './tunnel-view.ts'
import { newlyUnanswered, unansweredLines } from './unanswered-view.ts'

/** What the operator is looking at. Tunnels are meant by name, so that none changes under the cursor. */
export type WatchState = {
  readonly view: 'table' | 'detail' | 'log' | 'help'
  readonly selected: string | undefined
  readonly order: 'name' | 'traffic' | 'trouble'
  /** Shows tunnels whose name holds this. */
  readonly filter: string
  /** What the next keys are for. */
  readonly asking: 'nothing' | 'filter' | { readonly confirm: 'down' }
}

export const WATCH_START: WatchState = {
  view: 'table',
  selected: undefined,
  order: 'name',
  filter: '',
  asking: 'nothing',
}

/** What a key asks for beside another look. */
export type WatchAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'quit' }
  | { readonly kind: 'up' | 'down' | 'rekey'; readonly tunnel: string }

export type Screen = Pick<Terminal, 'columns' | 'style'> & { readonly rows: number }

/** A key as the terminal sends it, in the words of node:readline. */
export type Key = { readonly name?: string | undefined; readonly sequence: string }

/** What is known when the screen is drawn. */
export type Looks = {
  readonly now: StatusDocument
  /** Of the selected tunnel, newest last; only while the log is shown. */
  readonly log: readonly string[]
}

export function press(
  state: WatchState,
  key: Key,
  looks: Looks,
): { readonly state: WatchState; readonly action: WatchAction } {
  const stay = (next: Partial<WatchState>, action: WatchAction = { kind: 'none' }) => ({
    state: { ...state, ...next },
    action,
  })
  if (state.asking === 'filter') return stay(typed(state, key))
  const tunnel = selectedOf(state, looks)?.name
  if (typeof state.asking === 'object') {
    const isYes = key.sequence === 'y' && tunnel !== undefined
    return stay({ asking: 'nothing' }, isYes ? { kind: 'down', tunnel } : { kind: 'none' })
  }
  switch (key.name ?? key.sequence) {
    case 'q':
      return stay({}, { kind: 'quit' })
    case 'escape':
      return stay(state.view === 'table' ? { filter: '' } : { view: 'table' })
    case 'up':
    case 'k':
      return stay({ selected: neighbour(state, looks, -1) })
    case 'down':
    case 'j':
      return stay({ selected: neighbour(state, looks, 1) })
    case 'return':
      return stay({ view: state.view === 'detail' ? 'table' : 'detail', selected: tunnel })
    case 'l':
      return stay({ view: state.view === 'log' ? 'table' : 'log', selected: tunnel })
    case 's':
      return stay({ order: NEXT_ORDER[state.order] })
    case 'u':
    case 'r':
      if (tunnel === undefined) return stay({})
      return stay({}, { kind: key.sequence === 'u' ? 'up' : 'rekey', tunnel })
    case 'd':
      return stay({ selected: tunnel, asking: { confirm: 'down' } })
  }
  if (key.sequence === '/') return stay({ asking: 'filter', filter: '', view: 'table' })
  if (key.sequence === '?') return stay({ view: state.view === 'help' ? 'table' : 'help' })
  return stay({})
}

/** The lines of a whole screen, none longer than it is wide. */
export function watchLines(state: WatchState, looks: Looks, screen: Screen): readonly string[] {
  const { now } = looks
  const { gateway, summary } = now
  const head = `${gateway.name}  ${summary.up} of ${summary.tunnels} up`
  const time = new Date(now.at).toLocaleTimeString('en-GB')
  const lines = [
    `${padEnd(clip(head, screen.columns - 10), screen.columns - columnsOf(time))}${time}`,
    '',
    ...bodyOf(state, looks, screen),
  ]
  const room = Math.max(3, screen.rows - 1)
  const shown = lines.slice(0, room)
  const space = Array.from({ length: room - shown.length }, () => '')
  return [...shown, ...space, clip(footOf(state, looks), screen.columns)]
}

function bodyOf(state: WatchState, looks: Looks, screen: Screen): readonly string[] {
  const selected = selectedOf(state, looks)
  switch (state.view) {
    case 'help':
      return HELP
    case 'detail':
      return selected === undefined ? [] : tunnelDetail(selected, looks.now, screen).split('\n')
    case 'log': {
      const room = Math.max(1, screen.rows - 4)
      const lines = looks.log.length === 0 ? ['  nothing yet'] : looks.log.slice(-room)
      return [`${selected?.name ?? ''}: what happened`, ...lines]
    }
    case 'table':
      return tableLines(state, looks, screen)
  }
}

function tableLines(state: WatchState, looks: Looks, screen: Screen): readonly string[] {
  const tunnels = shownTunnels(state, looks)
  const selected = selectedOf(state, looks)
  const rows = tunnels.map((tunnel) => [
    tunnel.name,
    stateText(tunnel),
    ageText(tunnel.since, looks.now.at),
    peerText(tunnel),
    shortBitsPerSecond(tunnel.traffic.in.bitsPerSecond),
    shortBitsPerSecond(tunnel.traffic.out.bitsPerSecond),
    nextText(tunnel, looks.now.at),
  ])
  const widths = HEADER.map((title, i) =>
    Math.max(columnsOf(title), ...rows.map((row) => columnsOf(row[i] ?? ''))),
  )
  const line = (row: readonly string[]) =>
    clip(row.map((cell, i) => padEnd(cell, widths[i] ?? 0)).join('  '), screen.columns - 2)
  const why = selected === undefined ? undefined : standingFailure(selected)
  const [waiting] = selected === undefined ? [] : newlyUnanswered(selected, looks.now.at)
  const told =
    (why && failureLines(why, screen.columns)) ??
    (waiting && unansweredLines(waiting.message, screen.columns))
  const below = told === undefined ? [] : ['', ...told]
  // The selected row stays in sight, with what is said of it below.
  const room = Math.max(1, screen.rows - 4 - below.length)
  const at = tunnels.findIndex(({ name }) => name === selected?.name)
  const from = Math.min(Math.max(0, at - room + 1), Math.max(0, tunnels.length - room))
  const visible = rows.slice(from, from + room).map((row, index) => {
    const tunnel = tunnels[from + index]
    const isSelected = tunnel !== undefined && tunnel.name === selected?.name
    const text = `${isSelected ? '▸' : ' '} ${line(row)}`
    return tunnel === undefined ? text : screen.style(stateStyle(tunnel), text)
  })
  return [`  ${line(HEADER)}`, ...visible, ...below]
}

function shownTunnels({ filter, order }: WatchState, looks: Looks): readonly TunnelStatus[] {
  const found = looks.now.tunnels.filter(({ name }) => name.includes(filter))
  if (order === 'name') return [...found].sort((a, b) => a.name.localeCompare(b.name))
  if (order === 'trouble') return [...found].sort((a, b) => troubleRank(a) - troubleRank(b))
  const rate = ({ traffic }: TunnelStatus) => traffic.in.bitsPerSecond + traffic.out.bitsPerSecond
  return [...found].sort((a, b) => rate(b) - rate(a))
}

/** What is up and does not carry all that it should comes before what does. */
function troubleRank(tunnel: TunnelStatus): number {
  return TROUBLE.indexOf(tunnel.state) - (standingFailure(tunnel) === undefined ? 0 : 0.5)
}

function selectedOf(state: WatchState, looks: Looks): TunnelStatus | undefined {
  const tunnels = shownTunnels(state, looks)
  return tunnels.find(({ name }) => name === state.selected) ?? tunnels[0]
}

function neighbour(state: WatchState, looks: Looks, step: 1 | -1): string | undefined {
  const names = shownTunnels(state, looks).map(({ name }) => name)
  const at = names.indexOf(selectedOf(state, looks)?.name ?? '')
  return names[Math.min(names.length - 1, Math.max(0, at + step))]
}

function typed(state: WatchState, { name, sequence }: Key): Partial<WatchState> {
  if (name === 'return') return { asking: 'nothing' }
  if (name === 'escape') return { asking: 'nothing', filter: '' }
  if (name === 'backspace') return { filter: state.filter.slice(0, -1) }
  // Names of tunnels are made of these; everything else is some other key.
  return /^[\w.-]$/.test(sequence) ? { filter: state.filter + sequence } : {}
}

function footOf(state: WatchState, looks: Looks): string {
  const tunnel = selectedOf(state, looks)?.name ?? ''
  if (state.asking === 'filter') return `/${state.filter}`
  if (typeof state.asking === 'object') return `Close ${tunnel} and keep it closed? y/n`
  const filter = state.filter === '' ? '' : `  only "${state.filter}"`
  return `↑↓ choose  Enter detail  l log  u up  d down  r rekey  / find  s sort  ? q${filter}`
}

const HEADER = ['TUNNEL', 'STATE', 'SINCE', 'PEER', 'IN b/s', 'OUT b/s', 'REKEY']
const TROUBLE: readonly TunnelStatus['state'][] = ['down', 'connecting', 'stopped', 'up']
const NEXT_ORDER = { name: 'traffic', traffic: 'trouble', trouble: 'name' } as const
const HELP = [
  '  ↑ ↓ or k j   choose a tunnel',
  '  Enter        everything about it, and back',
  '  l            what happened to it, and back',
  '  u            bring it up',
  '  d            close it and keep it closed (asks first)',
  '  r            rekey phase 2',
  '  /            only tunnels whose name holds what you type; Esc: all',
  '  s            sort by name, traffic, trouble',
  '  ?            this page, and back',
  '  q or Ctrl-C  quit',
]
