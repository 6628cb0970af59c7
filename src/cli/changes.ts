import { type ConfigChanges, isNoChange, type KeyChange, type TunnelChange } from '#config/changes'
import type { ReloadResult } from '#control/schema'
import { wrap } from '#diagnosis/wrap'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import type { OrderOptions } from './orders.ts'
import { columnsOf, padEnd } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `causeway diff`: exit code 0 when the file says what runs. */
export function diff(
  terminal: Terminal,
  addressing: Addressing,
  { json = false }: OrderOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const result = await client.request({ command: 'diff' })
    if (json) terminal.out(documentOf(result))
    if (result.outcome === 'refused') {
      if (!json) refused(terminal, result.problems)
      return EXIT.configuration
    }
    if (!json) terminal.out(changesText(result.changes, terminal))
    return isNoChange(result.changes) ? EXIT.ok : EXIT.down
  })
}

/** `causeway apply`. */
export function apply(
  terminal: Terminal,
  addressing: Addressing,
  { json = false, confirm }: OrderOptions & { readonly confirm?: number },
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const result = await client.request({ command: 'reload', confirmWithin: confirm })
    const code = told(terminal, result, json)
    if (code === EXIT.ok && !json && confirm !== undefined && !isOnTrial(result))
      terminal.out('Nothing is on trial: the file said what runs.\n')
    return code
  })
}

/** `causeway undo`. */
export function undo(
  terminal: Terminal,
  addressing: Addressing,
  { json = false }: OrderOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const result = await client.request({ command: 'undo' })
    const code = told(terminal, result, json)
    if (code !== EXIT.ok || json) return code
    const { gateway } = await client.request({ command: 'status' })
    terminal.out(
      gateway.configuration.undone === undefined
        ? 'What the file says runs again.\n'
        : 'The file still says what was undone; the next apply or start reads it.\n',
    )
    return code
  })
}

/** `causeway confirm`. */
export function confirm(
  terminal: Terminal,
  addressing: Addressing,
  { json = false }: OrderOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const result = await client.request({ command: 'confirm' })
    const isConfirmed = result.outcome === 'confirmed'
    if (json) terminal.out(documentOf(result))
    else if (isConfirmed) terminal.out('confirmed: the configuration stays\n')
    else terminal.err('there is nothing to confirm: no configuration is on trial\n')
    return isConfirmed ? EXIT.ok : EXIT.down
  })
}

function isOnTrial(result: ReloadResult): boolean {
  return result.outcome === 'applied' && result.confirmBy !== undefined
}

function told(terminal: Terminal, result: ReloadResult, json: boolean): ExitCode {
  if (json) terminal.out(documentOf(result))
  if (result.outcome === 'refused') {
    if (!json) refused(terminal, result.problems)
    return EXIT.configuration
  }
  if (json) return EXIT.ok
  const { added, changed, removed, unchanged, confirmBy } = result
  for (const [what, names] of Object.entries({ added, changed, removed })) {
    if (names.length > 0) terminal.out(`${what.padEnd(8)} ${names.join(', ')}\n`)
  }
  terminal.out(`${unchanged.length} unchanged\n`)
  if (confirmBy !== undefined) {
    const seconds = Math.round((Date.parse(confirmBy) - Date.now()) / 1_000)
    terminal.out(
      `On trial: what was before comes back in ${seconds} s, unless you say\n  causeway confirm\n`,
    )
  }
  return EXIT.ok
}

function refused(terminal: Terminal, problems: string): void {
  terminal.err(`${problems.trimEnd()}\n`)
  terminal.err('Nothing was changed; the running configuration stays.\n')
}

function documentOf(result: object): string {
  return `${JSON.stringify({ schema: 1, ...result }, null, 2)}\n`
}

/** Tunnels that are new, gone, opened anew or watched otherwise, and of these which keys differ. */
export function changesText(
  changes: ConfigChanges,
  { columns, style }: Pick<Terminal, 'columns' | 'style'>,
): string {
  const { added, changed, adjusted, removed, unchanged } = changes
  const keysOf = ({ keys }: TunnelChange) => keys.flatMap((key) => keyLines(key, columns))
  if (isNoChange(changes)) return `The file says what runs: ${counted(unchanged.length)}.\n`
  const lines = [
    ...added.map((name) => style('green', `+ ${name}  new`)),
    ...removed.map((name) => style('red', `- ${name}  closed and removed`)),
    ...changed.flatMap((change) => [
      style('yellow', `~ ${change.tunnel}  closed and opened anew`),
      ...keysOf(change),
    ]),
    ...adjusted.flatMap((change) => [
      style('yellow', `~ ${change.tunnel}  runs on`),
      ...keysOf(change),
    ]),
  ]
  if (unchanged.length > 0)
    lines.push(`${counted(unchanged.length)} unchanged, running on without losing a packet`)
  return `${lines.join('\n')}\n`
}

function keyLines({ key, before, after }: KeyChange, columns: number): readonly string[] {
  const head = `    ${padEnd(key, 18)}  `
  const indent = ' '.repeat(columnsOf(head))
  const [was, is] = [before ?? '(not written)', after ?? '(not written)']
  const one = `${head}${was} → ${is}`
  if (columnsOf(one) <= columns) return [one]
  const room = columns - indent.length - 2
  const was2 = wrap(was, room).map((text, i) => `${i === 0 ? head : indent}  ${text}`)
  const is2 = wrap(is, room).map((text, i) => `${indent}${i === 0 ? '→ ' : '  '}${text}`)
  return [...was2, ...is2]
}

function counted(tunnels: number): string {
  return `${tunnels} ${tunnels === 1 ? 'tunnel' : 'tunnels'}`
}
