import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import { formatDuration } from '#policy/lifetime'
import { formatEspSuite, formatIkeSuite, formatPfs, type Lifetime } from '#policy/proposal'
import { formatSelectorPair } from '#policy/traffic-selector'
import type { TunnelConfig } from './config.ts'

/** What became of those keys whose value is not simply what is written, or a constant. */
export function resolvedValues(
  tunnel: TunnelConfig,
): Readonly<Record<string, string | readonly string[]>> {
  const { local, localId, remoteId, phase1, phase2, networks, start, probeV2 } = tunnel
  const { probeEvery, giveUpAfter } = tunnel.deadPeer
  const followsName = tunnel.peer === 'unresolved' ? tunnel.peerName : undefined
  const addressText = `the address of ${followsName?.name}`
  return {
    'probe-v2': probeV2 ? 'on' : 'off',
    address: local,
    id: formatIdentity(localId),
    'peer-id': followsName?.isIdentity === true ? addressText : formatExpected(remoteId),
    'phase1.propose': phase1.suites.map(formatIkeSuite),
    'phase1.lifetime': formatDuration(phase1.lifetime.seconds),
    'phase1.volume': volumeText(phase1.lifetime),
    'phase2.propose': phase2.suites.map(formatEspSuite),
    'phase2.pfs': formatPfs(phase2.pfs),
    'phase2.lifetime': formatDuration(phase2.lifetime.seconds),
    'phase2.volume': volumeText(phase2.lifetime),
    networks:
      followsName?.isNetwork === true
        ? [`${local} <-> ${addressText}`]
        : networks.map(formatSelectorPair),
    start,
    'dead-peer.probe-every': formatDuration(probeEvery / 1_000),
    'dead-peer.give-up-after': formatDuration(giveUpAfter / 1_000),
    'interface.name': tunnel.interfaceName,
    ...(tunnel.routes?.length === 0 ? { 'interface.routes': 'none' } : {}),
  }
}

/** In the largest unit that is whole. */
function volumeText({ kilobytes }: Lifetime): string {
  if (kilobytes === undefined) return 'unlimited'
  if (kilobytes % 1_048_576 === 0) return `${kilobytes / 1_048_576}GB`
  return kilobytes % 1_024 === 0 ? `${kilobytes / 1_024}MB` : `${kilobytes}KB`
}
