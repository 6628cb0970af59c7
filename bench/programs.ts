import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { undoAtExit } from '../test/support/leftovers.ts'
import { runOk } from '../test/support/process.ts'
import { aptInstall, isDebian } from '../tools/install-peers.ts'

/** @throws when the file is not there and its packages cannot be installed */
export function need(path: string, packages: readonly string[]): void {
  if (existsSync(path)) return
  const able = isDebian() && process.getuid?.() === 0
  const problem = able ? aptInstall(packages) : 'this is not root on Debian'
  if (problem !== undefined) throw new Error(`missing ${packages.join(' ')}: ${problem}`)
}

/** Compiles `bench/reference/NAME.c`. @returns the program */
export async function compile(name: string, ...libraries: readonly string[]): Promise<string> {
  need('/usr/bin/gcc', ['gcc'])
  const folder = mkdtempSync(join(tmpdir(), 'cw-bench-'))
  undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, name)
  const source = join(import.meta.dirname, `reference/${name}.c`)
  await runOk(['gcc', '-O3', '-march=native', '-o', program, source, ...libraries])
  return program
}
