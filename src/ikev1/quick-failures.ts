import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { formatSelectorPair, type SelectorPair } from '#policy/traffic-selector'

/** CW-404: an answer that is truly the peer's and no answer to our question. */
export function childMisanswered(tunnel: TunnelConfig, detail: string): Failure {
  return {
    code: 'CW-404',
    summary: `${tunnel.name} agreed to something we did not ask for: ${detail}`,
    evidence: 'Quick mode message 2, whose hash is right',
    certainty: 'certain',
    key: 'phase2',
    remedy: `compare phase2, PFS and networks with ${tunnel.name}'s administrator`,
  }
}

/** CW-401: more than one part of a network pair that may be narrowed. */
export function pairServesAnother(
  tunnel: TunnelConfig,
  asked: SelectorPair,
  taken: readonly SelectorPair[],
): Failure {
  const theirs = formatSelectorPair(asked)
  const ours = taken.map(formatSelectorPair).join(', ')
  return {
    code: 'CW-401',
    summary: `${tunnel.name} asks for ${theirs} (seen from here), but its network pair already serves ${ours}`,
    ours,
    theirs,
    evidence: 'identities IDci and IDcr of Quick mode message 1',
    certainty: 'certain',
    key: 'networks',
    remedy:
      'with narrow: allow, one part of each pair at a time: write every part as a pair of its own in networks',
  }
}

/** The peer began Quick mode, was answered, and never confirmed. */
export function childUnconfirmed(tunnel: TunnelConfig, pair: SelectorPair | undefined): Failure {
  const ours = pair === undefined ? '' : ` for ${formatSelectorPair(pair)}`
  return {
    code: 'CW-401',
    summary: `${tunnel.name} began Quick mode${ours} and never confirmed our answer`,
    evidence: 'message 2 was repeated until time was up, message 3 never came',
    certainty: 'possible',
    key: 'networks',
    remedy: `see in ${tunnel.name}'s log why it dropped our answer; packets may be lost on the way back`,
  }
}
