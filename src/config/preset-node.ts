import { parsePhase2 } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'
import type { YamlEntry, YamlNode } from './document.ts'
import { presetNamed } from './presets/catalog.ts'
import type { PresetValue } from './presets/preset.ts'
import type { Place } from './problem.ts'

/**
 * The keys of a tunnel with those of its preset below them, as if they were written where the preset is: there they are
 * pointed to when something is wrong with them.
 */
export function withPreset(node: YamlNode | undefined): YamlNode | undefined {
  if (node?.kind !== 'map') return node
  const written = node.entries.get('preset')
  const name = written?.value.kind === 'scalar' ? String(written.value.value) : ''
  const preset = presetNamed(name)
  if (written === undefined || preset === undefined) return node
  const entries = new Map(node.entries)
  for (const value of preset.values) {
    if (isSaid(node.entries, value)) continue
    const [group = '', key] = value.key.split('.')
    const entry = { key: written.key, value: nodeOf(value.value, written.value.place) }
    if (key === undefined) entries.set(group, entry)
    else entries.set(group, withKey(entries.get(group), key, entry))
  }
  return { ...node, entries }
}

/** Whether the tunnel answers for itself what the preset would. */
function isSaid(entries: ReadonlyMap<string, YamlEntry>, { key }: PresetValue): boolean {
  const [group = '', inner] = key.split('.')
  const own = entries.get(group)?.value
  // Transport mode has networks of its own: the two gateways.
  if (key === 'networks' && textOf(entries.get('mode')?.value) === 'transport') return true
  if (own === undefined) return false
  // The two times of dead-peer belong together.
  if (inner === undefined || group === 'dead-peer') return true
  if (key === 'phase2.pfs' && saysPfs(own)) return true
  if (own.kind === 'map') return own.entries.has(inner)
  return inner === 'propose' || !TEXT_FOR_PROPOSE.includes(group)
}

/** Where one text alone stands for a group, it is `propose` that it says. */
const TEXT_FOR_PROPOSE: readonly string[] = ['phase1', 'phase2']

function saysPfs(phase2: YamlNode): boolean {
  if (phase2.kind === 'list') return phase2.items.some(saysPfs)
  if (phase2.kind === 'map') {
    const propose = phase2.entries.get('propose')?.value
    return phase2.entries.has('pfs') || (propose !== undefined && saysPfs(propose))
  }
  const read = parsePhase2(String(phase2.value))
  return !isTextProblem(read) && read.pfs !== undefined
}

function withKey(group: YamlEntry | undefined, key: string, entry: YamlEntry): YamlEntry {
  if (group === undefined) {
    const { key: place } = entry
    return { key: place, value: { kind: 'map', place, entries: new Map([[key, entry]]) } }
  }
  const { value } = group
  const inner: ReadonlyMap<string, YamlEntry> =
    value.kind === 'map' ? value.entries : new Map([['propose', { key: group.key, value }]])
  const entries = new Map(inner).set(key, entry)
  return { key: group.key, value: { kind: 'map', place: value.place, entries } }
}

function nodeOf(value: PresetValue['value'], place: Place): YamlNode {
  if (typeof value !== 'object') return { kind: 'scalar', place, value, quoted: false }
  return { kind: 'list', place, items: value.map((item) => nodeOf(item, place)) }
}

function textOf(node: YamlNode | undefined): string | undefined {
  return node?.kind === 'scalar' ? String(node.value) : undefined
}
