import type { Command, Option } from 'commander'
import { EXAMPLES } from './examples.ts'
import { EXIT_CODES_HELP } from './exit-codes.ts'

/** `causeway-pki-ca` of the command `pki ca`; `causeway` of the program itself. */
export function pageName(command: Command): string {
  return [...pathOf(command)].join('-')
}

/** The program and every command below it, however deep; those that only group others too. */
export function allCommands(program: Command): readonly Command[] {
  const visible = program.createHelp().visibleCommands(program)
  const own = visible.filter((one) => one.name() !== 'help')
  return [program, ...own.flatMap(allCommands)]
}

/** A manual page (section 1, man macros) made of what the command says of itself, with examples. */
export function manualPage(command: Command, program: Command, version: string): string {
  const path = pathOf(command).join(' ')
  const key = path.replace(/^causeway ?/, '')
  const lines = [
    `.TH ${escaped(pageName(command).toUpperCase())} 1 "" "causeway ${version}" "Causeway"`,
    '.SH NAME',
    `${escaped(pageName(command))} \\- ${escaped(command.description())}`,
    '.SH SYNOPSIS',
    `.B ${escaped(path)}`,
    escaped(command.usage()),
    ...section('DESCRIPTION', argumentLines(command)),
    ...section('COMMANDS', commandLines(command)),
    ...section('OPTIONS', command.options.filter(({ hidden }) => !hidden).flatMap(optionLines)),
    ...(command === program
      ? []
      : section('OPTIONS OF EVERY COMMAND', program.options.flatMap(optionLines))),
    ...section('EXIT STATUS', exitLines()),
    ...section('EXAMPLES', exampleLines(key)),
    ...section('SEE ALSO', seeAlso(command, program)),
  ]
  return `${lines.filter((line) => line !== '').join('\n')}\n`
}

/** `Examples:` at the end of `--help`. */
export function examplesHelp(key: string): string {
  const examples = EXAMPLES[key] ?? []
  if (examples.length === 0) return ''
  return `\nExamples:\n${examples.map(([line, does]) => `  ${line}\n      ${does}`).join('\n')}`
}

function pathOf(command: Command): readonly string[] {
  return command.parent === null ? [command.name()] : [...pathOf(command.parent), command.name()]
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines]
}

function argumentLines(command: Command): readonly string[] {
  const about = command.registeredArguments.filter(({ description }) => description !== '')
  return [
    `${sentence(escaped(command.description()))}`,
    ...about.flatMap((argument) => tagged(argument.name().toUpperCase(), argument.description)),
  ]
}

function commandLines(command: Command): readonly string[] {
  const inner = command.createHelp().visibleCommands(command)
  return inner
    .filter((one) => one.name() !== 'help')
    .flatMap((one) => tagged(`${one.name()} ${one.usage()}`, one.description()))
}

function optionLines({ flags, description, argChoices, defaultValue }: Option): readonly string[] {
  const choices = argChoices === undefined ? [] : [`One of ${argChoices.join(', ')}.`]
  const usual = defaultValue === undefined ? [] : [`Default: ${String(defaultValue)}.`]
  const about = description === '' ? [] : [sentence(description)]
  return tagged(flags, [...about, ...choices, ...usual].join(' '))
}

function exitLines(): readonly string[] {
  return EXIT_CODES_HELP.split('\n')
    .map((line) => /^ {2}(?<code>\d+) +(?<means>.*)$/.exec(line)?.groups)
    .flatMap((row) => (row === undefined ? [] : tagged(row.code ?? '', row.means ?? '')))
}

function exampleLines(key: string): readonly string[] {
  return (EXAMPLES[key] ?? []).flatMap(([line, does]) => [
    '.PP',
    sentence(escaped(`${does[0]?.toUpperCase()}${does.slice(1)}`)),
    '.PP',
    '.nf',
    '.RS',
    escaped(line),
    '.RE',
    '.fi',
  ])
}

function seeAlso(command: Command, program: Command): readonly string[] {
  const others = command === program ? [] : [program]
  const beside = command.parent === null ? command.commands : [...others]
  return [
    beside
      .filter((one) => one.name() !== 'help' && !one.name().startsWith('__'))
      .map((one) => `.BR ${escaped(pageName(one))} (1)`)
      .join(' ,\n'),
  ]
}

function tagged(tag: string, text: string): readonly string[] {
  return ['.TP', `.B ${escaped(tag)}`, text === '' ? '\\&' : escaped(text)]
}

function sentence(text: string): string {
  return /[.:;]$/.test(text) ? text : `${text}.`
}

/** Backslashes, hyphens and a control character at the start mean something to troff. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&')
}
