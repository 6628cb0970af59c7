import { type IpAddress, ipFamily } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { unfit } from '#config/peer-answers'
import type { Failure } from '#ike/events'

/** What came of looking a name up. */
export type NameAnswer = {
  readonly name: string
  readonly addresses: readonly IpAddress[]
  readonly trouble?: string
}

/**
 * Why a peer that is written as a host name cannot be called; undefined while nothing is known yet.
 *
 * @param tunnels all of the configuration
 */
export function nameLeadsNowhere(
  tunnel: TunnelConfig,
  answer: NameAnswer,
  tunnels: readonly TunnelConfig[],
): Failure | undefined {
  const { name, addresses, trouble } = answer
  if (addresses.length > 0) return noneIsCallable(tunnel, answer, tunnels)
  if (trouble === undefined) return undefined
  return {
    code: 'CW-109',
    summary: `${name}, the peer of ${tunnel.name}, leads to no address: ${trouble}`,
    evidence: 'this host looked the name up, in /etc/hosts and by its name servers',
    certainty: 'certain',
    key: 'peer',
    remedy: 'mend the name or its lookup, or write the address of the peer; it is tried again',
    findOut: `getent ahosts ${name}`,
  }
}

function noneIsCallable(
  tunnel: TunnelConfig,
  { name, addresses }: NameAnswer,
  tunnels: readonly TunnelConfig[],
): Failure {
  const { local } = tunnel
  return {
    code: 'CW-109',
    ...whyNot(tunnel, name, addresses, tunnels),
    ours: local,
    theirs: addresses.join(', '),
    evidence: 'what this host found when it looked the name up',
    certainty: 'certain',
    key: 'peer',
    findOut: `getent ahosts ${name}`,
  }
}

/** Of several addresses, the first of our IP version is told of. */
function whyNot(
  tunnel: TunnelConfig,
  name: string,
  addresses: readonly IpAddress[],
  tunnels: readonly TunnelConfig[],
): Pick<Failure, 'summary' | 'remedy'> {
  const peer = `${name}, the peer of ${tunnel.name},`
  for (const address of addresses) {
    const why = unfit(tunnel, address, tunnels)
    switch (why?.kind) {
      case 'ours':
        return { summary: `${peer} leads to ${address}, which is our own address`, remedy: TO_PEER }
      case 'no-host':
        return { summary: `${peer} leads to ${address}, which is ${why.what}`, remedy: TO_PEER }
      case 'of-another':
        return {
          summary: `${peer} leads to ${address}, which is the peer of ${why.tunnel}: with a pre-shared key in Main mode a peer is known by its address, so only one of the two can have it`,
          remedy: `have the name lead to the peer of ${tunnel.name}; where that is the peer of ${why.tunnel}, write all networks in one tunnel`,
        }
      case 'other-version':
      case undefined:
    }
  }
  const family = `IPv${ipFamily(tunnel.local)}`
  return {
    summary: `${peer} has no ${family} address, and ours for it is ${tunnel.local}`,
    remedy: `give this tunnel an address: of ours of the other IP version, or the name an ${family} address`,
  }
}

const TO_PEER = 'have the name lead to the peer (see /etc/hosts, too), or write its address'
