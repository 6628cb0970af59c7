import type { ExitCode } from './exit-codes.ts'
import { codeMeant, explainCode, explainText } from './explain-code.ts'
import { explainPreset } from './explain-preset.ts'
import type { Terminal } from './terminal.ts'

export type ExplainOptions = { readonly json?: boolean }

/** `causeway explain`: by what the argument is, a preset, a code's page, or the pages that know a log line. */
export async function explain(
  terminal: Terminal,
  words: readonly string[],
  options: ExplainOptions,
): Promise<ExitCode> {
  const [first, name] = words
  if (first === 'preset' || first === 'presets') return explainPreset(terminal, name, options)
  const text = words.join(' ')
  const code = codeMeant(text)
  return code === undefined
    ? explainText(terminal, text, options)
    : explainCode(terminal, code, options)
}
