import { readFileSync } from 'node:fs'
import { SystemError } from './errno.ts'
import { NETLINK_NETFILTER, type Netlink, withNetlink } from './netlink.ts'
import { Attributes, NetlinkRequest, viewOf } from './netlink-message.ts'

/** A rule of this host that rewrites source addresses of what leaves it. */
export type SourceNatRule = {
  /** As nft names it, `ip nat`; of old iptables, whose rules cannot be read one by one, `nat`. */
  readonly table: string
  readonly chain?: string
  /** What `nft -a list` prints behind the rule. */
  readonly handle?: number
  readonly kind: 'masquerade' | 'snat'
}

/** In the order the kernel lists them; nothing where it does not let us look. */
export function sourceNatRules(): readonly SourceNatRule[] {
  try {
    return [...withNetlink(nftRules, NETLINK_NETFILTER), ...legacyTables()]
  } catch (error) {
    // Not permitted, or a kernel without nf_tables.
    if (error instanceof SystemError) return legacyTables()
    throw error
  }
}

function nftRules(netlink: Netlink): readonly SourceNatRule[] {
  const request = new NetlinkRequest(NFT_MSG_GETRULE, 0, Uint8Array.of(NFPROTO_UNSPEC, 0, 0, 0))
  return netlink.dump(request, 'list nftables rules').flatMap(({ body }) => readRule(body) ?? [])
}

function readRule(body: Uint8Array): SourceNatRule | undefined {
  const family = FAMILIES.get(body[0] ?? 0)
  const rule = new Attributes(body, NFGENMSG_OCTETS)
  const [table, chain] = [rule.text(NFTA_RULE_TABLE), rule.text(NFTA_RULE_CHAIN)]
  const kinds = rule.list(NFTA_RULE_EXPRESSIONS).flatMap((expression) => kindOf(expression) ?? [])
  const [kind] = kinds
  if (family === undefined || table === undefined || chain === undefined || kind === undefined) {
    return undefined
  }
  const handle = rule.octets(NFTA_RULE_HANDLE)
  return {
    table: `${family} ${table}`,
    chain,
    kind,
    ...(handle?.length === 8 ? { handle: Number(viewOf(handle).getBigUint64(0)) } : {}),
  }
}

/** iptables on nftables keeps its own target inside an expression called `target`. */
function kindOf(expression: Attributes): SourceNatRule['kind'] | undefined {
  const name = expression.text(NFTA_EXPR_NAME)
  if (name === 'masq') return 'masquerade'
  const data = expression.nested(NFTA_EXPR_DATA)
  if (name === 'nat') {
    const type = data?.octets(NFTA_NAT_TYPE)
    return type?.length === 4 && viewOf(type).getUint32(0) === NFT_NAT_SNAT ? 'snat' : undefined
  }
  if (name !== 'target') return undefined
  const target = data?.text(NFTA_TARGET_NAME)
  if (target === 'MASQUERADE') return 'masquerade'
  return target === 'SNAT' ? 'snat' : undefined
}

function legacyTables(): readonly SourceNatRule[] {
  try {
    const tables = readFileSync('/proc/net/ip_tables_names', 'utf8').split('\n')
    return tables.includes('nat') ? [{ table: 'nat', kind: 'masquerade' }] : []
  } catch {
    return []
  }
}

const NFPROTO_UNSPEC = 0
const FAMILIES: ReadonlyMap<number, string> = new Map([
  [1, 'inet'],
  [2, 'ip'],
  [10, 'ip6'],
])
/** `struct nfgenmsg`: family 0, version 1, resource 2. */
const NFGENMSG_OCTETS = 4
/** Subsystem 10, message 7. */
const NFT_MSG_GETRULE = (10 << 8) | 7
const NFTA_RULE_TABLE = 1
const NFTA_RULE_CHAIN = 2
const NFTA_RULE_HANDLE = 3
const NFTA_RULE_EXPRESSIONS = 4
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
const NFTA_NAT_TYPE = 1
const NFT_NAT_SNAT = 0
const NFTA_TARGET_NAME = 1
