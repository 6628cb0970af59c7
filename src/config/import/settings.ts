import { MAX_FILE_OCTETS } from '../document.ts'
import { type Files, isTrouble } from '../files.ts'
import { absolute } from '../psk.ts'
import type { Note, Origin, SourceText } from './imported.ts'
import { shownText } from './shown-text.ts'

/** `key = value` of a file in strongSwan's settings syntax. */
export type Setting = Origin & { readonly key: string; readonly value: string }

/** A section with what it has of its own and, for keys it has not, of the sections it refers to. */
export type Section = {
  readonly name: string
  readonly at: Origin
  readonly settings: ReadonlyMap<string, Setting>
  readonly sections: ReadonlyMap<string, Section>
}

export type Settings = { readonly root: Section; readonly notes: readonly Note[] }

/** Reads strongswan.conf syntax: nested sections, `section : template` references, `include`, quotes and `#`. Never throws. */
export function readSettings(source: SourceText, files: Files): Settings {
  const reading = new Reading(files)
  const root = open('', { file: source.file, line: 1, text: source.file }, [])
  reading.file(source, root, 0)
  return { root: resolved(root, root, 0), notes: reading.notes }
}

type OpenSection = {
  readonly name: string
  readonly at: Origin
  readonly references: readonly string[]
  readonly settings: Map<string, Setting>
  readonly sections: Map<string, OpenSection>
}

type Token =
  | { readonly kind: 'word'; readonly text: string; readonly line: number }
  | { readonly kind: '{' | '}' | '=' | ':' | ',' | 'end of line'; readonly line: number }

const MOST_TOKENS = 200_000
const MOST_FILES = 256
const DEEPEST = 16

class Reading {
  readonly notes: Note[] = []
  readonly #files: Files
  #read = 0
  #tokens = 0

  constructor(files: Files) {
    this.#files = files
  }

  file({ file, text }: SourceText, into: OpenSection, depth: number): void {
    const lines = text.split('\n')
    const stack: OpenSection[] = [into]
    let words: (Token & { kind: 'word' })[] = []
    let references: string[] | undefined
    const origin = (line: number): Origin => ({
      file,
      line,
      text: shownText(lines[line - 1] ?? ''),
    })
    const tokens = tokensOf(text)
    for (const token of tokens) {
      if (++this.#tokens > MOST_TOKENS) {
        this.#leave(origin(token.line), 'the rest is not read: too much of it')
        return
      }
      const top = stack.at(-1) ?? into
      if (token.kind === 'word') {
        if (references !== undefined) references.push(token.text)
        else words.push(token)
        if (words[0]?.text === 'include' && words.length === 2 && words[0].line === token.line) {
          this.#include(token.text, file, origin(token.line), top, depth)
          words = []
        }
        continue
      }
      if (token.kind === '=') {
        const key = words.pop()
        this.#stray(words, origin)
        words = []
        const value = tokens.value()
        if (key !== undefined) {
          const at = origin(key.line)
          top.settings.set(key.text, { ...at, key: key.text, value })
        }
        continue
      }
      if (token.kind === ':') {
        references ??= []
        continue
      }
      if (token.kind === '{') {
        const name = words.pop()
        this.#stray(words, origin)
        words = []
        if (stack.length > DEEPEST) {
          this.#leave(origin(token.line), 'nested too deeply')
          return
        }
        const title = name?.text ?? ''
        const section =
          top.sections.get(title) ?? open(title, origin(name?.line ?? token.line), references ?? [])
        references = undefined
        top.sections.set(title, section)
        stack.push(section)
        continue
      }
      if (token.kind === '}') {
        this.#stray(words, origin)
        words = []
        if (stack.length > 1) stack.pop()
        else this.#leave(origin(token.line), 'a brace that closes nothing')
      }
      // A section's brace may stand on the next line.
    }
    this.#stray(words, origin)
    if (stack.length > 1) {
      const { at } = stack.at(-1) ?? into
      this.#leave(at, 'not closed before the end of the file')
    }
  }

