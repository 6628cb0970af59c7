import { isWord } from './blank-secrets.ts'
import { MAX_FILE_OCTETS, readDocument, type YamlNode } from './document.ts'
import { type Files, isTrouble } from './files.ts'
import { type ConfigProblem, type Place, problemAt } from './problem.ts'
import { absolute } from './psk.ts'
import { readKeys } from './read-keys.ts'
import { fileKeys, includedFileKeys } from './schema.ts'

/** The configuration as nodes: the main file and what it includes, taken apart but not yet read. */
export type Sources = {
  readonly gateway: YamlNode | undefined
  readonly gatewayAt: Place
  readonly tunnels: readonly NamedTunnel[]
  /** Folder of the main file, which relative paths count from. */
  readonly folder: string
  /** Texts to show, and permission bits, by path. */
  readonly texts: ReadonlyMap<string, string>
  readonly modes: ReadonlyMap<string, number>
  readonly problems: readonly ConfigProblem[]
}

export type NamedTunnel = {
  readonly name: string
  /** Where the name stands. */
  readonly at: Place
  readonly node: YamlNode | undefined
}

export function readSources(path: string, files: Files): Sources {
  const reading = new Reading(files)
  const top: Place = { file: path, line: 1, column: 1, length: 1 }
  const folder = folderOf(path)
  const root = reading.root(path, { file: path })
  const main = root === undefined ? undefined : readKeys(fileKeys, root, top, '')
  reading.problems.push(...(main?.problems ?? []))
  const tunnels = root === undefined ? [] : reading.tunnels(root)
  for (const pattern of main?.draft.include ?? []) {
    const at = (root?.kind === 'map' && root.entries.get('include')?.value.place) || top
    for (const included of reading.expand(absolute(pattern, folder), at)) {
      const inner = reading.root(included, at)
      if (inner === undefined) continue
      const start = { ...top, file: included }
      reading.problems.push(...readKeys(includedFileKeys, inner, start, '').problems)
      tunnels.push(...reading.tunnels(inner))
    }
  }
  const gateway = root?.kind === 'map' ? root.entries.get('gateway') : undefined
  if (main !== undefined && reading.problems.length === 0 && tunnels.length === 0) {
    reading.problems.push(problemAt('warning', top, 'tunnels', { message: 'there is no tunnel' }))
  }
  return {
    gateway: gateway?.value,
    gatewayAt: gateway?.key ?? top,
    tunnels: reading.unique(tunnels),
    folder,
    texts: reading.texts,
    modes: reading.modes,
    problems: reading.problems,
  }
}

const TUNNEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const MOST_FILES = 4096
const MOST_TUNNELS = 4096

class Reading {
  readonly texts: Map<string, string> = new Map()
  readonly modes: Map<string, number> = new Map()
  readonly problems: ConfigProblem[] = []
  readonly #files: Files

  constructor(files: Files) {
    this.#files = files
  }

  root(path: string, at: Place | { readonly file: string }): YamlNode | undefined {
    const read = this.#files.read(path, MAX_FILE_OCTETS)
    if (isTrouble(read)) {
      const message = at.file === path ? read.why : `${path}: ${read.why}`
      this.problems.push(problemAt('error', at, '', { message }))
      return undefined
    }
    this.modes.set(path, read.mode)
    const text = decodeText(read.octets)
    if (text === undefined) {
      this.problems.push(problemAt('error', { file: path }, '', { message: 'not UTF-8 text' }))
      return undefined
    }
    // A file cut at the limit is given one character more than it allows, and refused by its size.
    const { root, blanked, problems } = readDocument(path, read.more ? `${text}\n` : text)
    this.texts.set(path, blanked)
    this.problems.push(...problems)
    return root
  }

  tunnels(root: YamlNode): NamedTunnel[] {
    const group = root.kind === 'map' ? root.entries.get('tunnels')?.value : undefined
    if (group === undefined || (group.kind === 'scalar' && group.value === null)) return []
    if (group.kind !== 'map') {
      const message = 'tunnels must hold tunnels by name'
      const hints = ['tunnels:', '  paris:', '    peer: 198.51.100.7']
      this.problems.push(problemAt('error', group.place, 'tunnels', { message, hints }))
      return []
    }
    return [...group.entries].map(([name, { key, value }]) => ({ name, at: key, node: value }))
  }

  /** A path, or the files that a pattern in its last part stands for. */
  expand(pattern: string, at: Place): readonly string[] {
    if (!pattern.includes('*')) return [pattern]
    const folder = folderOf(pattern)
    const refuse = (message: string): readonly string[] => {
      this.problems.push(problemAt('error', at, 'include', { message }))
      return []
    }
    if (folder.includes('*')) return refuse('"*" may stand in the last part of a path only')
    const names = this.#files.list(folder)
    if (names === undefined) return refuse(`${folder}: no such folder`)
    const matching = names.filter((name) => matches(name, pattern.slice(folder.length + 1)))
    if (matching.length > MOST_FILES) return refuse(`more than ${MOST_FILES} files`)
    return matching.map((name) => absolute(name, folder))
  }

  unique(tunnels: readonly NamedTunnel[]): readonly NamedTunnel[] {
    const first = new Map<string, NamedTunnel>()
    for (const tunnel of tunnels) {
      const { name, at } = tunnel
      const earlier = first.get(name)
      const path = `tunnels.${name}`
      if (earlier !== undefined) {
        const hints = [`the first one is at ${earlier.at.file}:${earlier.at.line}`]
        const message = `there is a tunnel "${name}" already`
        this.problems.push(problemAt('error', at, path, { message, hints }))
      } else if (!TUNNEL_NAME.test(name)) {
        const hints = ['letters, digits, "-", "_" and ".", at most 63']
        const message = isWord(name)
          ? `"${name}" cannot name a tunnel`
          : 'this cannot name a tunnel'
        this.problems.push(problemAt('error', at, path, { message, hints }))
      } else if (first.size === MOST_TUNNELS) {
        const message = `more than ${MOST_TUNNELS} tunnels`
        this.problems.push(problemAt('error', at, path, { message }))
        break
      } else first.set(name, tunnel)
    }
    return [...first.values()]
  }
}

function decodeText(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    return undefined
  }
}

/** `*` is any run of characters; a name that begins with a dot is matched only by a dot. */
function matches(name: string, pattern: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  const [head = '', ...parts] = pattern.split('*')
  const tail = parts.pop() ?? ''
  if (!name.startsWith(head) || !name.endsWith(tail)) return false
  let at = head.length
  for (const part of parts) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= name.length - tail.length
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  if (slash === -1) return '.'
  return slash === 0 ? '/' : path.slice(0, slash)
}
