import { SystemError } from '#platform/errno'
import type { Link } from '#platform/links'

/**
 * Of each interface that carries a tunnel, how many packets met its full queue. Empty where the host does not say: whoever asks for the status
 * wants everything else all the same.
 *
 * @param interfaces the tunnel of each, by the interface's name
 */
export function packetsAtFullQueues(
  interfaces: ReadonlyMap<string, string>,
  listLinks: () => readonly Link[],
): ReadonlyMap<string, number> {
  try {
    return new Map(
      listLinks().flatMap(({ name, transmitDropped }) => {
        const tunnel = interfaces.get(name)
        return tunnel === undefined ? [] : [[tunnel, transmitDropped] as const]
      }),
    )
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    return new Map()
  }
}
