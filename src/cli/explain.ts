import { EXIT, type ExitCode } from './exit-codes.ts'
import { explainCapture, isCaptureFile } from './explain-capture.ts'
import { codeMeant, explainCode, explainText } from './explain-code.ts'
import { explainConfig } from './explain-config.ts'
import { explainPreset } from './explain-preset.ts'
import { explainTunnel } from './explain-tunnel.ts'
import type { Addressing } from './gateway-connection.ts'
import type { Terminal } from './terminal.ts'

export type ExplainOptions = {
  readonly json?: boolean
  /** Of a tunnel or a capture. */
  readonly payloads?: boolean
  /** Of a capture. */
  readonly hex?: boolean
  readonly keys?: string
  /** Of a tunnel: what holds by this file. */
  readonly config?: string
}

/** `causeway explain`: by what the argument is, a preset, a code's page, a capture, a tunnel, or the pages that know a log line. */
export async function explain(
  terminal: Terminal,
  addressing: Addressing,
  words: readonly string[],
  options: ExplainOptions,
): Promise<ExitCode> {
  const [first, name, ...more] = words
  if (options.config !== undefined) return explainConfig(terminal, options.config, words, options)
  if (first === undefined) {
    terminal.err('causeway: explain what? A tunnel, a pcap file, a code, a log line, preset NAME\n')
    return EXIT.usage
  }
  if (first === 'preset' || first === 'presets') return explainPreset(terminal, name, options)
  const text = words.join(' ')
  const code = codeMeant(text)
  if (code !== undefined) return explainCode(terminal, code, options)
  const alone = name === undefined && more.length === 0
  if (alone && isCaptureFile(first)) return explainCapture(terminal, first, options)
  if (/\.p?cap(ng)?$/.test(text)) {
    terminal.err(`causeway: ${text}: no such file\n`)
    return EXIT.usage
  }
  const told = alone ? await explainTunnel(terminal, addressing, first, options) : undefined
  if (told !== undefined) return told
  const found = explainText(terminal, text, options)
  if (alone && found === EXIT.usage)
    terminal.err(`nor does a gateway run here that has a tunnel "${first}"\n`)
  return found
}
