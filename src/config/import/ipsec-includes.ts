import type { Files } from '../files.ts'
import { absolute } from '../psk.ts'

/** The files that `include PATTERN` names; relative ones are beside the file that includes. */
export function includedPaths(pattern: string, from: string, files: Files): readonly string[] {
  const folder = from.includes('/') ? from.slice(0, from.lastIndexOf('/')) : '.'
  const path = absolute(pattern, folder)
  if (!path.includes('*')) return [path]
  const slash = path.lastIndexOf('/')
  const parent = path.slice(0, slash)
  const [head = '', ...tails] = path.slice(slash + 1).split('*')
  const tail = tails.at(-1) ?? ''
  return (files.list(parent) ?? [])
    .filter((name) => name.startsWith(head) && name.endsWith(tail) && !name.startsWith('.'))
    .map((name) => `${parent}/${name}`)
}

/** As many as one configuration may include, and how deep. */
export const MOST_INCLUDED = 256
export const DEEPEST_INCLUDE = 8
