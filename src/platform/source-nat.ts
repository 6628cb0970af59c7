import { readFileSync } from 'node:fs'
import { SystemError } from './errno.ts'
import { NETLINK_NETFILTER, type Netlink, withNetlink } from './netlink.ts'
import { type Expression, listRules, NFPROTO } from './nf-tables.ts'

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
  return listRules(netlink).flatMap(({ family, table, chain, handle, expressions }) => {
    const familyName = FAMILIES.get(family)
    const kind = expressions.map(kindOf).find((one) => one !== undefined)
    if (familyName === undefined || kind === undefined) return []
    const where = { table: `${familyName} ${table}`, chain, kind }
    return [handle === undefined ? where : { ...where, handle }]
  })
}

/** iptables on nftables keeps its own target inside an expression called `target`. */
function kindOf({ name, data }: Expression): SourceNatRule['kind'] | undefined {
  if (name === 'masq') return 'masquerade'
  if (name === 'nat') {
    return data?.uint32BigEndian(NFTA_NAT_TYPE) === NFT_NAT_SNAT ? 'snat' : undefined
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

const FAMILIES: ReadonlyMap<number, string> = new Map([
  [NFPROTO.inet, 'inet'],
  [NFPROTO.ipv4, 'ip'],
  [NFPROTO.ipv6, 'ip6'],
])
const NFTA_NAT_TYPE = 1
const NFT_NAT_SNAT = 0
const NFTA_TARGET_NAME = 1
