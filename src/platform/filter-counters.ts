import type { IpFamily } from '#bytes/ip'
import type { Netlink } from './netlink.ts'
import { Attributes, NetlinkRequest, viewOf } from './netlink-message.ts'

/**
 * Packets that the rules of a `PacketFilter` dropped since it was replaced last. @param netlink of NETLINK_NETFILTER
 * @returns 0 where the table is not there @throws SystemError
 */
export function droppedByFilter(netlink: Netlink, family: IpFamily, table: string): number {
  const header = Uint8Array.of(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, 0, 0, 0)
  const request = new NetlinkRequest(NFT_MSG_GETRULE, 0, header).text(NFTA_RULE_TABLE, table)
  return netlink
    .dump(request, 'list rules of the packet filter')
    .map(({ body }) => new Attributes(body, NFGENMSG_OCTETS))
    .filter((rule) => rule.text(NFTA_RULE_TABLE) === table)
    .map((rule) => droppedBy(rule.list(NFTA_RULE_EXPRESSIONS)))
    .reduce((sum, packets) => sum + packets, 0)
}

function droppedBy(expressions: readonly Attributes[]): number {
  const dataOf = (name: string) =>
    expressions.find((one) => one.text(NFTA_EXPR_NAME) === name)?.nested(NFTA_EXPR_DATA)
  const verdict = dataOf('immediate')
    ?.nested(NFTA_IMMEDIATE_DATA)
    ?.nested(NFTA_DATA_VERDICT)
    ?.uint32(NFTA_VERDICT_CODE)
  const packets = dataOf('counter')?.octets(NFTA_COUNTER_PACKETS)
  // Zero in either order of octets.
  if (verdict !== NF_DROP || packets?.length !== 8) return 0
  return Number(viewOf(packets).getBigUint64(0))
}

const NFPROTO_IPV4 = 2
const NFPROTO_IPV6 = 10
/** `struct nfgenmsg`: family 0, version 1, resource 2. */
const NFGENMSG_OCTETS = 4
/** Subsystem 10, message 7. */
const NFT_MSG_GETRULE = (10 << 8) | 7
const NFTA_RULE_TABLE = 1
const NFTA_RULE_EXPRESSIONS = 4
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
const NFTA_IMMEDIATE_DATA = 2
const NFTA_DATA_VERDICT = 2
const NFTA_VERDICT_CODE = 1
const NFTA_COUNTER_PACKETS = 2
const NF_DROP = 0
