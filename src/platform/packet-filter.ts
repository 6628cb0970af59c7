import { type IpAddress, type IpFamily, ipOctets } from '#bytes/ip'
import { EAFNOSUPPORT, EINVAL, EOPNOTSUPP, SystemError } from './errno.ts'
import { droppedByRule, type FilterRule, writeRule } from './filter-rule.ts'
import { NETLINK_NETFILTER, type Netlink, NLM_F_CREATE, openNetlink } from './netlink.ts'
import type { NetlinkRequest } from './netlink-message.ts'
import {
  listRulesOf,
  NF_TABLES,
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_TABLE,
  nfTablesMessage,
} from './nf-tables.ts'

/** Inclusive. */
export type AddressRange = { readonly start: IpAddress; readonly end: IpAddress }

/** What is done with packets of one family that are delivered here or forwarded. Sets of ranges must not overlap or touch. */
export type FilterTable = {
  readonly family: IpFamily
  readonly links: Readonly<Record<string, readonly string[]>>
  readonly ranges: Readonly<Record<string, readonly AddressRange[]>>
  readonly rules: readonly FilterRule[]
}

/**
 * A table of nf_tables for each family, as `nft list table ip causeway` shows it, made by netlink: no program is called. The tables belong
 * to this process (NFT_TABLE_F_OWNER, Linux 5.12): others cannot change or flush them, and the kernel removes them when it ends, however
 * it does.
 */
export class PacketFilter {
  readonly #netlink: Netlink
  readonly #name: string
  #owner = true

  /** @throws SystemError */
  constructor(name: string) {
    this.#name = name
    this.#netlink = openNetlink(NETLINK_NETFILTER)
  }

  /** Replaces the table of its family at once: no packet meets half of it. @throws SystemError with the old one in place */
  replace(table: FilterTable): void {
    const messages = [...this.#removal(table.family), ...this.#creation(table)]
    try {
      this.#netlink.batch(NF_TABLES, messages, 'replace packet filter', this.#name)
    } catch (error) {
      const unknown =
        error instanceof SystemError && (error.errno === EOPNOTSUPP || error.errno === EINVAL)
      if (!unknown || !this.#owner) throw error
      // Before Linux 5.12: what a crash leaves is replaced at the next start.
      this.#owner = false
      this.replace(table)
    }
  }

  /** A table that is not there is no error, nor a family that is not. @throws SystemError */
  remove(family: IpFamily): void {
    try {
      this.#netlink.batch(NF_TABLES, this.#removal(family), 'remove packet filter', this.#name)
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EAFNOSUPPORT) throw error
    }
  }

  close(): void {
    this.#netlink.close()
  }

  /** Made first, so that there is always one to remove. */
  #removal(family: IpFamily): readonly NetlinkRequest[] {
    return [
      this.#table(family),
      nfTablesMessage(NFT_MSG_DELTABLE, 0, family).text(NFTA_TABLE_NAME, this.#name),
    ]
  }

  #table(family: IpFamily): NetlinkRequest {
    const request = nfTablesMessage(NFT_MSG_NEWTABLE, NLM_F_CREATE, family).text(
      NFTA_TABLE_NAME,
      this.#name,
    )
    return this.#owner ? request.uint32BigEndian(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER) : request
  }

