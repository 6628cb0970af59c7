/**
 * The path's width, asked of the peer itself: R-U-THERE (RFC 3706) made as large as the packets to be tried, by zeros behind its
 * payloads, where CBC padding stands (RFC 2409 appendix B). Receivers take what the payloads' own lengths cover and leave the rest.
 */
import { ipFamily } from '#bytes/ip'
import { encryption } from '#crypto/registry'
import type { IkeContext, PathProbe } from '#ike/version'
import { HEADER_OCTETS } from '#wire/ike-header'
import type { DeadPeerWatch } from './dead-peer.ts'
import { sendInformational } from './informational.ts'
import { NAT_TRAVERSAL_PORT } from './nat-traversal.ts'
import { phase1Notify } from './notify.ts'
import type { Phase2Channel } from './phase2-channel.ts'

/** Sizes are those of the IP packet, which grows by whole cipher blocks. */
export function paddedLiveness(channel: Phase2Channel, watch: DeadPeerWatch): PathProbe {
  const { blockOctets } = encryption(channel.keys.suite.encryption)
  const around = (): number => {
    const { local, remote } = channel.ends
    const ip = ipFamily(remote.address) === 4 ? 20 : 40
    const marker = local.port === NAT_TRAVERSAL_PORT ? 4 : 0
    return ip + 8 + marker + HEADER_OCTETS
  }
  return {
    fit: (octets) => octets - ((octets - around()) % blockOctets),
    send: (octets: number, context: IkeContext): number => {
      const sequence = watch.pathProbe()
      const payloads = [phase1Notify('R-U-THERE', channel.cookies.pair, sequence.octets)]
      const sealed = octets - around()
      sendInformational(channel, payloads, context, sealed - (sealed % blockOctets))
      return sequence.number
    },
  }
}
