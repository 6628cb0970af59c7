import type { ConfigProblem } from './problem.ts'

export type FormatOptions = {
  readonly color?: boolean
  /** Columns; 80 unless given. */
  readonly width?: number
}

/**
 * Problems as the terminal shows them: place, severity and sentence; below an error its line, the wrong text marked, and
 * what to do. `sources` are the texts of the files with secrets already blanked, as `loadConfig` hands them out.
 */
export function formatProblems(
  problems: readonly ConfigProblem[],
  sources: ReadonlyMap<string, string>,
  options: FormatOptions = {},
): string {
  const { color = false, width = 80 } = options
  const widest = Math.max(0, ...problems.map((problem) => location(problem).length)) + 1
  const indent = Math.min(widest, Math.max(8, width - NARROWEST))
  const blocks = problems.map((problem) => {
    const head = headOf(problem, indent, width, color)
    const excerpt = problem.severity === 'error' ? excerptOf(problem, sources) : undefined
    if (excerpt === undefined) return [...head, ...bareHints(problem, indent, width)].join('\n')
    return [...head, ...excerptLines(problem, excerpt, indent, width, color), ''].join('\n')
  })
  return blocks.map((block) => `${block}\n`).join('')
}

/** `3 errors, 1 warning`. */
export function countProblems(problems: readonly ConfigProblem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  return `${counted(errors, 'error')}, ${counted(problems.length - errors, 'warning')}`
}

/** Columns left for severity and sentence before the place gets a line of its own. */
const NARROWEST = 46
/** `   17 | ` */
const GUTTER = 8
const NARROWEST_HINT = 30

function headOf(problem: ConfigProblem, indent: number, width: number, color: boolean): string[] {
  const { severity, code, message } = problem
  const place = location(problem)
  const sentence = code === undefined ? message : `${code} ${message}`
  const column = indent + severityColumns(problem)
  const [first = '', ...rest] = wrap(sentence, width - column)
  const painted = paint(severity, severity, color).padEnd(
    severityColumns(problem) + (color ? paint('', severity, true).length : 0),
  )
  const lines = [
    `${painted}${first}`,
    ...rest.map((line) => ' '.repeat(severityColumns(problem)) + line),
  ]
  if (place.length >= indent) return [place, ...lines.map((line) => ' '.repeat(indent) + line)]
  return lines.map((line, i) => (i === 0 ? place.padEnd(indent) : ' '.repeat(indent)) + line)
}

function severityColumns({ severity }: ConfigProblem): number {
  return severity === 'error' ? 7 : 8
}

function bareHints(problem: ConfigProblem, indent: number, width: number): string[] {
  const column = indent + severityColumns(problem)
  return problem.hints.flatMap((hint) =>
    hintLines(hint, width - column).map((line) => ' '.repeat(column) + line),
  )
}

type Excerpt = {
  readonly line: number
  readonly text: string
  readonly column: number
  readonly length: number
}

function excerptOf(
  { file, line, column, length }: ConfigProblem,
  sources: ReadonlyMap<string, string>,
): Excerpt | undefined {
  const text = line === undefined ? undefined : sources.get(file)?.split(/\r?\n/)[line - 1]
  if (text === undefined || line === undefined || column === undefined) return undefined
  return { line, text: printable(text), column, length: length ?? 1 }
}

function excerptLines(
  { severity, hints }: ConfigProblem,
  excerpt: Excerpt,
  indent: number,
  width: number,
  color: boolean,
): string[] {
  const room = width - GUTTER
  // A long line is shown around what is marked.
  const cut =
    excerpt.text.length > room && excerpt.column - 1 > room - 20 ? excerpt.column - 1 - 8 : 0
  const shown = excerpt.text.slice(cut, cut + room)
  const from = excerpt.column - 1 - cut
  const marked = Math.max(1, Math.min(excerpt.length, shown.length - from))
  const caretColumn = GUTTER + from
  const source = `${String(excerpt.line).padStart(5)} | ${shown}`.trimEnd()
  const carets = `${'|'.padStart(7)} ${' '.repeat(from)}${paint('^'.repeat(marked), severity, color)}`
  const hintColumn = caretColumn + marked + 2
  if (width - hintColumn >= NARROWEST_HINT) {
    const [first, ...rest] = hints.flatMap((hint) => hintLines(hint, width - hintColumn))
    const hanging = ' '.repeat(Math.min(hintColumn, indent))
    return [
      source,
      first === undefined ? carets : `${carets}  ${first}`,
      ...rest.map((line) => hanging + line),
    ]
  }
  const below = hints.flatMap((hint) => hintLines(hint, room))
  return [source, carets, ...below.map((line) => ' '.repeat(GUTTER) + line)]
}

function hintLines(hint: string, width: number): string[] {
  return hint.startsWith('$ ') ? [hint.slice(2)] : wrap(hint, width)
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

function location({ file, line, column }: ConfigProblem): string {
  return line === undefined ? printable(file) : `${printable(file)}:${line}:${column}`
}

/** Control characters could move the cursor or recolour the terminal; none is passed on. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\u00b7')
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function paint(text: string, severity: ConfigProblem['severity'], color: boolean): string {
  if (!color) return text
  return `\u001b[${severity === 'error' ? '31' : '33'}m${text}\u001b[0m`
}
