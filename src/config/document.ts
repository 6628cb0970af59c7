import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
} from 'yaml'
import { blankSecrets, isWord } from './blank-secrets.ts'
import { type ConfigProblem, type Place, problemAt } from './problem.ts'

/** YAML as data that remembers where each part stands. Plain trees only: no anchors, aliases, merge keys or tags. */
export type YamlNode =
  | {
      readonly kind: 'map'
      readonly place: Place
      readonly entries: ReadonlyMap<string, YamlEntry>
    }
  | { readonly kind: 'list'; readonly place: Place; readonly items: readonly YamlNode[] }
  | {
      readonly kind: 'scalar'
      readonly place: Place
      readonly value: string | number | boolean | null
      /** Whether the text stands in quotes, and so is exactly what was written. */
      readonly quoted: boolean
    }

export type YamlEntry = { readonly key: Place; readonly value: YamlNode }

/** Octets of one configuration file; a thousand tunnels need a fifth of it. */
export const MAX_FILE_OCTETS: number = 1 << 20
const MAX_DEPTH = 16
const MAX_PROBLEMS = 50

export type YamlDocument = {
  readonly root?: YamlNode
  /** The text with secrets made unreadable, fit to be shown. */
  readonly blanked: string
  readonly problems: readonly ConfigProblem[]
}

/** @returns no root when the text is not YAML; `problems` then has at least one error. */
export function readDocument(file: string, text: string): YamlDocument {
  if (text.length > MAX_FILE_OCTETS) {
    const message = `larger than ${MAX_FILE_OCTETS / 1024} KiB`
    const hints = ['split it and name the parts under include:']
    return { blanked: '', problems: [problemAt('error', { file }, '', { message, hints })] }
  }
  const walk = new Walk(file, text)
  // Duplicate keys are found by the walk below: the library compares every pair of keys.
  const document = parseDocument(text, {
    prettyErrors: false,
    uniqueKeys: false,
  })
  for (const error of document.errors) walk.syntax(error)
  if (document.directives?.yaml.version !== '1.2') {
    walk.refuse(walk.place(0, 0), 'the file must be YAML 1.2: remove the %YAML line')
  }
  const blanked = blankSecrets(text, document)
  if (walk.problems.length > 0) return { blanked, problems: walk.problems }
  const root = walk.node(document.contents, 0)
  return { blanked, problems: walk.problems, ...(walk.problems.length === 0 && { root }) }
}

/** The value without places, for schema validation. */
export function plain(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]))
}

/** The node at `path`, or the nearest one above it that exists. */
export function nodeAt(node: YamlNode, path: readonly PropertyKey[]): YamlNode {
  const [step, ...rest] = path
  if (step === undefined || node.kind === 'scalar') return node
  const next =
    node.kind === 'list' ? node.items[Number(step)] : node.entries.get(String(step))?.value
  return next === undefined ? node : nodeAt(next, rest)
}

class Walk {
  readonly problems: ConfigProblem[] = []
  readonly #file: string
  readonly #text: string
  /** Offsets at which lines begin. The library's own counter misses lines inside an unclosed quote. */
  readonly #lineStarts: readonly number[]

  constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
    this.#lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)]
  }

  node(node: unknown, depth: number): YamlNode {
    if (isAlias(node)) return this.#without(node, 'an alias (*name) is not allowed here')
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor !== undefined) {
        return this.#without(node, 'an anchor (&name) is not allowed here')
      }
      if (node.tag !== undefined)
        return this.#without(node, `a tag (${node.tag}) is not allowed here`)
      if (depth > MAX_DEPTH) return this.#without(node, 'nested too deeply')
    }
    if (isMap(node)) return this.#map(node.items, this.#of(node), depth)
    if (isSeq(node)) {
      const items = node.items.map((item) => this.node(item, depth + 1))
      return { kind: 'list', place: this.#of(node), items }
    }
    if (isScalar(node)) return this.#scalar(node)
    return { kind: 'scalar', place: this.place(0, 0), value: null, quoted: false }
  }

  #map(pairs: readonly Pair[], place: Place, depth: number): YamlNode {
    const entries = new Map<string, YamlEntry>()
    for (const pair of pairs) {
      const { key } = pair
      if (!isScalar(key) || key.anchor !== undefined || key.tag !== undefined) {
        this.refuse(isNode(key) ? this.#of(key) : place, 'a key must be a plain word')
        continue
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? '')
      const keyPlace = this.#of(key)
      const earlier = entries.get(name)
      if (name === '<<' || name === '__proto__') {
        this.refuse(keyPlace, `"${name}" is not allowed as a key`, [
          'nothing is merged here: write the keys out',
        ])
        continue
      }
      if (earlier !== undefined) {
        this.refuse(keyPlace, `${isWord(name) ? `"${name}"` : 'a key'} is there twice`, [
          `the first one is on line ${earlier.key.line}`,
        ])
        continue
      }
      const value = isNode(pair.value)
        ? this.node(pair.value, depth + 1)
        : ({ kind: 'scalar', place: keyPlace, value: null, quoted: false } as const)
      entries.set(name, { key: keyPlace, value })
    }
    return { kind: 'map', place, entries }
  }

  #scalar(node: Scalar): YamlNode {
    const { value } = node
    const known =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    return {
      kind: 'scalar',
      place: this.#of(node),
      value: known ? value : null,
      quoted: node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE',
    }
  }

  #without(node: Node, message: string): YamlNode {
    const place = this.#of(node)
    this.refuse(place, message, ['the file says everything where it is used: write it out'])
    return { kind: 'scalar', place, value: null, quoted: false }
  }

  syntax(error: YAMLError): void {
    const [start, end] = error.pos
    const { message, hints } = syntaxText(error)
    this.refuse(this.place(start, end), message, hints)
  }

  refuse(
    place: Place | { readonly file: string },
    message: string,
    hints?: readonly string[],
  ): void {
    if (this.problems.length >= MAX_PROBLEMS) return
    this.problems.push(problemAt('error', { ...place, file: this.#file }, '', { message, hints }))
  }

  #of(node: Node): Place {
    const [start, end] = node.range ?? [0, 0]
    return this.place(start, end)
  }

  /** What spans lines is marked to the end of its first. */
  place(start: number, end: number): Place {
    let [line, after] = [0, this.#lineStarts.length]
    while (after - line > 1) {
      const middle = (line + after) >> 1
      if ((this.#lineStarts[middle] ?? 0) <= start) line = middle
      else after = middle
    }
    const lineStart = this.#lineStarts[line] ?? 0
    const lineEnd = (this.#lineStarts[line + 1] ?? this.#text.length + 1) - 1
    return {
      file: this.#file,
      line: line + 1,
      column: Math.min(start, lineEnd) - lineStart + 1,
      length: Math.max(1, Math.min(end, lineEnd) - start),
    }
  }
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value)
}

function syntaxText(error: YAMLError): { message: string; hints: readonly string[] } {
  if (error.code === 'RESOURCE_EXHAUSTION') return { message: 'nested too deeply', hints: [] }
  if (error.code === 'TAB_AS_INDENT') {
    return { message: 'a tab cannot indent YAML', hints: ['indent with spaces'] }
  }
  if (error.code === 'MISSING_CHAR' && error.message.includes('quote')) {
    return { message: 'a quote is not closed', hints: [] }
  }
  if (error.code === 'MULTIPLE_DOCS') {
    return { message: 'a second document begins here', hints: ['remove the line "---"'] }
  }
  // What the parser stumbled over may be a key: only its own words are repeated.
  const words = error.message.replace(/(?::| ["'`]).*$/s, '').replace(/\s+/g, ' ')
  return { message: `not YAML: ${words.slice(0, 120)}`, hints: [] }
}
