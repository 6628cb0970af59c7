import { shownValue } from '#config/preset-report'
import { PRESETS, presetNamed } from '#config/presets/catalog'
import type { Preset } from '#config/presets/preset'
import { wrap } from '#diagnosis/wrap'
import { nearestName } from '#policy/nearest'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `causeway explain preset [NAME]`: each value with its source; without a name, all presets. */
export function explainPreset(
  terminal: Terminal,
  name: string | undefined,
  { json = false }: { readonly json?: boolean } = {},
): ExitCode {
  if (name === undefined) {
    terminal.out(json ? documentText({ presets: PRESETS }) : listText(terminal))
    return EXIT.ok
  }
  const preset = presetNamed(name)
  if (preset === undefined) {
    const known = PRESETS.map((one) => one.name)
    const near = nearestName(name, known)
    const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean "${near}"?`
    terminal.err(
      `${wrap(`causeway: there is no preset "${name}": ${hint}`, terminal.columns).join('\n')}\n`,
    )
    return EXIT.usage
  }
  terminal.out(json ? documentText({ preset }) : presetText(preset, terminal))
  return EXIT.ok
}

function documentText(content: object): string {
  return `${JSON.stringify({ schema: 1, ...content }, null, 2)}\n`
}

function listText({ columns, style }: Terminal): string {
  const width = Math.max(...PRESETS.map(({ name }) => name.length))
  const lines = PRESETS.flatMap(({ name, title }) => {
    const [first = '', ...more] = wrap(title, columns - width - 2)
    return [
      `${style('bold', padEnd(name, width))}  ${first}`,
      ...more.map((line) => ' '.repeat(width + 2) + line),
    ]
  })
  return `${lines.join('\n')}\n\nOne of them in full: causeway explain preset NAME\n`
}

function presetText(preset: Preset, { columns, style }: Terminal): string {
  const { name, title, values, confirm, habits } = preset
  const sources = [...new Set([...values, ...habits].map(({ source }) => source))]
  const mark = (source: string) => `[${sources.indexOf(source) + 1}]`
  const block = (first: string, rest: string, text: string) =>
    wrap(text, columns - rest.length).map((line, i) => (i === 0 ? first : rest) + line)
  const head = block('', ' '.repeat(name.length + 2), `${name}: ${title}`)
  const lines = [...head.map((line) => line.replace(name, style('bold', name))), '']
  if (values.length === 0) lines.push('Sets nothing: no default could be read at the maker’s.')
  for (const { key, value, why, source } of values) {
    lines.push(...block('', '    ', `${key}: ${shownValue(value)}`))
    lines.push(...block('    ', '    ', `${why} ${mark(source)}`))
  }
  lines.push('', style('bold', 'To confirm with the other side'))
  for (const question of confirm) lines.push(...block('  - ', '    ', question))
  if (habits.length > 0) lines.push('', style('bold', 'Good to know'))
  for (const { text, source } of habits) {
    lines.push(...block('  - ', '    ', `${text} ${mark(source)}`))
  }
  if (sources.length > 0) lines.push('', style('bold', 'Sources'))
  for (const [i, source] of sources.entries()) {
    lines.push(...block(`  [${i + 1}] `, '      ', source))
  }
  lines.push('', ...block('', '', 'What a tunnel says itself goes before its preset.'))
  return `${lines.join('\n')}\n`
}
