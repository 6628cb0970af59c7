import type { ConfigProblem } from './problem.ts'
import type { TunnelSource } from './resolve.ts'

export function checkTunnels(
  tunnels: readonly TunnelSource[],
): ReadonlyMap<TunnelSource, readonly ConfigProblem[]> {
  return new Map(tunnels.map((tunnel) => [tunnel, []]))
}
