import { wrap } from '#diagnosis/wrap'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type FailurePage, failurePages, type PageBlock } from './failure-pages.ts'
import type { Terminal } from './terminal.ts'

/** Whether the operator means a code: `CW-201`, `cw201`, `201`. */
export function codeMeant(word: string): string | undefined {
  const found = /^(?:cw)?[-_ ]?(\d{3})$/i.exec(word.trim())
  return found === null ? undefined : `CW-${found[1]}`
}

/** The page of one code, wrapped; where there is none, those nearest to it. */
export function explainCode(
  terminal: Terminal,
  code: string,
  { json = false }: { readonly json?: boolean },
): ExitCode {
  const pages = failurePages()
  const page = pages.find((one) => one.code === code)
  if (page === undefined) {
    terminal.err(`causeway: there is no ${code}; near it are\n${listed(nearCodes(code, pages))}`)
    return EXIT.usage
  }
  if (json) terminal.out(`${JSON.stringify({ schema: 1, ...page }, null, 2)}\n`)
  else terminal.out(`${pageLines(page, terminal).join('\n')}\n`)
  return EXIT.ok
}

/** Pages that speak of `text`: part of a log line, of this or another product. */
export function explainText(
  terminal: Terminal,
  text: string,
  { json = false }: { readonly json?: boolean },
): ExitCode {
  const found = pagesWith(text, failurePages())
  if (found.length === 0) {
    terminal.err(`causeway: no failure is known by "${text}"; all of them:\n`)
    terminal.err(listed(failurePages()))
    return EXIT.usage
  }
  if (json) {
    const codes = found.map(({ code, title }) => ({ code, title }))
    terminal.out(`${JSON.stringify({ schema: 1, text, found: codes }, null, 2)}\n`)
  } else {
    terminal.out(`${listed(found)}\n`)
    terminal.out(`causeway explain ${found[0]?.code} tells more.\n`)
  }
  return EXIT.ok
}

/** Those whose number is nearest, three at most; the same hundred is the same kind of failure. */
function nearCodes(code: string, pages: readonly FailurePage[]): readonly FailurePage[] {
  const number = numberOf(code)
  const distance = (page: FailurePage) => Math.abs(numberOf(page.code) - number)
  return [...pages].sort((a, b) => distance(a) - distance(b)).slice(0, MOST_NEAR)
}

/** Pages in which every word of `text` stands, those with the whole text first. */
function pagesWith(text: string, pages: readonly FailurePage[]): readonly FailurePage[] {
  const wanted = text.toLowerCase().trim()
  const words = wanted.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  if (words.length === 0) return []
  const scored = pages.map((page) => {
    const content = contentOf(page).toLowerCase()
    const whole = content.includes(wanted)
    return { page, whole, has: words.every((word) => content.includes(word)) }
  })
  const whole = scored.filter((one) => one.whole)
  return (whole.length > 0 ? whole : scored.filter(({ has }) => has)).map(({ page }) => page)
}

/** `  CW-201  …`, one a line. */
function listed(pages: readonly FailurePage[]): string {
  return pages.map(({ code, title }) => `  ${code}  ${title}\n`).join('')
}

function pageLines(
  { code, title, sections }: FailurePage,
  { columns, style }: Pick<Terminal, 'columns' | 'style'>,
): readonly string[] {
  const width = Math.min(columns, WIDEST)
  const head = wrap(`${code}: ${title}`, width).map((line) => style('bold', line))
  return [
    ...head,
    ...sections
      .filter(({ heading }) => heading !== 'Tests')
      .flatMap(({ heading, blocks }) => [
        '',
        style('bold', heading),
        ...blocks.flatMap((block, index) => blockLines(block, blocks[index - 1], width)),
      ]),
  ]
}

function blockLines(
  block: PageBlock,
  before: PageBlock | undefined,
  width: number,
): readonly string[] {
  const apart = before === undefined || (before.kind === 'item' && block.kind === 'item')
  const gap = apart ? [] : ['']
  if (block.kind === 'lines') return [...gap, ...block.lines.map((line) => `      ${line}`)]
  const [head, rest] = block.kind === 'item' ? ['  – ', '    '] : ['  ', '  ']
  const lines = wrap(block.text, width - head.length)
  return [...gap, ...lines.map((line, index) => `${index === 0 ? head : rest}${line}`)]
}

function contentOf({ code, title, sections }: FailurePage): string {
  const texts = sections.flatMap(({ blocks }) =>
    blocks.flatMap((block) => (block.kind === 'lines' ? block.lines : [block.text])),
  )
  return [code, title, ...texts].join('\n')
}

function numberOf(code: string): number {
  return Number(code.slice(3))
}

const MOST_NEAR = 3
/** Long lines are hard to read, however wide the screen. */
const WIDEST = 100
