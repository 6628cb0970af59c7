import { spawnSync } from 'node:child_process'
import { Argument, type Command } from 'commander'
import { configJsonSchema } from '#config/json-schema'
import { ControlClient } from '#control/client'
import type { Act } from './act.ts'
import { completions } from './completion.ts'
import { candidateLines, completionScript, SHELLS, type Shell } from './completion-scripts.ts'
import { EXIT } from './exit-codes.ts'
import { DEFAULT_CONTROL, namedControl } from './gateway-connection.ts'
import { allCommands, examplesHelp, manualPage, pageName } from './manual.ts'

/** What a gateway may take to name its tunnels, in milliseconds; a shell does not wait longer. */
const NAMING_PATIENCE = 500

/** What a shell, an editor and a reader need: completion, the schema, manual pages, and the examples at the end of each `--help`. Comes last. */
export function addShellCommands(program: Command, act: Act, version: string): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(
      act(async (terminal, _at, shell: Shell) => {
        terminal.out(completionScript(shell))
        return EXIT.ok
      }),
    )

  program
    .command('__complete', { hidden: true })
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .argument('[word...]')
    .action(
      act(async (terminal, at, shell: Shell, words: readonly string[]) => {
        const candidates = await completions(program, words, (control) =>
          tunnelNames(control ?? namedControl(at) ?? DEFAULT_CONTROL),
        )
        terminal.out(candidateLines(shell, candidates))
        return EXIT.ok
      }),
    )

  program
    .command('man')
    .description('the manual page of a command; where output is no terminal, its source')
    .argument('[command...]', 'such as: pki sign')
    .action(
      act(async (terminal, _at, words: readonly string[]) => {
        const wanted = ['causeway', ...words].join('-')
        const command = allCommands(program).find((one) => pageName(one) === wanted)
        if (command === undefined) {
          terminal.err(`causeway: there is no command "${words.join(' ')}"\n`)
          return EXIT.usage
        }
        const page = manualPage(command, program, version)
        const isShown = terminal.isTerminal && showWithMan(page)
        if (!isShown) terminal.out(terminal.isTerminal ? command.helpInformation() : page)
        return EXIT.ok
      }),
    )

  program
    .command('schema')
    .description('the JSON Schema of the configuration, for completion in editors')
    .action(
      act(async (terminal) => {
        terminal.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
        return EXIT.ok
      }),
    )

  for (const command of allCommands(program)) {
    const key = pageName(command)
      .replace(/^causeway-?/, '')
      .replaceAll('-', ' ')
    const text = examplesHelp(key)
    if (text !== '') command.addHelpText('after', text)
  }
}

function showWithMan(page: string): boolean {
  const { status } = spawnSync('man', ['-l', '-'], {
    input: page,
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  return status === 0
}

async function tunnelNames(control: string): Promise<readonly string[]> {
  let client: ControlClient | undefined
  const late = new Promise<readonly string[]>((resolve) => {
    setTimeout(() => resolve([]), NAMING_PATIENCE).unref()
  })
  const asked = async (): Promise<readonly string[]> => {
    client = await ControlClient.connect(control)
    const { tunnels } = await client.request({ command: 'status' })
    return tunnels.map(({ name }) => name)
  }
  try {
    return await Promise.race([asked(), late])
  } catch {
    return []
  } finally {
    client?.close()
  }
}
