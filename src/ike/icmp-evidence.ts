import { type Endpoint, type IpAddress, ipFamily } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { Instant } from './effects.ts'
import type { Failure } from './events.ts'

/** An ICMP or ICMPv6 error that came back for our datagrams. */
export type IcmpError = {
  readonly icmpType: number
  readonly icmpCode: number
  /** Where the datagram was going. */
  readonly remote: Endpoint
  /** Who sent the error, where the kernel knows. */
  readonly reporter?: IpAddress | undefined
}

/** What the network itself said of a peer belongs to that peer's silence (CW-101, CW-104). */
export class IcmpEvidence {
  readonly #tunnel: TunnelConfig
  #last: (IcmpError & { readonly at: Instant }) | undefined

  constructor(tunnel: TunnelConfig) {
    this.#tunnel = tunnel
  }

  /**
   * @param askedAt when the negotiation began that waits for an answer, if one does
   * @returns what to show at once: the first error of each negotiation
   */
  note(error: IcmpError, now: Instant, askedAt: Instant | undefined): Failure | undefined {
    const isFirst = this.#last === undefined || this.#last.at < (askedAt ?? now)
    this.#last = { ...error, at: now }
    return askedAt !== undefined && isFirst ? icmpFailure(this.#tunnel, error) : undefined
  }

  /** @param since when the negotiation that failed had begun */
  judge(failure: Failure, since: Instant): Failure {
    const silent = failure.code === 'CW-101' || failure.code === 'CW-104'
    if (!silent || this.#last === undefined || this.#last.at < since) return failure
    return icmpFailure(this.#tunnel, this.#last)
  }
}

/** Silence with a reason. Whoever sees our datagrams can forge the error, so nothing but the words comes of it. */
function icmpFailure(tunnel: TunnelConfig, error: IcmpError): Failure {
  const { icmpType, icmpCode, remote, reporter } = error
  const meaning = meaningOf(error)
  const from = reporter === undefined ? '' : ` from ${reporter}`
  return {
    code: remote.port === NAT_TRAVERSAL_PORT ? 'CW-104' : 'CW-101',
    ...reason(tunnel, error, meaning),
    evidence: `ICMP error "${WORDS[meaning]}" (type ${icmpType}, code ${icmpCode})${from} in answer to our UDP ${remote.port}, which anyone on the way can send`,
    certainty: 'very likely',
    key: 'peer',
  }
}

const NAT_TRAVERSAL_PORT = 4500

type Meaning = 'port' | 'prohibited' | 'host' | 'loop' | 'other'

const WORDS: Readonly<Record<Meaning, string>> = {
  port: 'port unreachable',
  prohibited: 'administratively prohibited',
  host: 'host unreachable',
  loop: 'time exceeded on the way',
  other: 'not delivered',
}

/** RFC 792, RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1; RFC 4443 §3.1 and §3.3. */
function meaningOf({ icmpType, icmpCode, remote }: IcmpError): Meaning {
  const version4 = ipFamily(remote.address) === 4
  if (icmpType === (version4 ? 11 : 3)) return 'loop'
  if (icmpType !== (version4 ? 3 : 1)) return 'other'
  const codes = version4 ? CODES_4 : CODES_6
  return codes.find(([, numbers]) => numbers.includes(icmpCode))?.[0] ?? 'other'
}

const CODES_4: readonly (readonly [Meaning, readonly number[]])[] = [
  ['port', [3]],
  ['prohibited', [9, 10, 13]],
  ['host', [0, 1, 5, 6, 7, 8, 11, 12]],
]
const CODES_6: readonly (readonly [Meaning, readonly number[]])[] = [
  ['port', [4]],
  ['prohibited', [1, 5, 6]],
  ['host', [0, 2, 3]],
]

function reason(
  { name, local }: TunnelConfig,
  { remote, reporter }: IcmpError,
  meaning: Meaning,
): Pick<Failure, 'summary' | 'remedy' | 'forPeer'> {
  const { address: peer, port } = remote
  const itself = reporter === peer
  const who = reporter ?? 'somebody'
  if (meaning === 'port' && itself && port === NAT_TRAVERSAL_PORT) {
    return {
      summary: `nothing listens on UDP ${port} of ${peer}, where NAT traversal takes IKE: it says so itself`,
      remedy: `see at ${name} whether IKE has ended just now, and that NAT traversal, which is UDP ${port}, is enabled there`,
      forPeer: `Your gateway ${peer} has agreed to NAT traversal with ours (${local}) and answers on UDP ${port} with "port unreachable". Is IKE still running, and NAT traversal enabled?`,
    }
  }
  if (meaning === 'port' && itself) {
    return {
      summary: `${peer} is there, and no IKE daemon listens on its UDP ${port}: it says so itself`,
      remedy: `have ${name} start IKE on ${peer}, or correct the address of the peer here`,
      forPeer: `Your gateway ${peer} answers our IKE messages (from ${local}, UDP ${port}) with "port unreachable": no IKE service listens there. Please start it, or enable IPsec on that interface.`,
    }
  }
  if (meaning === 'prohibited' || meaning === 'port') {
    return {
      summary: itself
        ? `${peer} forbids UDP ${port} in its own packet filter`
        : `a firewall on the way to ${peer}, ${who}, rejects UDP ${port}`,
      remedy: `let UDP 500, UDP 4500 and ESP (protocol 50) pass ${itself ? `at ${name}` : `at ${who}`}, between ${local} and ${peer}`,
      forPeer: `Our IKE messages from ${local} to ${peer} are rejected by ${who}. If it is yours, please let UDP 500, UDP 4500 and IP protocol 50 pass.`,
    }
  }
  if (meaning === 'loop') {
    return {
      summary: `packets to ${peer} go round in circles: ${who} gave one up`,
      remedy: `look at the routes on the way: traceroute ${peer}`,
    }
  }
  const own = reporter === local
  return {
    summary: own
      ? `${peer} does not answer on our own network: nobody there has that address`
      : `${who} cannot reach ${peer}`,
    remedy: own
      ? `see that the address of the peer is right, and by which route it is reached: ip route get ${peer}`
      : `see that the address of the peer is right and that its line is up; ${who} is the last that could forward`,
  }
}
