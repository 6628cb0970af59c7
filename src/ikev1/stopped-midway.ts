import type { TunnelConfig } from '#config/config'

/** The other cause of every silence in the middle; a further attempt then gets no answer from its first message on. */
export function stoppedMidway({ name }: TunnelConfig): string {
  return `${name} was stopped in the middle, or the line failed`
}
