import type { TunnelConfig } from '#config/config'
import type { FeatureName } from '#iana/vendor-ids'
import { every } from '#ike/message-rules'
import type { Payload, VendorIdPayload } from '#wire/v1/payloads'
import { announces, vendorIdOctets, vendorIdOf } from '#wire/v1/vendor-id'
import { learnRequests } from './certificate-requests.ts'
import type { PeerAbilities } from './state.ts'

/** What we say in message 1 that we can do. */
export function ownVendorIds(tunnel: TunnelConfig): readonly VendorIdPayload[] {
  return payloadsOf([...NAT_TRAVERSAL, ...OTHERS, ...preliminaries(tunnel)])
}

/** What we say in answer to message 1: of the versions of NAT traversal the one that will be spoken, as some peers take the last they read. */
export function answeringVendorIds(
  peer: PeerAbilities,
  tunnel: TunnelConfig,
): readonly VendorIdPayload[] {
  const best = peer.natTraversal === 'rfc3947' ? peer.natTraversal : peer.natDraft
  return payloadsOf([...(best === undefined ? [] : [best]), ...OTHERS, ...preliminaries(tunnel)])
}

/**
 * What a message of phase 1 adds to what we know of the peer. NAT traversal is announced in the first message or not at all
 * (RFC 3947 §3.1); other vendor IDs may come in any (RFC 2408 §3.16), and Cisco's routers send that of DPD in the third or fifth.
 */
export function learnAbilities(
  known: PeerAbilities,
  message: number,
  payloads: readonly Payload[],
): PeerAbilities {
  const ids = every(payloads, 'VID').map(({ data }) => data)
  const vendor = known.vendor ?? ids.map(vendorIdOf).find((one) => one?.says === 'product')?.label
  const asksFor = learnRequests(known.asksFor, payloads)
  const best = message <= 2 ? bestNatTraversal(payloads) : undefined
  return {
    ...known,
    ...(best === undefined ? {} : natTraversalBy(best)),
    fragmentation: known.fragmentation || ids.some((data) => announces(data, 'fragmentation')),
    dpd: known.dpd || ids.some((data) => announces(data, 'dpd')),
    ...(vendor === undefined ? {} : { vendor }),
    ...(asksFor === undefined ? {} : { asksFor }),
  }
}

/**
 * Best first. Drafts 00 and 01 stay on port 500 and mark IKE in another way; 04 to 08 have payload numbers that now mean something
 * else. Those are known by name and not spoken.
 */
const NAT_TRAVERSAL: readonly FeatureName[] = [
  'rfc3947',
  'nat-t-draft-03',
  'nat-t-draft-02n',
  'nat-t-draft-02',
]
const OTHERS: readonly FeatureName[] = ['dpd', 'fragmentation']

/** Cisco's devices ask for a user only, and tell networks only, where they see these. */
function preliminaries({ xauth, modeConfig }: TunnelConfig): readonly FeatureName[] {
  return [
    ...(xauth === undefined ? [] : (['xauth'] as const)),
    ...(modeConfig === undefined ? [] : (['cisco-unity'] as const)),
  ]
}

function natTraversalBy(best: FeatureName): Pick<PeerAbilities, 'natTraversal' | 'natDraft'> {
  if (best === 'rfc3947') return { natTraversal: best }
  return { natTraversal: 'draft', natDraft: best }
}

function bestNatTraversal(payloads: readonly Payload[]): FeatureName | undefined {
  const ids = every(payloads, 'VID').map(({ data }) => data)
  return NAT_TRAVERSAL.find((feature) => ids.some((data) => announces(data, feature)))
}

function payloadsOf(features: readonly FeatureName[]): readonly VendorIdPayload[] {
  return features.map((feature) => ({ type: 'VID', data: vendorIdOctets(feature) }))
}
