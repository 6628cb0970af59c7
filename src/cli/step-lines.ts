import { wrap } from '#diagnosis/wrap'
import { padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'

/** One thing looked at: in order, wrong, or of another kind; with what puts it right. */
export type StepLine = {
  readonly label: string
  readonly verdict: 'ok' | 'wrong' | 'note'
  readonly text: string
  readonly fix?: string | undefined
}

/** ` ✓ label      text`, wrapped under itself; a command stands whole on a line of its own. */
export function stepLines(steps: readonly StepLine[], terminal: Terminal): readonly string[] {
  const room = terminal.columns - TEXT_AT
  return steps.flatMap(({ label, verdict, text, fix }) => {
    const head = ` ${sign(verdict, terminal)} ${padEnd(label, TEXT_AT - 3)}`
    const lines = wrap(text, room).map((line, index) =>
      index === 0 ? `${head}${line}` : `${' '.repeat(TEXT_AT)}${line}`,
    )
    return fix === undefined
      ? lines
      : [...lines, `${' '.repeat(TEXT_AT)}${terminal.style('bold', fix)}`]
  })
}

function sign(verdict: StepLine['verdict'], { style }: Terminal): string {
  switch (verdict) {
    case 'ok':
      return style('green', '✓')
    case 'wrong':
      return style('red', '✗')
    case 'note':
      return style('dim', '–')
  }
}

const TEXT_AT = 15
