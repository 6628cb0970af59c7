import type { z } from 'zod'
import { nearestName } from '#policy/nearest'
import { isWord } from './blank-secrets.ts'
import { nodeAt, plain, type YamlNode } from './document.ts'
import { type ConfigProblem, type Place, type ProblemText, problemAt } from './problem.ts'
import type { KeyTable } from './schema.ts'
import { keysAt } from './schema-shape.ts'

/** A group of keys with what could be read of it: keys with problems are missing from `draft`. */
export type Reading<T> = {
  readonly draft: { readonly [K in keyof T]?: T[K] }
  readonly problems: readonly ConfigProblem[]
}

/**
 * Validates each key by itself, so that one mistake hides no other.
 *
 * @param at where to say that a key is missing: the name of the group
 * @param path of the group, `tunnels.paris`; empty for the file
 */
export function readKeys<T>(
  table: KeyTable<T>,
  node: YamlNode | undefined,
  at: Place,
  path: string,
): Reading<T> {
  const group = node?.kind === 'scalar' && node.value === null ? undefined : node
  if (group !== undefined && group.kind !== 'map') {
    const name = path === '' ? 'the file' : path
    const text = { message: `${name} must hold keys, not ${kindOf(plain(group))}` }
    return { draft: {}, problems: [problemAt('error', group.place, path, text)] }
  }
  const problems: ConfigProblem[] = unknownKeys(group, Object.keys(table), path)
  const draft: Partial<Record<string, unknown>> = {}
  for (const [key, schema] of Object.entries<z.ZodType>(table)) {
    const entry = group?.entries.get(key)
    const value = entry && plain(entry.value)
    // An empty message marks the issues that have no words of their own in the schema.
    const result = schema.safeParse(value, { error: () => '' })
    const keyPath = path === '' ? key : `${path}.${key}`
    if (result.success) draft[key] = result.data
    else if (entry === undefined) problems.push(missing(key, at, path))
    else {
      const found = result.error.issues.flatMap((issue) =>
        describe(issue, schema, entry.value, keyPath),
      )
      problems.push(...found)
    }
  }
  return { draft: draft as Reading<T>['draft'], problems }
}

function unknownKeys(
  group: (YamlNode & { kind: 'map' }) | undefined,
  known: readonly string[],
  path: string,
): ConfigProblem[] {
  if (group === undefined) return []
  return [...group.entries]
    .filter(([key]) => !known.includes(key))
    .slice(0, MOST_UNKNOWN)
    .map(([key, { key: place }]) =>
      problemAt('error', place, join(path, shownKey(key)), unknownKey(key, known, path)),
    )
}

/** Of one group; more say nothing that these do not. */
const MOST_UNKNOWN = 50

function shownKey(key: string): string {
  return isWord(key) ? key : '?'
}

function unknownKey(key: string, known: readonly string[], path: string): ProblemText {
  const near = nearestName(key, known)
  const where = path === '' ? '' : ` in ${path}`
  if (!isWord(key)) return { message: `unknown key${where}` }
  return {
    message: `unknown key "${key}"${where}`,
    hints: [near === undefined ? `known are ${known.join(', ')}` : `did you mean "${near}"?`],
  }
}

function missing(key: string, at: Place, path: string): ConfigProblem {
  if (path === '') {
    const hints = key === 'version' ? ['begin the file with "version: 1"'] : []
    return problemAt('error', at, key, { message: `"${key}" is missing`, hints })
  }
  return problemAt('error', at, path, { message: `${path} has no "${key}"` })
}

type Issue = z.core.$ZodIssue

