import { readFileSync } from 'node:fs'
import { fromHex } from '#bytes/hex'

/** One known answer: named values, most of them octets. */
export type Vector = {
  /** `RFC 4231 §4.2 case 1`: what a failing test says. */
  readonly name: string
  /** @throws Error when the case has no such value, or it is not hexadecimal. */
  octets(key: string): Uint8Array
  /** @throws Error when the case has no such value. */
  text(key: string): string
}

export type Vectors = {
  /** The document the values were published in. */
  readonly source: string
  readonly cases: readonly Vector[]
}

/**
 * Reads `test/vectors/NAME.txt`. The form: `# comment` lines, `source: …`, then one case a paragraph, each line `key: value`; a long
 * value stands on the indented lines that follow its key. The first key of every case is `case`, its name.
 * @throws Error when the file breaks the form or has no cases, so that a test over it cannot pass by doing nothing.
 */
export function loadVectors(name: string): Vectors {
  const text = readFileSync(new URL(`./${name}.txt`, import.meta.url), 'utf8')
  const [head, ...cases] = text
    .replace(/^#.*\n/gm, '')
    .trim()
    .split(/\n\n+/)
    .map((paragraph) => fields(name, paragraph))
  const source = head?.get('source')
  if (source === undefined || cases.length === 0)
    throw new Error(`${name}.txt has no source or no cases`)
  return { source, cases: cases.map((values) => vector(name, values)) }
}

function vector(file: string, values: ReadonlyMap<string, string>): Vector {
  const text = (key: string): string => {
    const value = values.get(key)
    if (value === undefined) throw new Error(`${file}.txt: ${values.get('case')} has no ${key}`)
    return value
  }
  return {
    name: text('case'),
    text,
    octets(key) {
      const value = text(key)
      if (!/^([0-9a-f]{2})*$/.test(value))
        throw new Error(`${file}.txt: ${key} of ${text('case')} is not hexadecimal`)
      return fromHex(value)
    },
  }
}

function fields(file: string, paragraph: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const joined = paragraph.replace(/\n +/g, '')
  for (const line of joined.split('\n')) {
    const [, key, value] = /^([a-z0-9-]+):\s*(.+)$/.exec(line) ?? []
    if (key === undefined || value === undefined || values.has(key))
      throw new Error(`${file}.txt: cannot read "${line.slice(0, 60)}"`)
    values.set(key, value)
  }
  return values
}
