import type { Imported, ImportedTunnel, Note } from '#config/import/imported'
import { placeText } from '#config/import/tunnel-yaml'
import { wrap } from '#diagnosis/wrap'
import { clip, padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'

/** What became of every statement, tunnel by tunnel. `files`: where a tunnel was written, by its name. */
export function importReport(
  imported: readonly Imported[],
  files: ReadonlyMap<string, string>,
  terminal: Terminal,
): string {
  const blocks = imported.flatMap(({ tunnels, skipped, notes, otherLines }) => [
    ...tunnels.map((tunnel) => tunnelText(tunnel, files.get(tunnel.name), terminal)),
    ...skipped.map(({ name, at, why }) =>
      block(`${name}  ${terminal.style('yellow', '! skipped')}  ${placeText(at)}`, [why], terminal),
    ),
    ...(notes.length === 0 ? [] : [noteTexts('Of no tunnel', notes, terminal)]),
    ...(otherLines === 0 ? [] : [`${otherLines} lines about other things were not looked at\n`]),
  ])
  return `${blocks.join('\n')}\n`
}

/** `2 found, 1 written, 1 skipped`. */
export function importCount(imported: readonly Imported[], written: boolean): string {
  const tunnels = imported.flatMap((one) => one.tunnels).length
  const skipped = imported.flatMap((one) => one.skipped).length
  return `${tunnels + skipped} found, ${tunnels} ${written ? 'written' : 'read'}, ${skipped} skipped`
}

function tunnelText(tunnel: ImportedTunnel, file: string | undefined, terminal: Terminal): string {
  const { name, notes, remarks } = tunnel
  const taken = notes.filter(({ kind }) => kind === 'taken').length
  const settings = taken === 1 ? '1 setting taken' : `${taken} settings taken`
  const title = `${terminal.style('bold', name)}  → ${file ?? 'standard output'}  ${settings}`
  return [
    `${title}\n`,
    ...notes.map((note) => noteText(note, terminal)),
    ...remarks.map((remark) => block('', [`! ${remark}`], terminal)),
  ].join('')
}

function noteTexts(title: string, notes: readonly Note[], terminal: Terminal): string {
  return [`${title}\n`, ...notes.map((note) => noteText(note, terminal))].join('')
}

function noteText(note: Note, { columns, style }: Terminal): string {
  const place = padEnd(placeText(note.origin), PLACE)
  const text = note.origin.text
  const outcome = outcomeOf(note)
  const shown = note.kind === 'left-out' ? style('yellow', outcome) : outcome
  const room = columns - INDENT.length - PLACE - 1
  const isShort = text.length <= TEXT && outcome.length <= room - TEXT - 2
  if (isShort) return `${INDENT}${place} ${padEnd(text, TEXT)}  ${shown}\n`
  const below = ' '.repeat(INDENT.length + PLACE + 3)
  const lines = wrap(outcome, columns - below.length)
  const styled = note.kind === 'left-out' ? lines.map((line) => style('yellow', line)) : lines
  return [`${INDENT}${place} ${clip(text, room)}`, ...styled.map((line) => below + line), ''].join(
    '\n',
  )
}

function outcomeOf(note: Note): string {
  switch (note.kind) {
    case 'taken':
      return `→ ${note.key}`
    case 'default':
      return `= ${note.why}`
    case 'left-out':
      return `! left out: ${note.why}`
  }
}

const INDENT = '  '
const PLACE = 18
const TEXT = 28

function block(title: string, texts: readonly string[], { columns }: Terminal): string {
  const lines = texts.flatMap((text) => wrap(text, columns - 4).map((line) => `    ${line}`))
  return [...(title === '' ? [] : [title]), ...lines, ''].join('\n')
}
