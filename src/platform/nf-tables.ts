import type { IpFamily } from '#bytes/ip'
import type { Netlink } from './netlink.ts'
import { Attributes, NetlinkRequest } from './netlink-message.ts'

/** A part of a rule: it loads, compares, counts or decides. */
export type Expression = { readonly name: string; readonly data: Attributes | undefined }

/** A rule as the kernel lists it. */
export type ListedRule = {
  /** A number of `NFPROTO`. */
  readonly family: number
  readonly table: string
  readonly chain: string
  /** What `nft -a list` prints behind the rule. */
  readonly handle: number | undefined
  readonly expressions: readonly Expression[]
}

/** A message about tables of one family. */
export function nfTablesMessage(type: number, flags: number, family: IpFamily): NetlinkRequest {
  return message(type, flags, family === 4 ? NFPROTO.ipv4 : NFPROTO.ipv6)
}

/** Rules of all tables of every family, in the order of the kernel. @throws SystemError */
export function listRules(netlink: Netlink): readonly ListedRule[] {
  const request = message(NFT_MSG_GETRULE, 0, NFPROTO.unspecified)
  return netlink.dump(request, 'list nftables rules').flatMap(({ body }) => listedRule(body) ?? [])
}

/** Rules of one table. @returns none where there is no such table @throws SystemError */
export function listRulesOf(
  netlink: Netlink,
  family: IpFamily,
  table: string,
): readonly ListedRule[] {
  const request = nfTablesMessage(NFT_MSG_GETRULE, 0, family).text(NFTA_RULE_TABLE, table)
  return netlink
    .dump(request, 'list rules of the packet filter')
    .flatMap(({ body }) => listedRule(body) ?? [])
    .filter((rule) => rule.table === table)
}

/** Adds one to the list of a rule under construction. */
export function writeExpression(
  list: NetlinkRequest,
  name: string,
  fill: (data: NetlinkRequest) => void,
): void {
  list.nested(NFTA_LIST_ELEM, (element) => {
    element.text(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA, fill)
  })
}

function listedRule(body: Uint8Array): ListedRule | undefined {
  const rule = new Attributes(body, NFGENMSG_OCTETS)
  const [table, chain] = [rule.text(NFTA_RULE_TABLE), rule.text(NFTA_RULE_CHAIN)]
  if (table === undefined || chain === undefined) return undefined
  const handle = rule.uint64BigEndian(NFTA_RULE_HANDLE)
  return {
    family: body[0] ?? NFPROTO.unspecified,
    table,
    chain,
    handle: handle === undefined ? undefined : Number(handle),
    expressions: rule.list(NFTA_RULE_EXPRESSIONS).map((one) => ({
      name: one.text(NFTA_EXPR_NAME) ?? '',
      data: one.nested(NFTA_EXPR_DATA),
    })),
  }
}

/** `struct nfgenmsg`: family 0, version 1, resource 2. */
function message(type: number, flags: number, family: number): NetlinkRequest {
  return new NetlinkRequest((NF_TABLES << 8) | type, flags, Uint8Array.of(family, 0, 0, 0))
}

/** The subsystem of nfnetlink. */
export const NF_TABLES = 10
export const NFPROTO = { unspecified: 0, inet: 1, ipv4: 2, ipv6: 10 } as const
export const NFTA_RULE_TABLE = 1
export const NFTA_RULE_CHAIN = 2
export const NFTA_RULE_EXPRESSIONS = 4
export const NFTA_LIST_ELEM = 1
export const NFTA_DATA_VALUE = 1
const NFGENMSG_OCTETS = 4
const NFT_MSG_GETRULE = 7
const NFTA_RULE_HANDLE = 3
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
