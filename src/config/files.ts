/** The file system as far as a configuration reaches it; tests and rehearsals give their own. */
export interface Files {
  /** Reads at most `atMost` octets, and tells when there are more. */
  read(path: string, atMost: number): FileText | FileTrouble
  /** Names in a folder, sorted; undefined when it is none. */
  list(folder: string): readonly string[] | undefined
}

export type FileText = {
  readonly octets: Uint8Array
  /** Permission bits, as `chmod` takes them. */
  readonly mode: number
  readonly more: boolean
}

/** `why` is for the operator: `no such file`. */
export type FileTrouble = { readonly why: string }

export function isTrouble(read: FileText | FileTrouble): read is FileTrouble {
  return 'why' in read
}

/** Whether what stands where a file is to be named can be no name of one: most likely it is what belongs into the file. */
export function isContents(written: string): boolean {
  return /[\r\n]|-----BEGIN/.test(written)
}

/** Of a file that cannot be read: its name only where that cannot be a secret written in its place. */
export function unreadable(
  what: string,
  path: string,
  { why }: FileTrouble,
  mayBeSecret: boolean,
): { readonly message: string; readonly hints?: readonly string[] } {
  if (!mayBeSecret) return { message: `${path}: ${why}` }
  return {
    message: `${what} names a file, and what stands there is no file name, or none that can be read: ${why}`,
    hints: ['put it into a file that only root can read, and say the path of that file here'],
  }
}

/** Where a configuration finds what is outside its text. */
export type Environment = {
  readonly files: Files
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly hostName: string
  /** Milliseconds since 1970; the clock of this host when absent. */
  readonly now?: number
}

export type MemoryFile = string | { readonly text: string; readonly mode: number }

/** Files that are a record of path → text; their mode is 0600 unless given. */
export function memoryFiles(files: Readonly<Record<string, MemoryFile>>): Files {
  return {
    read(path, atMost) {
      const file = Object.hasOwn(files, path) ? files[path] : undefined
      if (file === undefined) return { why: 'no such file' }
      const { text, mode } = typeof file === 'string' ? { text: file, mode: 0o600 } : file
      const octets = new TextEncoder().encode(text)
      return { octets: octets.subarray(0, atMost), mode, more: octets.length > atMost }
    },
    list(folder) {
      const inside = Object.keys(files).filter(
        (path) => path.slice(0, path.lastIndexOf('/')) === folder,
      )
      if (inside.length === 0) return undefined
      return inside.map((path) => path.slice(folder.length + 1)).sort()
    },
  }
}
