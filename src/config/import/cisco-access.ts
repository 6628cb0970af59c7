import { parseIp } from '#bytes/ip'
import { after, type Command } from './cisco-lines.ts'
import type { Note, Origin } from './imported.ts'
import { maskedNetwork, networkPair, type Side, trafficText } from './traffic.ts'

/** What a crypto access list protects: pairs of ours, source first. */
export type AccessPairs = {
  readonly pairs: readonly string[]
  readonly used: readonly Origin[]
  readonly notes: readonly Note[]
}

/** Access lists and the objects they name, of IOS (wildcards) and ASA (masks) alike. */
export class CiscoAccess {
  readonly #objects: Map<string, Command[]> = new Map()
  /** Lines of objects that the list being read has named. */
  #touched: Origin[] = []
  readonly #lists: Map<string, Command[]> = new Map()

  constructor(commands: readonly Command[]) {
    for (const command of commands) {
      const object =
        after(command, 'object', 'network') ?? after(command, 'object-group', 'network')
      if (object?.[0] !== undefined) add(this.#objects, object[0], command)
      const named = after(command, 'ip', 'access-list', 'extended')
      if (named?.[0] !== undefined)
        for (const line of command.inner) add(this.#lists, named[0], line)
      const [flat] = after(command, 'access-list') ?? []
      if (flat !== undefined) add(this.#lists, flat, command)
    }
  }

  /** Whether a command belongs to an access list or an object, which only what uses it accounts for. */
  owns(command: Command): boolean {
    return (
      /^(?:access-list|object|object-group)$/.test(command.words[0] ?? '') ||
      command.words.slice(0, 2).join(' ') === 'ip access-list'
    )
  }

  pairsOf(list: string): AccessPairs | undefined {
    const lines = this.#lists.get(list)
    if (lines === undefined) return undefined
    const pairs: string[] = []
    const used: Origin[] = []
    this.#touched = []
    const notes: Note[] = []
    for (const line of lines) {
      const result = this.#line(line)
      if (result === undefined) continue
      if (typeof result === 'string') notes.push({ origin: line, kind: 'left-out', why: result })
      else {
        used.push(line)
        for (const pair of result) if (!pairs.includes(pair)) pairs.push(pair)
      }
      if (pairs.length > MOST_PAIRS) {
        notes.push({ origin: line, kind: 'left-out', why: `more than ${MOST_PAIRS} pairs` })
        break
      }
    }
    return { pairs: pairs.slice(0, MOST_PAIRS), used: [...used, ...this.#touched], notes }
  }

  /** @returns the pairs of one line, why there are none, or undefined for a remark. */
  #line({ raw, words }: Command): readonly string[] | string | undefined {
    const start = words.findIndex((word) => /^(?:permit|deny|remark|standard)$/.test(word))
    const action = words[start]
    // The last line of every list, written or not.
    const isEnd = action === 'deny' && /^ip any4? any4?$/.test(words.slice(start + 1).join(' '))
    if (action === 'remark' || isEnd) return undefined
    if (action === 'standard' || action === undefined) return 'no pair of networks'
    if (action === 'deny') return 'what is denied is excepted there; here only pairs are listed'
    const isAsa = words[0] === 'access-list' && words[2] === 'extended'
    const parser = new Words(raw.slice(start + 1), isAsa, (name) => this.#expand(name, new Set()))
    const protocol = parser.next()?.toLowerCase() ?? ''
    const traffic = /^(?:ip|ipv4)$/.test(protocol) ? '' : trafficText(protocol)
    if (traffic === undefined) return `${protocol}: no protocol known here`
    const source = parser.side(traffic)
    const destination = parser.side(traffic)
    if (source === undefined || destination === undefined)
      return 'its networks are not ones that can be here'
    const pairs: string[] = []
    for (const local of source) {
      for (const remote of destination) {
        const pair = networkPair(local, remote)
        if ('why' in pair) return pair.why
        pairs.push(pair.pair)
        if (pairs.length > MOST_PAIRS) return pairs
      }
    }
    return pairs
  }

  #expand(name: string, within: Set<string>): readonly string[] {
    if (within.has(name)) return []
    within.add(name)
    const objects = this.#objects.get(name) ?? []
    if (this.#touched.length < 10_000)
      for (const object of objects) this.#touched.push(object, ...object.inner)
    return objects
      .flatMap(({ inner }) => inner)
      .slice(0, MOST_PAIRS)
      .flatMap(({ raw, words }) => {
        const [kind, first = '', second = ''] = words
        if (kind === 'group-object') return this.#expand(raw[1] ?? '', within)
        if (kind === 'network-object' && first === 'object')
          return this.#expand(raw[2] ?? '', within)
        if (kind === 'network-object' && first === 'host') return [second]
        if (kind === 'network-object' || kind === 'subnet') {
          const network = maskedNetwork(first, second, 'mask')
          return [network ?? first]
        }
        if (kind === 'host') return [first]
        if (kind === 'range') return [`${first}-${second}`]
        if (parseIp(kind ?? '') !== undefined) {
          const network = maskedNetwork(kind ?? '', first, 'mask')
          return network === undefined ? [] : [network]
        }
        return []
      })
      .slice(0, MOST_PAIRS)
  }
}

const MOST_PAIRS = 256

function add(map: Map<string, Command[]>, name: string, command: Command): void {
  const list = map.get(name)
  if (list === undefined) map.set(name, [command])
  else list.push(command)
}

/** The words of one line, taken from the left. */
class Words {
  readonly #words: readonly string[]
  readonly #isAsa: boolean
  readonly #expand: (name: string) => readonly string[]
  #at = 0

  constructor(
    words: readonly string[],
    isAsa: boolean,
    expand: (name: string) => readonly string[],
  ) {
    this.#words = words
    this.#isAsa = isAsa
    this.#expand = expand
  }

  next(): string | undefined {
    return this.#words[this.#at++]
  }

  /** Source or destination with its ports. */
  side(traffic: string): readonly Side[] | undefined {
    const ranges = this.#ranges()
    if (ranges === undefined || ranges.length === 0) return undefined
    const ports = this.#ports()
    if (ports === null) return undefined
    if (ports === undefined) return ranges.map((range) => ({ range, traffic }))
    const text = trafficText(`${traffic}/${ports}`)
    return text === undefined ? undefined : ranges.map((range) => ({ range, traffic: text }))
  }

  #ranges(): readonly string[] | undefined {
    const word = this.next()?.toLowerCase()
    if (word === undefined) return undefined
    if (/^any4?$/.test(word)) return ['0.0.0.0/0']
    if (word === 'any6') return ['::/0']
    if (word === 'host') return [this.next() ?? '']
    if (word === 'object' || word === 'object-group') return this.#expand(this.next() ?? '')
    if (word.includes('/')) return [word]
    const network = maskedNetwork(word, this.next() ?? '', this.#isAsa ? 'mask' : 'wildcard')
    return network === undefined ? undefined : [network]
  }

  /** @returns undefined without ports, null for some that no selector can say. */
  #ports(): string | null | undefined {
    const word = this.#words[this.#at]?.toLowerCase()
    if (word === 'eq') {
      this.#at += 2
      return this.#words[this.#at - 1] ?? null
    }
    if (word === 'range') {
      this.#at += 3
      return `${this.#words[this.#at - 2]}-${this.#words[this.#at - 1]}`
    }
    return word !== undefined && /^(?:gt|lt|neq)$/.test(word) ? null : undefined
  }
}
