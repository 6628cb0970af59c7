import type { Argument, Command, Option } from 'commander'

/** What a shell may offer for the word being typed; `what` is a few words on it, or empty. */
export type Candidate = { readonly word: string; readonly what: string }

/**
 * Completes the last of `words` (what follows the program's name). Empty where only the shell can help, with names of files.
 * @param tunnelNames asks the running gateway; it may be slow or not there, and then gives none
 */
export async function completions(
  program: Command,
  words: readonly string[],
  tunnelNames: (control: string | undefined) => Promise<readonly string[]>,
): Promise<readonly Candidate[]> {
  const typed = words.at(-1) ?? ''
  const { command, argument, awaiting, control } = walk(program, words.slice(0, -1))
  const starting = (candidates: readonly Candidate[]) =>
    candidates.filter(({ word }) => word.startsWith(typed))
  if (awaiting !== undefined) return starting(chosen(awaiting.argChoices))
  if (typed.startsWith('-')) return starting(optionsOf(program, command))
  if (command.commands.length > 0) return starting(subcommandsOf(command))
  if (argument === undefined) return []
  if (argument.argChoices !== undefined) return starting(chosen(argument.argChoices))
  if (!TUNNEL_ARGUMENTS.has(argument.name())) return []
  const names = await tunnelNames(control)
  return starting(names.map((word) => ({ word, what: 'tunnel' })))
}

/** Arguments that are, or may be, the name of a tunnel. */
const TUNNEL_ARGUMENTS: ReadonlySet<string> = new Set(['tunnel', 'what'])

type Standing = {
  readonly command: Command
  /** The argument the word would be. */
  readonly argument: Argument | undefined
  /** The option whose value the word would be. */
  readonly awaiting: Option | undefined
  readonly control: string | undefined
}

/** Where the words before the one being typed lead. */
function walk(program: Command, before: readonly string[]): Standing {
  let command = program
  let position = 0
  let awaiting: Option | undefined
  let control: string | undefined
  for (const word of before) {
    if (awaiting !== undefined) {
      if (awaiting.long === '--control') control = word
      awaiting = undefined
      continue
    }
    if (word.startsWith('-')) {
      const option = [...command.options, ...program.options].find(
        ({ long, short }) => word === long || word === short,
      )
      awaiting = option?.required === true ? option : undefined
      continue
    }
    const inner = command.commands.find(
      (one) => one.name() === word || one.aliases().includes(word),
    )
    if (inner === undefined) position++
    else command = inner
  }
  const own = command.registeredArguments
  const last = own.at(-1)
  return {
    command,
    argument: own[position] ?? (last?.variadic === true ? last : undefined),
    awaiting,
    control,
  }
}

function chosen(words: readonly string[] | undefined): readonly Candidate[] {
  return (words ?? []).map((word) => ({ word, what: '' }))
}

function subcommandsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ word: one.name(), what: one.description() }))
}

function optionsOf(program: Command, command: Command): readonly Candidate[] {
  const options = command === program ? program.options : [...command.options, ...program.options]
  return [
    ...options.filter(({ hidden }) => !hidden).map(candidateOf),
    { word: '--help', what: 'help' },
  ]
}

function candidateOf({ long, short, description }: Option): Candidate {
  return { word: long ?? short ?? '', what: description }
}
