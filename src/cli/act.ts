import type { Command } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import type { Addressing } from './gateway-connection.ts'
import type { Terminal } from './terminal.ts'

/** Runs a command's work with the terminal and the gateway's address in front of its own arguments. */
export type Act = <Args extends readonly unknown[]>(
  run: (terminal: Terminal, at: Addressing, ...args: Args) => Promise<ExitCode>,
) => (...args: [...Args, Command]) => Promise<void>
