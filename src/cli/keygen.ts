import { randomBytes } from 'node:crypto'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

/** 32 random octets as 43 base64url characters, which no quoting of any vendor spoils. */
export function keygen(terminal: Terminal): ExitCode {
  terminal.out(`${randomBytes(32).toString('base64url')}\n`)
  return EXIT.ok
}
