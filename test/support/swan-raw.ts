/** A node of what `swanctl --raw` prints: text, a list, or named parts. */
export type RawValue = string | readonly string[] | RawSection
export type RawSection = { readonly [name: string]: RawValue }

/**
 * Reads `swanctl --list-sas --raw`: one line for each IKE SA, such as
 * `list-sa event {paris {uniqueid=1 state=ESTABLISHED child-sas {net-1 {name=net local-ts=[10.1.0.0/16] }}}}`.
 * @returns the sections below each event, in order of appearance.
 */
export function readRaw(text: string): readonly RawSection[] {
  const events: RawSection[] = []
  for (const line of text.split('\n')) {
    const open = line.indexOf(' {')
    if (!/^[\w-]+ (event|reply) \{/.test(line) || open < 0) continue
    const { section } = readSection(line, open + 2)
    if (Object.keys(section).length > 0) events.push(section)
  }
  return events
}

/** Walks `name=value`, `name=[a b]` and `name {…}` until the closing brace. */
function readSection(text: string, from: number): { section: RawSection; next: number } {
  const section: Record<string, RawValue> = {}
  let at = from
  for (;;) {
    while (text[at] === ' ') at += 1
    if (at >= text.length || text[at] === '}') return { section, next: at + 1 }
    const name = /[^\s={}]*/y
    name.lastIndex = at
    const key = name.exec(text)?.[0] ?? ''
    if (key === '') throw new Error(`not the raw format of swanctl at ${at}: ${text}`)
    at += key.length
    if (text.startsWith(' {', at)) {
      const inner = readSection(text, at + 2)
      section[key] = inner.section
      at = inner.next
      continue
    }
    at += 1
    if (text[at] === '[') {
      const end = text.indexOf(']', at)
      section[key] = text
        .slice(at + 1, end)
        .split(' ')
        .filter((item) => item !== '')
      at = end + 1
      continue
    }
    // Values may hold spaces (distinguished names): they end before the next `name=`, section or brace.
    const end = /(?= [\w-]+=| [\w-]+ \{| ?\})/g
    end.lastIndex = at
    const stop = end.exec(text)?.index ?? text.length
    section[key] = text.slice(at, stop)
    at = stop
  }
}

export function sectionOf(section: RawSection | undefined, key: string): RawSection {
  const value = section?.[key]
  return typeof value === 'object' && !Array.isArray(value) ? (value as RawSection) : {}
}

export function textOf(section: RawSection | undefined, key: string): string {
  const value = section?.[key]
  return typeof value === 'string' ? value : ''
}

export function listOf(section: RawSection | undefined, key: string): readonly string[] {
  const value = section?.[key]
  return Array.isArray(value) ? (value as readonly string[]) : []
}
