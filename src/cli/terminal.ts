import { styleText } from 'node:util'
import { EXIT } from './exit-codes.ts'

export type Style = 'green' | 'red' | 'yellow' | 'dim' | 'bold'

/** Where a command speaks: data to `out`, everything else to `err`. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** The text in colour where colours are wanted, else the text itself. */
  style(style: Style, text: string): string
  /** Columns of the screen; 80 where there is none. */
  readonly columns: number
  readonly isTerminal: boolean
}

export type ColorChoice = 'auto' | 'always' | 'never'

/**
 * Colour only on a terminal, and not with NO_COLOR (no-color.org), unless `--color` says otherwise.
 * @param whenClosed what to do when nobody reads on: a command ends, a gateway runs on.
 */
export function processTerminal(color: ColorChoice, whenClosed: 'end' | 'go on'): Terminal {
  const { stdout, stderr, env } = process
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (whenClosed === 'go on') return
      if (error.code === 'EPIPE') process.exit()
      // A key that was sent to a full disk is no key.
      if (stream === stdout)
        stderr.write(`causeway: output could not be written: ${error.message}\n`)
      process.exit(EXIT.down)
    })
  }
  const isTerminal = stdout.isTTY === true
  const automatic = isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  const colored = color === 'always' || (color === 'auto' && automatic)
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    style: (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text),
    columns: Math.max(40, stdout.columns ?? 80),
    isTerminal,
  }
}
