import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plain } from '../../test/support/recording-terminal.ts'
import { statusSample } from '../../test/support/status-sample.ts'
import { columnsOf } from './table.ts'
import {
  type Key,
  type Looks,
  press,
  WATCH_START,
  type WatchState,
  watchLines,
} from './watch-screen.ts'

const screen = { ...plain, rows: 24 }
const looks: Looks = { now: statusSample, log: [] }
const key = (name: string, sequence = name): Key => ({ name, sequence })

function after(keys: readonly Key[], from: WatchState = WATCH_START): WatchState {
  return keys.reduce((state, one) => press(state, one, looks).state, from)
}

test('fills the screen exactly, and no line is wider', () => {
  for (const view of ['table', 'detail', 'log', 'help'] as const) {
    const lines = watchLines({ ...WATCH_START, view }, looks, screen)
    assert.equal(lines.length, 24)
    assert.deepEqual(
      lines.filter((line) => columnsOf(line) > 80),
      [],
    )
  }
})

test('shows the bits a second that the gateway measures', () => {
  const text = watchLines(WATCH_START, looks, screen).join('\n')
  assert.match(text, /paris .* 12M +890k /)
})

test('the cursor stays within the list, on a tunnel and not on a row', () => {
  const names = [...statusSample.tunnels.map(({ name }) => name)].sort()
  assert.equal(after([key('up')]).selected, names[0])
  assert.equal(after([key('down')]).selected, names[1])
  assert.equal(after(Array.from({ length: 9 }, () => key('down'))).selected, names.at(-1))
})

test('closing a tunnel is asked for first, and only y does it', () => {
  const tunnel = statusSample.tunnels.map(({ name }) => name).sort()[0]
  const asking = after([key('d')])
  assert.match(watchLines(asking, looks, screen).at(-1) ?? '', /Close .*\? y\/n/)
  assert.deepEqual(press(asking, key('n'), looks).action, { kind: 'none' })
  assert.deepEqual(press(asking, key('y'), looks).action, { kind: 'down', tunnel })
})

test('u and r act on the chosen tunnel, q quits', () => {
  const chosen = after([key('down')])
  const tunnel = chosen.selected
  assert.deepEqual(press(chosen, key('u'), looks).action, { kind: 'up', tunnel })
  assert.deepEqual(press(chosen, key('r'), looks).action, { kind: 'rekey', tunnel })
  assert.deepEqual(press(chosen, key('q'), looks).action, { kind: 'quit' })
})

test('a filter is typed after a slash; its letters are no commands until Enter', () => {
  const slash: Key = { sequence: '/' }
  const typing = after([slash, key('t'), key('o'), key('q')])
  assert.equal(typing.filter, 'toq')
  const found = after([slash, key('t'), key('o'), key('k'), key('return')])
  const text = watchLines(found, looks, screen).join('\n')
  assert.match(text, /tokyo/)
  assert.doesNotMatch(text, /^. paris/m)
  assert.equal(after([key('escape')], found).filter, '')
})

test('nothing that a name or a peer could contain is a key while a filter is typed', () => {
  const typed = after([{ sequence: '/' }, { sequence: '\u001b[2J' }, { sequence: 'ä' }])
  assert.equal(typed.filter, '')
})
