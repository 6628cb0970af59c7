import { hostname } from 'node:os'
import type { Config } from '#config/config'
import type { Environment } from '#config/files'
import { countProblems, formatProblems } from '#config/format-problems'
import { historicNote, overdueProblems } from '#config/historic'
import { hostFiles } from '#config/host-files'
import { namesNote } from '#config/peer-name'
import { type LoadedConfig, loadConfig } from '#config/reader'
import { wrap } from '#diagnosis/wrap'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type HostFact, hostFacts } from './host-facts.ts'
import { type HostLook, lookAtHost } from './host-look.ts'
import { hostProblems } from './host-problems.ts'
import { presetNotes, presetReports } from './preset-notes.ts'
import type { Terminal } from './terminal.ts'

/** `causeway check`: the whole file and this host, without touching either. Warnings do not fail it. */
export async function check(
  terminal: Terminal,
  file: string,
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  const environment: Environment = {
    files: hostFiles,
    variables: process.env,
    hostName: hostname(),
  }
  const read = withOverdue(loadConfig(file, environment))
  const look = lookAtHost(read.config)
  const loaded = withHost(read, look)
  const facts = hostFacts(look, loaded.config)
  terminal.out(json ? documentText(file, loaded, facts) : reportText(loaded, facts, terminal))
  return loaded.config === undefined ? EXIT.configuration : EXIT.ok
}

function withOverdue(loaded: LoadedConfig): LoadedConfig {
  const { config, problems } = loaded
  if (config === undefined) return loaded
  return { ...loaded, problems: [...problems, ...overdueProblems(config, new Date())] }
}

function withHost(loaded: LoadedConfig, look: HostLook): LoadedConfig {
  const { config, problems } = loaded
  if (config === undefined) return loaded
  return { ...loaded, problems: [...problems, ...hostProblems(config, look)] }
}

function documentText(file: string, loaded: LoadedConfig, facts: readonly HostFact[]): string {
  const { config, problems } = loaded
  const document = {
    schema: 1,
    file,
    ok: config !== undefined,
    tunnels: config?.tunnels.map(({ name }) => name) ?? [],
    problems,
    ...(config === undefined ? {} : { notes: notesOf(config) }),
    ...(config === undefined ? {} : { presets: presetReports(config) }),
    host: facts,
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function notesOf(config: Config): readonly string[] {
  return [historicNote(config), namesNote(config)].filter((note) => note !== undefined)
}

function reportText(
  { config, problems, sources }: LoadedConfig,
  facts: readonly HostFact[],
  terminal: Terminal,
): string {
  const { columns, style } = terminal
  const color = style('red', 'x') !== 'x'
  const shown = formatProblems(problems, sources, { color, width: columns })
  const count = countProblems(problems)
  if (config === undefined) {
    return `${shown}${style('red', count)}. Nothing was changed; a running configuration stays.\n`
  }
  const number = config.tunnels.length
  const summary = `${number} ${number === 1 ? 'tunnel' : 'tunnels'}, ${count}`
  const lines = wrap(
    [`${summary};`, facts.map(({ text }) => text).join(', ')].join(' '),
    columns - 4,
  )
  const report = lines.map((line, index) => `${index === 0 ? style('green', 'ok') : '  '}  ${line}`)
  const notes = facts.flatMap(({ text, ok, note }) =>
    ok || note === undefined
      ? []
      : noteLines(text, note, columns).map(
          (line) => `    ${line.replace(text, style('yellow', text))}`,
        ),
  )
  const sentences = [...notesOf(config), ...presetNotes(config)]
  const spoken = sentences.flatMap((sentence) => wrap(sentence, columns - 4))
  return `${shown}${[...report, ...spoken.map((line) => `    ${line}`), ...notes].join('\n')}\n`
}

/** A command, which stands behind two spaces, gets a line of its own rather than be broken. */
function noteLines(text: string, note: string, columns: number): readonly string[] {
  const whole = `${text}: ${note}`
  if (whole.length <= columns - 4) return [whole]
  const [sentence = '', command] = whole.split(/ {2}(.*)/s)
  const lines = wrap(sentence, columns - 4)
  return command === undefined ? lines : [...lines, `    ${command}`]
}
