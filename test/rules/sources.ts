import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export const root: string = join(import.meta.dirname, '../..')

/** A TypeScript file of the repository as the house rules look at it. */
export type Source = {
  /** From the repository's root, such as `src/ike/engine.ts`. */
  readonly path: string
  /** Under src, the first folder: `ike`. Elsewhere the path's first part: `test`. */
  readonly folder: string
  readonly isTest: boolean
  readonly text: string
  /** The text with comments blanked and strings emptied; lines stay where they were. */
  readonly code: string
  readonly imports: readonly Import[]
}

export type Import = {
  readonly specifier: string
  /** Of our own: the file from src, without extension, such as `ike/engine`. */
  readonly target?: string
  readonly typesOnly: boolean
}

/** Every TypeScript file under the given folders. */
export function sourcesUnder(...folders: readonly string[]): readonly Source[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
    .sort()
    .map(readSource)
}

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const parts = path.split('/')
  return {
    path,
    folder: (parts[0] === 'src' ? parts[1] : parts[0]) ?? '',
    isTest: path.endsWith('.test.ts'),
    text,
    code: withoutCommentsAndStrings(text),
    imports: importsOf(path, text),
  }
}

export function withoutCommentsAndStrings(text: string): string {
  return text.replace(COMMENT_OR_STRING, (match) => {
    const lines = match.replace(/[^\n]/g, '')
    if (match.startsWith('/')) return lines
    return `${match[0]}${lines}${match[0]}`
  })
}

export function commentsOf(text: string): readonly string[] {
  return [...text.matchAll(COMMENT_OR_STRING)]
    .map(([match]) => match)
    .filter((match) => match.startsWith('/'))
}

function importsOf(path: string, text: string): readonly Import[] {
  const withoutComments = text.replace(COMMENT_OR_STRING, (match) =>
    match.startsWith('/') ? '' : match,
  )
  return [...withoutComments.matchAll(IMPORT)].map((match) => {
    const specifier = match[3] ?? match[4] ?? ''
    const target = targetOf(path, specifier)
    const typesOnly = match[1] !== undefined || onlyTypesNamed(match[2] ?? '')
    return target === undefined ? { specifier, typesOnly } : { specifier, target, typesOnly }
  })
}

function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1)
  if (!specifier.startsWith('.')) return undefined
  return normalize(join(dirname(path), specifier))
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
}

function onlyTypesNamed(clause: string): boolean {
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(',') ?? []
  const named = names.map((name) => name.trim()).filter((name) => name !== '')
  return named.length > 0 && named.every((name) => name.startsWith('type '))
}

const COMMENT_OR_STRING =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g

const IMPORT =
  /^\s*(?:import|export)\s+(type\s+)?([^;'"]*?)\s*from\s+['"]([^'"]+)['"]|(?:^\s*import\s+|\bimport\s*\(\s*)['"]([^'"]+)['"]/gm
