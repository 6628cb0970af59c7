import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import type { Files, FileText, FileTrouble } from './files.ts'

/** The file system of this host. */
export const hostFiles: Files = { read: readHostFile, list: listHostFolder }

function readHostFile(path: string, atMost: number): FileText | FileTrouble {
  let descriptor: number
  try {
    // Without blocking, because opening a named pipe would wait for its other end.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return { why: inWords(error) }
  }
  try {
    // Mode and text come from one open file, so no exchange in between can give the mode of another.
    const status = fstatSync(descriptor)
    if (!status.isFile()) return { why: 'not a regular file' }
    const octets = new Uint8Array(Math.min(status.size, atMost) + 1)
    let length = 0
    while (length < octets.length) {
      const count = readSync(descriptor, octets, length, octets.length - length, null)
      if (count === 0) break
      length += count
    }
    const read = octets.subarray(0, Math.min(length, atMost))
    return { octets: read, mode: status.mode & 0o7777, more: length > atMost }
  } catch (error) {
    return { why: inWords(error) }
  } finally {
    closeSync(descriptor)
  }
}

function listHostFolder(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder).sort()
  } catch {
    return undefined
  }
}

function inWords(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    ENOTDIR: 'no such file: part of its path is not a folder',
    EACCES: 'permission denied',
    EISDIR: 'a folder, not a file',
    ELOOP: 'too many symbolic links',
  }
  return words[code] ?? `cannot be read (${code || 'unknown reason'})`
}
