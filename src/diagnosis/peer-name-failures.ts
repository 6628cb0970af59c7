import { type IpAddress, ipFamily } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'

/** What came of looking a name up. */
export type NameAnswer = {
  readonly name: string
  readonly addresses: readonly IpAddress[]
  readonly trouble?: string
}

/** Why a peer that is written as a host name cannot be called; undefined while nothing is known yet. */
export function nameLeadsNowhere(
  { name: tunnel, local }: Pick<TunnelConfig, 'name' | 'local'>,
  { name, addresses, trouble }: NameAnswer,
): Failure | undefined {
  if (addresses.length > 0) return noneIsCallable(tunnel, local, name, addresses)
  if (trouble === undefined) return undefined
  return {
    code: 'CW-109',
    summary: `${name}, the peer of ${tunnel}, leads to no address: ${trouble}`,
    evidence: 'this host looked the name up, in /etc/hosts and by its name servers',
    certainty: 'certain',
    key: 'peer',
    remedy: 'mend the name or its lookup, or write the address of the peer; it is tried again',
    findOut: `getent ahosts ${name}`,
  }
}

function noneIsCallable(
  tunnel: string,
  local: IpAddress,
  name: string,
  addresses: readonly IpAddress[],
): Failure {
  const family = `IPv${ipFamily(local)}`
  const isOurs = addresses.includes(local)
  return {
    code: 'CW-109',
    summary: isOurs
      ? `${name}, the peer of ${tunnel}, leads to ${local}, which is our own address`
      : `${name}, the peer of ${tunnel}, has no ${family} address, and ours for it is ${local}`,
    ours: local,
    theirs: addresses.join(', '),
    evidence: 'what this host found when it looked the name up',
    certainty: 'certain',
    key: 'peer',
    remedy: isOurs
      ? 'have the name lead to the peer (see /etc/hosts, too), or write its address'
      : `give this tunnel an address: of ours of the other IP version, or the name an ${family} address`,
    findOut: `getent ahosts ${name}`,
  }
}
