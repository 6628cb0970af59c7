import { MAX_FILE_OCTETS } from '../document.ts'
import { type Files, isTrouble } from '../files.ts'
import { MOST_LINES, type Note, type Origin, type SourceText } from './imported.ts'
import { DEEPEST_INCLUDE, includedPaths, MOST_INCLUDED } from './ipsec-includes.ts'
import { shownText } from './shown-text.ts'

/** `key=value` of an ipsec.conf. */
export type IpsecSetting = Origin & { readonly key: string; readonly value: string }

/** `conn NAME`, `config setup` or `ca NAME` with its lines. */
export type IpsecSection = {
  readonly kind: 'conn' | 'config' | 'ca'
  readonly name: string
  readonly at: Origin
  readonly settings: readonly IpsecSetting[]
}

export type IpsecLines = {
  readonly sections: readonly IpsecSection[]
  readonly notes: readonly Note[]
}

/** Reads the lines of an ipsec.conf and of what it includes. Never throws. */
export function readIpsecLines(source: SourceText, files: Files): IpsecLines {
  const reading = new Reading(files)
  reading.file(source, 0)
  return reading
}

class Reading implements IpsecLines {
  readonly sections: (IpsecSection & { settings: IpsecSetting[] })[] = []
  readonly notes: Note[] = []
  readonly #files: Files
  #lines = 0
  #files_read = 0

  constructor(files: Files) {
    this.#files = files
  }

  file({ file, text }: SourceText, depth: number): void {
    for (const [i, raw] of text.split(/\r?\n/).entries()) {
      if (++this.#lines > MOST_LINES) return
      const line = withoutComment(raw)
      if (line.trim() === '') continue
      const origin: Origin = { file, line: i + 1, text: shownText(raw) }
      const include = /^include\s+(\S+)/.exec(line.trim())?.[1]
      if (include !== undefined) {
        this.#include(include, file, origin, depth)
        continue
      }
      const [, kind = '', name = ''] = /^(conn|config|ca)\s+(\S+)\s*$/.exec(line) ?? []
      if (kind === 'conn' || kind === 'config' || kind === 'ca') {
        this.sections.push({ kind, name, at: origin, settings: [] })
        continue
      }
      const section = this.sections.at(-1)
      const [, key, value = ''] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      if (key === undefined || section === undefined) {
        if (!/^version\b/.test(line)) this.#leave(origin, 'neither a section nor key=value')
        continue
      }
      const plain = value.replace(/^"(.*)"$/, '$1').replace(/^'(.*)'$/, '$1')
      section.settings.push({ ...origin, key: key.toLowerCase(), value: plain })
    }
  }

  #include(pattern: string, from: string, at: Origin, depth: number): void {
    const paths = includedPaths(pattern, from, this.#files)
    this.#files_read += paths.length
    if (depth > DEEPEST_INCLUDE || this.#files_read > MOST_INCLUDED) {
      this.#leave(at, 'too many files')
      return
    }
    for (const file of paths) {
      const read = this.#files.read(file, MAX_FILE_OCTETS)
      if (isTrouble(read)) this.#leave(at, `${file}: ${read.why}`)
      else this.file({ file, text: new TextDecoder().decode(read.octets) }, depth + 1)
    }
  }

  #leave(origin: Origin, why: string): void {
    if (this.notes.length < 1_000) this.notes.push({ origin, kind: 'left-out', why })
  }
}

/** `#` begins a comment, except inside quotes. */
function withoutComment(line: string): string {
  let isQuoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i)
    if (char === '"') isQuoted = !isQuoted
    const before = line.charAt(i - 1)
    if (char === '#' && !isQuoted && (i === 0 || /\s/.test(before))) return line.slice(0, i)
  }
  return line
}

/** What a connection says in the end: its own lines, then those of `also=`, then those of `%default`. */
export function effective(
  section: IpsecSection,
  sections: readonly IpsecSection[],
): ReadonlyMap<string, IpsecSetting> {
  const settings = new Map<string, IpsecSetting>()
  const visited = new Set<IpsecSection>()
  const visit = (one: IpsecSection, depth: number) => {
    visited.add(one)
    for (const setting of one.settings) {
      if (setting.key === 'also') settings.set(`also ${setting.value}`, setting)
      else if (!settings.has(setting.key)) settings.set(setting.key, setting)
    }
    if (depth > 8) return
    for (const { key, value } of one.settings) {
      if (key !== 'also') continue
      for (const name of value.split(/[\s,]+/).slice(0, 32)) {
        const other = sections.find((each) => each.kind === 'conn' && each.name === name)
        if (other !== undefined && !visited.has(other)) visit(other, depth + 1)
      }
    }
  }
  visit(section, 0)
  for (const one of sections) {
    if (one.kind === 'conn' && one.name === '%default') visit(one, 8)
  }
  return settings
}
