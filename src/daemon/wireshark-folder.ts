import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { ESP_TABLE, IKEV1_TABLE, PREFERENCES, PREFERENCES_TEXT } from './wireshark-tables.ts'

/** A folder that is a Wireshark profile with keys in it: this user's alone. */
export class WiresharkFolder {
  readonly #folder: string

  /** @throws Error when it is not there, or others than this user could open it. */
  constructor(folder: string) {
    this.#folder = folder
    assertPrivate(folder)
  }

  /** The tables empty, where they are not there yet, and the preferences that make Wireshark look at them. */
  prepare(): void {
    this.append(IKEV1_TABLE, '')
    this.append(ESP_TABLE, '')
    this.#writePreferences()
  }

  append(table: string, text: string): void {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
    const opened = openSync(
      join(this.#folder, table),
      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW,
      0o600,
    )
    try {
      // The folder may have been exchanged since it was looked at; whose the file is cannot be.
      const { uid, nlink } = fstatSync(opened)
      if (uid !== process.geteuid?.() || nlink !== 1)
        throw new Error(`${table} in ${this.#folder} belongs to someone else`)
      fchmodSync(opened, 0o600)
      writeSync(opened, text)
    } finally {
      closeSync(opened)
    }
  }

  /** Rows that are not there yet. @returns how many */
  appendNew(table: string, rows: readonly string[]): number {
    const known = new Set(readFileSync(join(this.#folder, table), 'utf8').split('\n'))
    const fresh = rows.filter((row) => !known.has(row.trimEnd()))
    if (fresh.length > 0) this.append(table, fresh.join(''))
    return fresh.length
  }

  /** Whether anything is in it besides a profile's own files. */
  holdsMore(): boolean {
    const own = [IKEV1_TABLE, ESP_TABLE, PREFERENCES]
    return readdirSync(this.#folder).some((name) => !own.includes(name))
  }

  /** Those of a profile that is there already are its owner's. */
  #writePreferences(): void {
    try {
      const opened = openSync(join(this.#folder, PREFERENCES), 'wx', 0o600)
      try {
        writeSync(opened, PREFERENCES_TEXT)
      } finally {
        closeSync(opened)
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

function assertPrivate(folder: string): void {
  const stat = lstatSync(folder)
  if (!stat.isDirectory()) throw new Error(`${folder} is not a directory`)
  if (stat.uid !== process.geteuid?.()) {
    throw new Error(`${folder} belongs to another user; name a folder of your own`)
  }
  const mode = stat.mode & 0o777
  if ((mode & 0o077) === 0) return
  throw new Error(
    `others can open ${folder} (mode 0${mode.toString(8)}); name a new folder, or: chmod 700 ${folder}`,
  )
}
