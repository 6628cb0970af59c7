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
