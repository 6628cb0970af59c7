import type { HashName } from '#crypto/registry'
import { hash } from '#crypto/registry'
import { every } from '#ike/message-rules'
import { judgeNat, type NatVerdict, natDetectionInput } from '#ike/nat'
import type { PlacedPayload } from '#wire/v1/message'
import type { NatDiscoveryPayload } from '#wire/v1/payloads'
import type { Phase1Environment } from './step.ts'

/** RFC 3947 §4: from here on both sides talk on this port once a NAT was seen. */
export const NAT_TRAVERSAL_PORT = 4500

/**
 * The NAT-D payloads of messages 3 and 4 (RFC 3947 §3.2): first where we send to, then where we send from. With `encapsulation: force`
 * the latter is a made-up hash, so that both sides find a NAT and put ESP into UDP.
 */
export function natPayloads(
  hashName: HashName,
  environment: Phase1Environment,
): readonly NatDiscoveryPayload[] {
  const { crypto, tunnel, abilities, local, remote } = environment
  if (abilities.natTraversal === 'none') return []
  const own =
    tunnel.encapsulation === 'force'
      ? crypto.random(hash(hashName).octets)
      : endpointHash(hashName, environment, local)
  return [endpointHash(hashName, environment, remote), own].map((data) => ({
    type: 'NAT-D',
    draft: abilities.natTraversal === 'draft',
    data,
  }))
}

/** What the peer's NAT-D payloads say; neither end is behind a NAT when it sent none. */
export function readNat(
  payloads: readonly PlacedPayload[],
  hashName: HashName,
  environment: Phase1Environment,
): NatVerdict {
  const [aboutUs, ...aboutThem] = every(
    payloads.map(({ payload }) => payload),
    'NAT-D',
  )
  const { natTraversal } = environment.abilities
  if (natTraversal === 'none' || aboutUs === undefined || aboutThem.length === 0) {
    return { local: false, remote: false }
  }
  return judgeNat(
    aboutUs.data,
    aboutThem.map(({ data }) => data),
    endpointHash(hashName, environment, environment.local),
    endpointHash(hashName, environment, environment.remote),
  )
}

function endpointHash(
  hashName: HashName,
  { crypto, cookies }: Phase1Environment,
  endpoint: Phase1Environment['local'],
): Uint8Array {
  return crypto.hash(hashName, natDetectionInput(cookies.initiator, cookies.responder, endpoint))
}
