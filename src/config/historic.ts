import type { Config, TunnelConfig } from './config.ts'
import type { ConfigProblem } from './problem.ts'

/** Whether the tunnel should have left IKEv1 by its `ike-v1-until`; from the first moment of that day on, in UTC. */
export function isOverdue({ ike, ikeV1Until }: TunnelConfig, now: Date): boolean {
  if (!ike.startsWith('v1') || ikeV1Until === undefined) return false
  return now.getTime() >= Date.parse(`${ikeV1Until}T00:00:00Z`)
}

/** For the log and `status`. */
export function overdueText({ name, ikeV1Until }: TunnelConfig): string {
  return `${name} should have left IKEv1, which is Historic (RFC 9395), by ${ikeV1Until}`
}

export function overdueProblems({ tunnels }: Config, now: Date): readonly ConfigProblem[] {
  return tunnels.flatMap((tunnel): readonly ConfigProblem[] => {
    const place = tunnel.positions['ike-v1-until']
    if (place === undefined || !isOverdue(tunnel, now)) return []
    return [
      {
        severity: 'warning',
        ...place,
        path: `tunnels.${tunnel.name}.ike-v1-until`,
        message: overdueText(tunnel),
        hints: [],
      },
    ]
  })
}

/** One sentence for all tunnels that speak IKEv1; undefined when there is none. */
export function historicNote({ tunnels }: Config): string | undefined {
  const names = tunnels.filter(({ ike }) => ike.startsWith('v1')).map(({ name }) => name)
  const [first, ...others] = names
  if (first === undefined) return undefined
  const shown = others.length < MOST_NAMES ? names.join(', ') : `${names.length} tunnels`
  const verb = others.length === 0 ? 'speaks' : 'speak'
  return `${shown} ${verb} IKEv1, which is Historic (RFC 9395): new peers should have IKEv2, and ike-v1-until can set a day for the old ones`
}

const MOST_NAMES = 5
