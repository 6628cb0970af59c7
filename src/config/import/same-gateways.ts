import type { ImportedTunnel, Note, Value } from './imported.ts'

/**
 * Connections between the same two gateways that differ in their networks only are one tunnel: in strongSwan and libreswan they share an
 * ISAKMP SA, and here whoever begins could not say which of two tunnels he means.
 */
export function joinSameGateways(tunnels: readonly ImportedTunnel[]): readonly ImportedTunnel[] {
  const joined: ImportedTunnel[] = []
  for (const tunnel of tunnels) {
    const at = joined.findIndex((other) => haveSameGateways(other, tunnel))
    const other = joined[at]
    if (other === undefined) {
      joined.push(tunnel)
      continue
    }
    const differing = differences(other, tunnel)
    if (differing.length === 0) joined[at] = together(other, tunnel)
    else joined.push(withRemark(tunnel, remarkOf(other.name, differing)))
  }
  return joined
}

function haveSameGateways(a: ImportedTunnel, b: ImportedTunnel): boolean {
  return WHO.every((key) => sameValue(a, b, key))
}

/** By what a peer is known before it names a network. */
const WHO: readonly string[] = [
  'ike',
  'peer',
  'address',
  'peer-id',
  'peer-id.any-of',
  'certificate.peer-id',
  'certificate.peer-id.any-of',
]

/** Keys in which both would have to be the same, and are not. */
function differences(a: ImportedTunnel, b: ImportedTunnel): readonly string[] {
  const keys = new Set([...a.values, ...b.values].map(({ key }) => key))
  const differing = [...keys].filter(
    (key) => !MAY_DIFFER.includes(key) && !IN_FILES.includes(key) && !sameValue(a, b, key),
  )
  const networks = [a, b].some((one) => !Array.isArray(given(one, 'networks')))
  const secrets = (['psk', 'password', 'passphrase'] as const).filter((key) => {
    const [mine, theirs] = [a[key], b[key]]
    return mine === undefined || theirs === undefined ? mine !== theirs : !mine.equals(theirs)
  })
  return [...differing, ...(networks ? ['networks'] : []), ...secrets]
}

const MAY_DIFFER: readonly string[] = ['networks', 'start']
/** Their values are the names of files, which are named after the tunnel. */
const IN_FILES: readonly string[] = [
  'psk',
  'xauth.password',
  'xauth.users',
  'certificate.passphrase',
]

function together(a: ImportedTunnel, b: ImportedTunnel): ImportedTunnel {
  const pairs = [a, b].flatMap((one) => given(one, 'networks') ?? [])
  const networks = [...new Set(pairs.map(String))]
  const starts = [a, b].map((one) => given(one, 'start'))
  const start = STARTS.find((one) => starts.includes(one))
  const values = a.values.map((value): Value => {
    const also = b.values.find(({ key }) => key === value.key)
    const origins = [...value.origins, ...(also?.origins ?? [])]
    if (value.key === 'networks') return { ...value, value: networks, origins }
    if (value.key === 'start' && start !== undefined && start !== value.value)
      return { key: 'start', value: start, origins: also?.origins ?? [] }
    return value
  })
  const merged = { ...a, values, notes: distinct([...a.notes, ...b.notes]) }
  const remark = `Its networks are those of ${b.name}, too: what is between the same two gateways is one tunnel here.`
  return [...b.remarks, remark].reduce(withRemark, merged)
}

/** The one that brings a tunnel up most often comes first. */
const STARTS: readonly string[] = ['always', 'on-traffic', 'respond']

function remarkOf(other: string, differing: readonly string[]): string {
  return `It has the same two gateways as ${other} but another ${differing.join(', ')}: where the peer begins, it cannot say which of the two it means. Make them the same, and write all networks in one tunnel.`
}

function withRemark(tunnel: ImportedTunnel, remark: string): ImportedTunnel {
  if (tunnel.remarks.includes(remark)) return tunnel
  return { ...tunnel, remarks: [...tunnel.remarks, remark] }
}

function distinct(notes: readonly Note[]): readonly Note[] {
  const byWords = new Map(notes.map((note) => [wordsOf(note), note]))
  return [...byWords.values()].sort(
    ({ origin: a }, { origin: b }) => a.file.localeCompare(b.file) || a.line - b.line,
  )
}

function wordsOf(note: Note): string {
  const outcome = note.kind === 'taken' ? note.key : note.why
  return `${note.origin.file}:${note.origin.line} ${note.origin.text} ${note.kind} ${outcome}`
}

function sameValue(a: ImportedTunnel, b: ImportedTunnel, key: string): boolean {
  return String(given(a, key)) === String(given(b, key))
}

function given({ values }: ImportedTunnel, wanted: string): Value['value'] | undefined {
  return values.find(({ key }) => key === wanted)?.value
}
