import type { ImportedTunnel, Note, Origin, Value } from './imported.ts'

/** One tunnel as the file that `include` names, each value with where it comes from, and above it what was left out. */
export function tunnelYaml(tunnel: ImportedTunnel): string {
  const left = tunnel.notes.filter(({ kind }) => kind === 'left-out')
  const head = [
    `Imported from ${tunnel.at.file}, line ${tunnel.at.line}.`,
    ...tunnel.remarks.map((remark) => `! ${remark}`),
    ...(left.length === 0 ? [] : ['Left out:', ...left.map(leftOutText)]),
  ]
  const body = tree(tunnel.values)
  return [
    ...head.flatMap((line) => commentLines(line)),
    'tunnels:',
    `  ${tunnel.name}:`,
    ...bodyLines(body, 4),
    '',
  ].join('\n')
}

/** The main file that includes what was written. */
export function mainYaml(pattern: string, address: string | undefined): string {
  const gateway =
    address === undefined
      ? '# gateway:\n#   address: 203.0.113.10 # ours, if no tunnel says it'
      : `gateway:\n  address: ${scalar(address)}`
  return `version: 1\n\n${gateway}\n\ninclude: ${scalar(pattern)}\n`
}

/** A value as YAML; in quotes unless nothing in it could be taken for something else. */
export function scalar(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const isPlain = PLAIN.test(value) && !MISREAD.test(value)
  return isPlain ? value : JSON.stringify(value).replace(/[\u007f-\u{10ffff}]/gu, escaped)
}

export function placeText({ file, line }: Origin): string {
  return `${file.slice(file.lastIndexOf('/') + 1)}:${line}`
}

/** In the order of the reference. */
const ORDER: readonly string[] = [
  'note',
  'preset',
  'ike',
  'peer',
  'address',
  'psk',
  'certificate',
  'xauth',
  'mode-config',
  'id',
  'peer-id',
  'phase1',
  'phase2',
  'networks',
  'narrow',
  'mode',
  'start',
  'encapsulation',
  'replay-window',
  'dead-peer',
  'interface',
  'watch',
]

const PLAIN = /^[A-Za-z0-9][\w./:-]*(?: <-> [A-Za-z0-9][\w./:-]*(?: [a-z0-9]+(?:\/[\d-]+)?)?)?$/
/** What YAML reads as something else than text: words, numbers, times. */
const MISREAD =
  /^(?:true|false|yes|no|on|off|null|~|y|n|\d+(?:\.\d*)?(?:e\d+)?|0[xob]\w+|\d+(?::\d+)+)$/i

function escaped(char: string): string {
  return [...char]
    .map((one) => {
      const code = one.codePointAt(0) ?? 0
      return code > 0xffff
        ? `\\U${code.toString(16).padStart(8, '0')}`
        : `\\u${code.toString(16).padStart(4, '0')}`
    })
    .join('')
}

type Tree = Map<string, Value | Tree>

function tree(values: readonly Value[]): Tree {
  const root: Tree = new Map()
  const rank = (key: string) => ORDER.indexOf(key.split('.')[0] ?? '')
  for (const value of [...values].sort((a, b) => rank(a.key) - rank(b.key))) {
    const path = value.key.split('.')
    let at = root
    for (const step of path.slice(0, -1)) {
      const next = at.get(step)
      const inner = next instanceof Map ? next : new Map<string, Value | Tree>()
      at.set(step, inner)
      at = inner
    }
    at.set(path.at(-1) ?? '', value)
  }
  return root
}

function bodyLines(body: Tree, indent: number): readonly string[] {
  const pad = ' '.repeat(indent)
  return [...body].flatMap(([key, value]) => {
    if (value instanceof Map) return [`${pad}${key}:`, ...bodyLines(value, indent + 2)]
    const comment = originComment(value)
    if (typeof value.value !== 'object') {
      return [`${pad}${key}: ${scalar(value.value)}${comment}`]
    }
    if (value.value.length === 0) return [`${pad}${key}: []${comment}`]
    return [`${pad}${key}:${comment}`, ...value.value.map((one) => `${pad}  - ${scalar(one)}`)]
  })
}

function originComment({ origins, why }: Value): string {
  if (why !== undefined) return ` # ${why}`
  const places = [...new Set(origins.map(placeText))]
  if (places.length === 0) return ''
  return ` # ${places.slice(0, 3).join(', ')}${places.length > 3 ? ', …' : ''}`
}

function leftOutText({ origin, ...note }: Note): string {
  const why = note.kind === 'left-out' ? note.why : ''
  return `  ${placeText(origin)} ${origin.text}: ${why}`
}

function commentLines(text: string): readonly string[] {
  const hang = /^\s*/.exec(text)?.[0] ?? ''
  const lines: string[] = []
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= 100)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`${lines.length === 0 ? hang : `${hang}  `}${word}`)
  }
  return lines.map((line) => `# ${line}`)
}
