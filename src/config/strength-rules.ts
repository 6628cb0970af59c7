import { KEY_EXCHANGES } from '#crypto/registry'
import { formatDuration } from '#policy/lifetime'
import { formatPfs, type Weakness, weaknesses } from '#policy/proposal'
import type { Rule } from './checks.ts'
import type { ConfigProblem } from './problem.ts'
import { isWritten, type TunnelSource, tunnelProblem } from './tunnel-source.ts'

/** CW-206, where the algorithm is written; defaults never have one. */
export const weakAlgorithms: Rule = (tunnel) => {
  const { phase1, phase2 } = tunnel.draft
  const pfs = phase2?.pfs ?? 'none'
  const inPhase1 = (phase1?.suites ?? []).flatMap((suite, i) =>
    weaknesses(suite).map((weak) => weakness(tunnel, suiteKeys(tunnel, 'phase1', i), weak)),
  )
  const inPhase2 = (phase2?.suites ?? []).flatMap((suite, i) =>
    weaknesses(suite).map((weak) => weakness(tunnel, suiteKeys(tunnel, 'phase2', i), weak)),
  )
  const group = KEY_EXCHANGES.find(({ name }) => name === pfs)
  if (group === undefined || !group.requirement.endsWith('NOT')) return [...inPhase1, ...inPhase2]
  const weak = {
    algorithm: formatPfs(pfs),
    requirement: group.requirement,
    rfc: 'RFC 8247',
  } as const
  const keys = isWritten(tunnel, 'phase2', 'pfs')
    ? ['phase2', 'pfs']
    : suiteKeys(tunnel, 'phase2', 0)
  return [...inPhase1, ...inPhase2, weakness(tunnel, keys, weak)]
}

export const lifetimes: Rule = (tunnel) => {
  const { phase1, phase2 } = tunnel.draft
  if (phase1 === undefined || phase2 === undefined || phase2.lifetime <= phase1.lifetime) return []
  const keys = isWritten(tunnel, 'phase2', 'lifetime') ? 'phase2' : 'phase1'
  const [longer, shorter] = [formatDuration(phase2.lifetime), formatDuration(phase1.lifetime)]
  return [
    tunnelProblem('warning', tunnel, [keys, 'lifetime'], {
      message: `phase 2 lives ${longer}, longer than phase 1 with ${shorter}, which has to be there to replace it (RFC 2409 §5.5)`,
    }),
  ]
}

export const deadPeer: Rule = (tunnel) => {
  const values = tunnel.draft['dead-peer']
  if (values === undefined || values['give-up-after'] >= 2 * values['probe-every']) return []
  const least = formatDuration(2 * values['probe-every'])
  const key = isWritten(tunnel, 'dead-peer', 'give-up-after') ? 'give-up-after' : 'probe-every'
  return [
    tunnelProblem('error', tunnel, ['dead-peer', key], {
      message: `give-up-after must be at least twice probe-every, here ${least}`,
      hints: ['a single lost packet is no dead peer'],
    }),
  ]
}

export const replayProtection: Rule = (tunnel) => {
  if (tunnel.draft['replay-window'] !== 0) return []
  return [
    tunnelProblem('warning', tunnel, ['replay-window'], {
      message: `replay protection is off: recorded packets can be sent in again (RFC 4303 §3.4.3). (tunnels.${tunnel.name})`,
    }),
  ]
}

export const quirks: Rule = (tunnel) => {
  const written = tunnel.draft.quirks ?? []
  if (!written.includes('sha256-96')) return []
  const used = tunnel.draft.phase2?.suites.some(({ integrity }) => integrity === 'hmac-sha256-128')
  const message =
    used === false
      ? 'sha256-96 means nothing here: phase 2 has no proposal with sha256'
      : `HMAC-SHA-256 is cut to 96 bits, which RFC 4868 does not allow; without sha256 in phase 2 there is nothing to cut. (tunnels.${tunnel.name})`
  return [tunnelProblem('warning', tunnel, ['quirks'], { message })]
}

function weakness(
  tunnel: TunnelSource,
  keys: readonly (string | number)[],
  { algorithm, requirement, rfc }: Weakness,
): ConfigProblem {
  const { reason, section } = fault(algorithm, rfc)
  const message = `${algorithm} ${reason}; ${rfc} §${section}: ${requirement}. (tunnels.${tunnel.name})`
  return tunnelProblem('warning', tunnel, keys, { code: 'CW-206', message })
}

function fault(
  algorithm: string,
  rfc: Weakness['rfc'],
): { readonly reason: string; readonly section: string } {
  const id = Number(/^group(\d+)$/.exec(algorithm)?.[1])
  const group = KEY_EXCHANGES.find((one) => one.id === id)
  if (group !== undefined) {
    const bits = group.publicOctets * 8
    const reason = bits < 2048 ? `is ${bits} bit` : 'has small subgroups of unknown origin'
    return { reason, section: '2.4' }
  }
  if (algorithm === 'md5') return { reason: 'is broken', section: rfc === 'RFC 8221' ? '6' : '2.2' }
  if (algorithm === '3des') return { reason: 'has blocks of 8 octets', section: '5' }
  return { reason: 'is weak', section: rfc === 'RFC 8221' ? '5' : '2.1' }
}

/** Where the suite with this index is written. */
function suiteKeys(
  tunnel: TunnelSource,
  phase: 'phase1' | 'phase2',
  index: number,
): readonly (string | number)[] {
  if (isWritten(tunnel, phase, 'propose', index)) return [phase, 'propose', index]
  return [phase, 'propose']
}
