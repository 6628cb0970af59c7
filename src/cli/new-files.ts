import { rmSync, writeFileSync } from 'node:fs'
import { messageOf } from '#bytes/thrown'

export type NewFile = {
  readonly path: string
  readonly content: string | Uint8Array
  readonly mode: number
}

/** All of them or, where the disk is full, none. @throws with the path of the one that could not be written; nothing is overwritten */
export function writeNewFiles(files: readonly NewFile[]): void {
  const written: string[] = []
  for (const { path, content, mode } of files) {
    try {
      writeFileSync(path, content, { mode, flag: 'wx' })
      written.push(path)
    } catch (error) {
      const isOurs = !(error instanceof Error && 'code' in error && error.code === 'EEXIST')
      for (const one of isOurs ? [...written, path] : written) rmSync(one, { force: true })
      throw new Error(`${path} could not be written: ${messageOf(error)}`)
    }
  }
}
