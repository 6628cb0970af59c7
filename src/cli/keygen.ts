import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { hostFiles } from '#config/host-files'
import { readPsk } from '#config/psk'
import { pskFingerprint } from '#config/psk-fingerprint'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

/** 32 random octets as 43 base64url characters, which no quoting of any vendor spoils. */
export function keygen(
  terminal: Terminal,
  { fingerprint }: { readonly fingerprint?: string },
): ExitCode {
  if (fingerprint !== undefined) return printFingerprint(terminal, fingerprint)
  terminal.out(`${randomBytes(32).toString('base64url')}\n`)
  return EXIT.ok
}

/** Reads the file exactly as a configuration with `psk: file:…` would. */
function printFingerprint(terminal: Terminal, path: string): ExitCode {
  const environment = { files: hostFiles, variables: process.env, hostName: hostname() }
  const { psk, findings } = readPsk({ kind: 'file', path }, process.cwd(), environment)
  if (psk === undefined || findings.length > 0) {
    for (const { message, hints = [] } of findings) {
      terminal.err(`causeway: ${[message, ...hints].join('\n  ')}\n`)
    }
    if (psk !== undefined) {
      terminal.err('A fingerprint would help whoever guesses this key; none is printed.\n')
    }
    return EXIT.configuration
  }
  terminal.out(`${pskFingerprint(psk)}\n`)
  return EXIT.ok
}
