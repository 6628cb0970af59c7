import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A page of docs/failures as the index and the rules look at it. */
export type Page = {
  readonly name: string
  readonly code: string
  readonly title: string
  readonly headings: readonly string[]
  /** Paths below its last heading. */
  readonly tests: readonly string[]
  readonly text: string
}

export function pagesIn(folder: string): readonly Page[] {
  return readdirSync(folder)
    .filter((name) => name !== 'README.md')
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      const [, code = '', title = ''] = /^# (CW-\d{3}): (.+)$/m.exec(text) ?? []
      const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading)
      const last = text.slice(text.lastIndexOf('## Tests'))
      const tests = [...last.matchAll(/^- `([^`]+)`$/gm)].map(([, path = '']) => path)
      return { name, code, title, headings, tests, text }
    })
}

/** docs/failures/README.md. */
export function indexOf(pages: readonly Page[]): string {
  const groups = GROUPS.flatMap(([digit, heading]) => {
    const rows = pages.filter(({ code }) => code.startsWith(`CW-${digit}`))
    if (rows.length === 0) return []
    const lines = rows.map(({ name, code, title }) => `- [${code}](${name}): ${title}`)
    return ['', `## ${heading}`, '', ...lines]
  })
  return `${[HEAD, ...groups].join('\n')}\n`
}

const GROUPS = [
  ['1', 'No conversation'],
  ['2', 'Phase 1: what is proposed'],
  ['3', 'Phase 1: who is who'],
  ['4', 'Phase 2'],
  ['5', 'Up, but no traffic'],
  ['6', 'Works, then breaks'],
] as const

const HEAD = `# Why a tunnel is not up, or carries nothing

Every failure Causeway tells of has a code that never changes. Its page says what it means, how sure one can be and why, what other products
print when it happens to them, and what to do on either side. Without a browser: \`causeway explain CW-301\`, or with a line of another
product's log: \`causeway explain 'received NO_PROPOSAL_CHOSEN'\`.

This list is generated (\`npm run docs\`).`

if (import.meta.main) {
  const folder = join(import.meta.dirname, '../docs/failures')
  writeFileSync(join(folder, 'README.md'), indexOf(pagesIn(folder)))
}
