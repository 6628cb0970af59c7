import type { ImportedTunnel, Note, Origin } from './imported.ts'

/**
 * A note for each thing that no tunnel took, told by the first line of it.
 * @param things the lines that each is written in
 * @param keyOf what makes two origins the same; by default that they are one object
 */
export function unusedNotes(
  things: readonly (readonly Origin[])[],
  tunnels: readonly ImportedTunnel[],
  keyOf: (origin: Origin) => unknown = (origin) => origin,
): readonly Note[] {
  const used = new Set(tunnels.flatMap(({ notes }) => notes.map(({ origin }) => keyOf(origin))))
  return things
    .filter((origins) => !origins.some((origin) => used.has(keyOf(origin))))
    .flatMap(([first]) => first ?? [])
    .map((origin) => ({ origin, kind: 'left-out', why: 'no tunnel that was read uses it' }))
}
