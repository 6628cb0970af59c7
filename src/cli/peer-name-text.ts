import type { PeerNameStatus } from '#control/status'
import { ageText } from './status-view.ts'

/** What a host name leads to, and how well that is known. */
export function peerNameText(
  { name, addresses, foundAt, trouble }: PeerNameStatus,
  peer: string,
  at: string,
): string {
  const parts = peer === 'unresolved' ? [`${name} leads to no address`] : [`${name} is ${peer}`]
  const others = addresses.filter((address) => address !== peer)
  if (foundAt !== undefined) parts.push(`looked up ${ageText(foundAt, at)} ago`)
  if (others.length > 0) parts.push(`there: ${addresses.join(', ')}`)
  if (trouble !== undefined) parts.push(`now: ${trouble}`)
  return parts.join('; ')
}
