import { EXIT, type ExitCode } from './exit-codes.ts'
import { explainPreset } from './explain-preset.ts'
import type { Terminal } from './terminal.ts'

export type ExplainOptions = { readonly json?: boolean }

/** `causeway explain`: by what the argument is. */
export async function explain(
  terminal: Terminal,
  words: readonly string[],
  options: ExplainOptions,
): Promise<ExitCode> {
  const [first, name] = words
  if (first === 'preset' || first === 'presets') return explainPreset(terminal, name, options)
  terminal.err(`causeway: nothing is known to explain about "${words.join(' ')}"\n`)
  return EXIT.usage
}