  #creation({ family, links, ranges, rules }: FilterTable): readonly NetlinkRequest[] {
    const sets = [
      ...Object.entries(links).map(([name, all]) => ({
        name,
        flags: 0,
        keyType: TYPE_IFNAME,
        keyOctets: LINK_NAME_OCTETS,
        elements: all.map((link) => ({ key: linkName(link), end: false })),
      })),
      ...Object.entries(ranges).map(([name, all]) => ({
        name,
        flags: NFT_SET_INTERVAL,
        keyType: family === 4 ? TYPE_IPV4 : TYPE_IPV6,
        keyOctets: family === 4 ? 4 : 16,
        elements: all.flatMap(bounds),
      })),
    ]
    return [
      this.#table(family),
      ...sets.flatMap((set, index) => this.#set(family, set, index + 1)),
      ...HOOKS.flatMap(({ chain, hook }) => [
        this.#chain(family, chain, hook),
        ...rules.map((rule) => this.#rule(family, chain, rule)),
      ]),
    ]
  }

  #set(family: IpFamily, set: NamedSet, id: number): readonly NetlinkRequest[] {
    const made = nfTablesMessage(NFT_MSG_NEWSET, NLM_F_CREATE, family)
      .text(NFTA_SET_TABLE, this.#name)
      .text(NFTA_SET_NAME, set.name)
      .uint32BigEndian(NFTA_SET_FLAGS, set.flags)
      .uint32BigEndian(NFTA_SET_KEY_TYPE, set.keyType)
      .uint32BigEndian(NFTA_SET_KEY_LEN, set.keyOctets)
      .uint32BigEndian(NFTA_SET_ID, id)
    const fillings: NetlinkRequest[] = []
    for (let at = 0; at < set.elements.length; at += ELEMENTS_A_MESSAGE) {
      const some = set.elements.slice(at, at + ELEMENTS_A_MESSAGE)
      const filling = nfTablesMessage(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family)
        .text(NFTA_SET_ELEM_LIST_TABLE, this.#name)
        .text(NFTA_SET_ELEM_LIST_SET, set.name)
        .nested(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
          for (const { key, end } of some) {
            list.nested(NFTA_LIST_ELEM, (element) => {
              element.nested(NFTA_SET_ELEM_KEY, (data) => data.attribute(NFTA_DATA_VALUE, key))
              if (end) element.uint32BigEndian(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END)
            })
          }
        })
      fillings.push(filling)
    }
    return [made, ...fillings]
  }

  #chain(family: IpFamily, chain: string, hook: number): NetlinkRequest {
    return nfTablesMessage(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family)
      .text(NFTA_CHAIN_TABLE, this.#name)
      .text(NFTA_CHAIN_NAME, chain)
      .nested(NFTA_CHAIN_HOOK, (at) => {
        at.uint32BigEndian(NFTA_HOOK_HOOKNUM, hook)
        at.uint32BigEndian(NFTA_HOOK_PRIORITY, BEFORE_FILTERS)
      })
      .text(NFTA_CHAIN_TYPE, 'filter')
  }

  #rule(family: IpFamily, chain: string, rule: FilterRule): NetlinkRequest {
    return nfTablesMessage(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family)
      .text(NFTA_RULE_TABLE, this.#name)
      .text(NFTA_RULE_CHAIN, chain)
      .nested(NFTA_RULE_EXPRESSIONS, (list) => writeRule(list, family, rule))
  }
}

/**
 * Packets that the rules of a `PacketFilter` dropped since it was replaced last. @param netlink of NETLINK_NETFILTER
 * @returns 0 where the table is not there @throws SystemError
 */
export function droppedByFilter(netlink: Netlink, family: IpFamily, table: string): number {
  return listRulesOf(netlink, family, table).reduce((sum, rule) => sum + droppedByRule(rule), 0)
}

type NamedSet = {
  readonly name: string
  readonly flags: number
  readonly keyType: number
  readonly keyOctets: number
  readonly elements: readonly { readonly key: Uint8Array; readonly end: boolean }[]
}

/** A range ends before its end element; one that reaches the last address has none. */
function bounds({ start, end }: AddressRange): NamedSet['elements'] {
  const behind = ipOctets(end).slice()
  let at = behind.length - 1
  for (; at >= 0 && behind[at] === 0xff; at--) behind[at] = 0
  const first = { key: ipOctets(start), end: false }
  if (at < 0) return [first]
  behind[at] = (behind[at] ?? 0) + 1
  return [first, { key: behind, end: true }]
}

function linkName(name: string): Uint8Array {
  const octets = new Uint8Array(LINK_NAME_OCTETS)
  octets.set(new TextEncoder().encode(name).subarray(0, LINK_NAME_OCTETS - 1))
  return octets
}

const NLM_F_APPEND = 0x800
/** Just ahead of where filters usually stand (0), behind address translation of destinations. */
const BEFORE_FILTERS = -1
const HOOKS = [
  { chain: 'input', hook: 1 },
  { chain: 'forward', hook: 2 },
] as const
/** The attribute that holds them is at most 64 KiB long. */
const ELEMENTS_A_MESSAGE = 1_000
/** As `nft` numbers its types, for who lists the table. */
const TYPE_IPV4 = 7
const TYPE_IPV6 = 8
const TYPE_IFNAME = 41
/** IFNAMSIZ. */
const LINK_NAME_OCTETS = 16

const NFT_MSG_NEWTABLE = 0
const NFT_MSG_DELTABLE = 2
const NFT_MSG_NEWCHAIN = 3
const NFT_MSG_NEWRULE = 6
const NFT_MSG_NEWSET = 9
const NFT_MSG_NEWSETELEM = 12
const NFTA_TABLE_NAME = 1
const NFTA_TABLE_FLAGS = 2
const NFT_TABLE_F_OWNER = 2
const NFTA_CHAIN_TABLE = 1
const NFTA_CHAIN_NAME = 3
const NFTA_CHAIN_HOOK = 4
const NFTA_CHAIN_TYPE = 7
const NFTA_HOOK_HOOKNUM = 1
const NFTA_HOOK_PRIORITY = 2
const NFTA_SET_TABLE = 1
const NFTA_SET_NAME = 2
const NFTA_SET_FLAGS = 3
const NFTA_SET_KEY_TYPE = 4
const NFTA_SET_KEY_LEN = 5
const NFTA_SET_ID = 10
const NFT_SET_INTERVAL = 4
const NFTA_SET_ELEM_LIST_TABLE = 1
const NFTA_SET_ELEM_LIST_SET = 2
const NFTA_SET_ELEM_LIST_ELEMENTS = 3
const NFTA_SET_ELEM_KEY = 1
const NFTA_SET_ELEM_FLAGS = 3
const NFT_SET_ELEM_INTERVAL_END = 1