/** @param schema of the value that `issue.path` counts from; for the keys it knows. */
function describe(
  issue: Issue,
  schema: z.ZodType,
  node: YamlNode,
  path: string,
): readonly ConfigProblem[] {
  const here = nodeAt(node, issue.path)
  const herePath = [path, ...issue.path.map(String)].join('.')
  if (issue.code === 'invalid_union') {
    const branch = branchFor(issue.errors)
    if (branch !== undefined)
      return branch.flatMap((inner) =>
        describe({ ...inner, path: [...issue.path, ...inner.path] }, schema, node, path),
      )
  }
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path)
    return issue.keys.map((key) => {
      const entry = here.kind === 'map' ? here.entries.get(key) : undefined
      const place = entry?.key ?? here.place
      return problemAt(
        'error',
        place,
        join(herePath, shownKey(key)),
        unknownKey(key, known, herePath),
      )
    })
  }
  if (issue.message === '') {
    return [problemAt('error', here.place, herePath, wordsFor(issue, here, herePath))]
  }
  const { hints, word } = paramsOf(issue)
  const place = placeOfWord(here, word)
  return [problemAt('error', place, herePath, { message: issue.message, hints })]
}

/** Of several forms a value may have, the one it was meant as: the first whose outer type it has. */
function branchFor(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) =>
    issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  )
}

/** What `parsed` of values.ts says beside its message. */
function paramsOf(issue: Issue): { readonly hints?: readonly string[]; readonly word?: string } {
  return issue.code === 'custom' ? (issue.params ?? {}) : {}
}

/** The part of a value that is wrong, where it stands in the file just as in the value. */
function placeOfWord({ place, ...node }: YamlNode, word: string | undefined): Place {
  if (word === undefined || word === '' || node.kind !== 'scalar') return place
  const value = String(node.value)
  const at = value.indexOf(word)
  const quotes = place.length - value.length
  if (at === -1 || (quotes !== 0 && quotes !== 2)) return place
  return { ...place, column: place.column + at + quotes / 2, length: word.length }
}

function wordsFor(issue: Issue, node: YamlNode, path: string): ProblemText {
  const key = path.split('.').slice(-1)[0] ?? path
  const value = plain(node)
  if (issue.code === 'invalid_value') {
    const written = typeof value === 'object' ? kindOf(value) : `"${value}"`
    const known = issue.values.map(String)
    const near = nearestName(String(value), known)
    return {
      message:
        known.length === 1
          ? `${key} must be ${known[0]}, not ${written}`
          : `${written} is not a value of ${key}`,
      hints:
        known.length === 1
          ? []
          : [near === undefined ? `one of ${known.join(', ')}` : `did you mean "${near}"?`],
    }
  }
  if (issue.code === 'invalid_type') return wrongType(key, issue.expected, value)
  if (issue.code === 'invalid_union') {
    return { message: `${key} cannot be ${kindOf(value)}` }
  }
  if (issue.code === 'too_small') return { message: tooFar(key, issue, 'at least', issue.minimum) }
  if (issue.code === 'too_big') return { message: tooFar(key, issue, 'at most', issue.maximum) }
  return { message: `${key} cannot be this` }
}

function wrongType(key: string, expected: string, value: unknown): ProblemText {
  const names: Readonly<Record<string, string>> = {
    string: 'text',
    array: 'a list',
    object: 'a group of keys',
    number: 'a number',
    int: 'a whole number',
  }
  const wanted = names[expected] ?? expected
  if (value === null) return { message: `${key} has no value`, hints: [`it must be ${wanted}`] }
  const quotes = expected === 'string' && typeof value !== 'object'
  return {
    message: `${key} must be ${wanted}, not ${kindOf(value)}`,
    hints: quotes ? ['write it in quotes'] : [],
  }
}

function tooFar(
  key: string,
  { origin }: { readonly origin: string },
  bound: 'at least' | 'at most',
  limit: number | bigint,
): string {
  const things: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' }
  if (origin === 'string' && limit === 1) return `${key} is empty`
  if (origin === 'array' && limit === 1) return `${key} is an empty list`
  return `${key} must be ${bound} ${limit}${things[origin] ?? ''}`
}

export function kindOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a group of keys'
  if (typeof value === 'string') return 'text'
  return typeof value === 'boolean' ? 'yes or no' : 'a number'
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