  #include(pattern: string, from: string, at: Origin, into: OpenSection, depth: number): void {
    const folder = from.includes('/') ? from.slice(0, from.lastIndexOf('/')) : '.'
    const path = absolute(pattern, folder)
    const paths = path.includes('*') ? this.#glob(path) : [path]
    if (depth > 8 || this.#read + paths.length > MOST_FILES) {
      this.#leave(at, 'too many files')
      return
    }
    for (const file of paths) {
      this.#read++
      const read = this.#files.read(file, MAX_FILE_OCTETS)
      if (isTrouble(read)) this.#leave(at, `${file}: ${read.why}`)
      else this.file({ file, text: new TextDecoder().decode(read.octets) }, into, depth + 1)
    }
  }

  /** `*` in the last part of a path. */
  #glob(path: string): readonly string[] {
    const slash = path.lastIndexOf('/')
    const [folder, last] = [path.slice(0, slash), path.slice(slash + 1)]
    const [head = '', ...tails] = last.split('*')
    const tail = tails.at(-1) ?? ''
    return (this.#files.list(folder) ?? [])
      .filter((name) => name.startsWith(head) && name.endsWith(tail) && !name.startsWith('.'))
      .map((name) => `${folder}/${name}`)
  }

  #stray(words: readonly { readonly line: number }[], origin: (line: number) => Origin): void {
    const [first] = words
    if (first !== undefined) this.#leave(origin(first.line), 'neither a section nor a setting')
  }

  #leave(origin: Origin, why: string): void {
    if (this.notes.length < 1_000) this.notes.push({ origin, kind: 'left-out', why })
  }
}

/** Tokens one by one; `value` takes what stands after `=` up to the end of its line. */
function tokensOf(text: string): Iterable<Token> & { value(): string } {
  let at = 0
  let line = 1
  const quoted = (): string => {
    let inner = ''
    at++
    while (at < text.length && text.charAt(at) !== '"') {
      if (text.charAt(at) === '\\' && at + 1 < text.length) at++
      if (text.charAt(at) === '\n') line++
      inner += text.charAt(at++)
    }
    at++
    return inner
  }
  const value = (): string => {
    while (text.charAt(at) === ' ' || text.charAt(at) === '\t') at++
    if (text.charAt(at) === '"') return quoted()
    const start = at
    while (at < text.length && !'\n#}{'.includes(text.charAt(at))) at++
    return text.slice(start, at).trim()
  }
  function* all(): Generator<Token> {
    while (at < text.length) {
      const char = text.charAt(at)
      if (char === '\n') {
        line++
        at++
      } else if (/\s/.test(char)) at++
      else if (char === '#') while (at < text.length && text.charAt(at) !== '\n') at++
      else if (char === '"') {
        const from = line
        yield { kind: 'word', text: quoted(), line: from }
      } else if (char === '{' || char === '}' || char === '=' || char === ':' || char === ',') {
        at++
        yield { kind: char, line }
      } else {
        const start = at
        while (at < text.length && !/[\s#{}="]/.test(text.charAt(at))) {
          if (text.charAt(at) === ':' && /\s/.test(text.charAt(at + 1))) break
          if (text.charAt(at) === ',' && start !== at) break
          at++
        }
        if (at === start) at++
        yield { kind: 'word', text: text.slice(start, at), line }
      }
    }
  }
  return { [Symbol.iterator]: all, value }
}

function open(name: string, at: Origin, references: readonly string[]): OpenSection {
  return { name, at, references, settings: new Map(), sections: new Map() }
}

/** What a section refers to holds where it says nothing itself; later references yield to earlier ones. */
function resolved(section: OpenSection, root: OpenSection, depth: number): Section {
  const settings = new Map(section.settings)
  const sections = new Map<string, Section>()
  for (const [name, inner] of section.sections) sections.set(name, resolved(inner, root, depth + 1))
  if (depth <= DEEPEST) {
    for (const reference of section.references) {
      const target = find(root, reference)
      if (target === undefined || target === section) continue
      const base = resolved({ ...target, references: target.references }, root, depth + DEEPEST / 4)
      for (const [key, setting] of base.settings) if (!settings.has(key)) settings.set(key, setting)
      for (const [key, inner] of base.sections) {
        const own = sections.get(key)
        sections.set(key, own === undefined ? inner : merged(own, inner))
      }
    }
  }
  return { name: section.name, at: section.at, settings, sections }
}

function merged(own: Section, base: Section): Section {
  const settings = new Map([...base.settings, ...own.settings])
  const sections = new Map(own.sections)
  for (const [key, inner] of base.sections) {
    const mine = sections.get(key)
    sections.set(key, mine === undefined ? inner : merged(mine, inner))
  }
  return { ...own, settings, sections }
}

function find(root: OpenSection, path: string): OpenSection | undefined {
  let at: OpenSection | undefined = root
  for (const step of path.split('.')) at = at?.sections.get(step)
  return at
}
