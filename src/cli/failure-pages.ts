import { readdirSync, readFileSync } from 'node:fs'

/** A page of docs/failures: what a code means, in sections. */
export type FailurePage = {
  /** `CW-201`. */
  readonly code: string
  readonly title: string
  readonly sections: readonly PageSection[]
}

export type PageSection = { readonly heading: string; readonly blocks: readonly PageBlock[] }

/** A paragraph, an item of a list, or lines to be left as they are. */
export type PageBlock =
  | { readonly kind: 'paragraph' | 'item'; readonly text: string }
  | { readonly kind: 'lines'; readonly lines: readonly string[] }

// Two folders up from src/cli and from dist/cli alike.
const FOLDER = new URL('../../docs/failures/', import.meta.url)

/** All pages that came with this program, in the order of their codes. */
export function failurePages(): readonly FailurePage[] {
  return readdirSync(FOLDER)
    .filter((name) => /^CW-\d{3}\.md$/.test(name))
    .sort()
    .map((name) => readPage(readFileSync(new URL(name, FOLDER), 'utf8')))
}

/** The small part of Markdown these pages are written in; a rule sees to it that they are. */
function readPage(markdown: string): FailurePage {
  const [, code = '', title = ''] = /^# (CW-\d{3}): (.+)$/m.exec(markdown) ?? []
  const sections = markdown
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return { heading: part.slice(0, end).trim(), blocks: blocksOf(part.slice(end)) }
    })
  return { code, title, sections }
}

function blocksOf(text: string): readonly PageBlock[] {
  const blocks: PageBlock[] = []
  for (const part of text.split(/\n\s*\n/)) {
    const lines = part.split('\n').filter((line) => line.trim() !== '')
    const [first] = lines
    if (first === undefined) continue
    if (first.startsWith('    ')) {
      blocks.push({ kind: 'lines', lines: lines.map((line) => line.slice(4)) })
    } else blocks.push(...itemsOf(lines))
  }
  return blocks
}

/** Lines that begin with a dash begin an item; any other goes on with what was before. */
function itemsOf(lines: readonly string[]): readonly PageBlock[] {
  const texts: { kind: 'paragraph' | 'item'; text: string }[] = []
  for (const line of lines) {
    const item = /^- (.*)/.exec(line)
    const last = texts.at(-1)
    if (item !== null) texts.push({ kind: 'item', text: item[1] ?? '' })
    else if (last === undefined) texts.push({ kind: 'paragraph', text: line.trim() })
    else last.text += ` ${line.trim()}`
  }
  return texts.map(({ kind, text }) => ({ kind, text: plain(text) }))
}

/** A link is its text: `[CW-301](CW-301.md)` is a code that `explain` takes. What is typed or printed stands in quotes if it has spaces. */
function plain(text: string): string {
  return text
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replace(/`([^`]*)`/g, (_, words: string) => (words.includes(' ') ? `"${words}"` : words))
    .replace(/\*/g, '')
}
