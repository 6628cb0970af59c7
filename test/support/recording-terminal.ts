import type { Terminal } from '../../src/cli/terminal.ts'

/** What a view asks of a terminal: 80 columns, no colour. */
export const plain: Pick<Terminal, 'columns' | 'style'> = {
  columns: 80,
  style: (_style, text) => text,
}

/** A terminal without a person before it, and what has been said to it so far. */
export function recordingTerminal(columns: number = plain.columns): {
  readonly terminal: Terminal
  readonly said: { out: string; err: string }
} {
  const said = { out: '', err: '' }
  const terminal: Terminal = {
    ...plain,
    columns,
    isTerminal: false,
    out(text) {
      said.out += text
    },
    err(text) {
      said.err += text
    },
  }
  return { terminal, said }
}
