import { type IpAddress, type IpFamily, ipOctets } from '#bytes/ip'
import { EAFNOSUPPORT, EINVAL, EOPNOTSUPP, SystemError } from './errno.ts'
import { NETLINK_NETFILTER, type Netlink, NLM_F_CREATE, openNetlink } from './netlink.ts'
import { NetlinkRequest } from './netlink-message.ts'

/** Inclusive. */
export type AddressRange = { readonly start: IpAddress; readonly end: IpAddress }

/** A test on a packet; a rule is several of them, and its verdict counts when all hold. */
export type Test =
  /** The name of the interface it came in through. */
  | { readonly kind: 'link'; readonly set: string }
  | { readonly kind: 'source' | 'destination'; readonly set: string }
  | { readonly kind: 'protocol'; readonly number: number }
  /** The first 16 bits of the transport header and the second: ports, or type and code. */
  | {
      readonly kind: 'first-word' | 'second-word'
      readonly start: number
      readonly end: number
    }
  /** An IPv6 fragment that is not its packet's first: what it is cannot be seen. Of IPv4 for itself the host sees whole packets here. */
  | { readonly kind: 'later-fragment' }

export type FilterRule = {
  readonly tests: readonly Test[]
  readonly verdict: 'accept' | 'drop'
}

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
      this.#netlink.batch(SUBSYSTEM, messages, 'replace packet filter', this.#name)
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
      this.#netlink.batch(SUBSYSTEM, this.#removal(family), 'remove packet filter', this.#name)
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
      message(NFT_MSG_DELTABLE, 0, family).text(NFTA_TABLE_NAME, this.#name),
    ]
  }

  #table(family: IpFamily): NetlinkRequest {
    const request = message(NFT_MSG_NEWTABLE, NLM_F_CREATE, family).text(
      NFTA_TABLE_NAME,
      this.#name,
    )
    return this.#owner ? big(request, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER) : request
  }

  #creation({ family, links, ranges, rules }: FilterTable): readonly NetlinkRequest[] {
    const sets = [
      ...Object.entries(links).map(([name, all]) => ({
        name,
        flags: 0,
        keyOctets: LINK_NAME_OCTETS,
        elements: all.map((link) => ({ key: linkName(link), end: false })),
      })),
      ...Object.entries(ranges).map(([name, all]) => ({
        name,
        flags: NFT_SET_INTERVAL,
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
    const made = message(NFT_MSG_NEWSET, NLM_F_CREATE, family)
      .text(NFTA_SET_TABLE, this.#name)
      .text(NFTA_SET_NAME, set.name)
    big(made, NFTA_SET_FLAGS, set.flags)
    big(
      made,
      NFTA_SET_KEY_TYPE,
      set.flags === 0 ? TYPE_IFNAME : family === 4 ? TYPE_IPV4 : TYPE_IPV6,
    )
    big(made, NFTA_SET_KEY_LEN, set.keyOctets)
    big(made, NFTA_SET_ID, id)
    const fillings: NetlinkRequest[] = []
    for (let at = 0; at < set.elements.length; at += ELEMENTS_A_MESSAGE) {
      const some = set.elements.slice(at, at + ELEMENTS_A_MESSAGE)
      const filling = message(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family)
        .text(NFTA_SET_ELEM_LIST_TABLE, this.#name)
        .text(NFTA_SET_ELEM_LIST_SET, set.name)
        .nested(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
          for (const { key, end } of some) {
            list.nested(NFTA_LIST_ELEM, (element) => {
              element.nested(NFTA_SET_ELEM_KEY, (data) => data.attribute(NFTA_DATA_VALUE, key))
              if (end) big(element, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END)
            })
          }
        })
      fillings.push(filling)
    }
    return [made, ...fillings]
  }

  #chain(family: IpFamily, chain: string, hook: number): NetlinkRequest {
    return message(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family)
      .text(NFTA_CHAIN_TABLE, this.#name)
      .text(NFTA_CHAIN_NAME, chain)
      .nested(NFTA_CHAIN_HOOK, (at) => {
        big(at, NFTA_HOOK_HOOKNUM, hook)
        big(at, NFTA_HOOK_PRIORITY, BEFORE_FILTERS)
      })
      .text(NFTA_CHAIN_TYPE, 'filter')
  }

  #rule(family: IpFamily, chain: string, { tests, verdict }: FilterRule): NetlinkRequest {
    return message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family)
      .text(NFTA_RULE_TABLE, this.#name)
      .text(NFTA_RULE_CHAIN, chain)
      .nested(NFTA_RULE_EXPRESSIONS, (list) => {
        for (const test of tests) writeTest(list, family, test)
        expression(list, 'counter', () => {})
        expression(list, 'immediate', (data) => {
          big(data, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT)
          data.nested(NFTA_IMMEDIATE_DATA, (value) =>
            value.nested(NFTA_DATA_VERDICT, (code) =>
              big(code, NFTA_VERDICT_CODE, verdict === 'accept' ? NF_ACCEPT : NF_DROP),
            ),
          )
        })
      })
  }
}

type NamedSet = {
  readonly name: string
  readonly flags: number
  readonly keyOctets: number
  readonly elements: readonly { readonly key: Uint8Array; readonly end: boolean }[]
}

function writeTest(list: NetlinkRequest, family: IpFamily, test: Test): void {
  switch (test.kind) {
    case 'link':
      loadMeta(list, NFT_META_IIFNAME)
      lookUp(list, test.set)
      return
    case 'source':
      loadPayload(list, NETWORK_HEADER, family === 4 ? 12 : 8, family === 4 ? 4 : 16)
      lookUp(list, test.set)
      return
    case 'destination':
      loadPayload(list, NETWORK_HEADER, family === 4 ? 16 : 24, family === 4 ? 4 : 16)
      lookUp(list, test.set)
      return
    case 'protocol':
      loadMeta(list, NFT_META_L4PROTO)
      compare(list, NFT_CMP_EQ, Uint8Array.of(test.number))
      return
    case 'first-word':
    case 'second-word':
      loadPayload(list, TRANSPORT_HEADER, test.kind === 'first-word' ? 0 : 2, 2)
      compare(list, NFT_CMP_GTE, networkHalf(test.start))
      compare(list, NFT_CMP_LTE, networkHalf(test.end))
      return
    case 'later-fragment':
      loadFragmentOffset(list)
      compare(list, NFT_CMP_GTE, networkHalf(1 << 3))
  }
}

function loadMeta(list: NetlinkRequest, key: number): void {
  expression(list, 'meta', (data) => {
    big(data, NFTA_META_DREG, REGISTER)
    big(data, NFTA_META_KEY, key)
  })
}

function loadPayload(list: NetlinkRequest, base: number, offset: number, octets: number): void {
  expression(list, 'payload', (data) => {
    big(data, NFTA_PAYLOAD_DREG, REGISTER)
    big(data, NFTA_PAYLOAD_BASE, base)
    big(data, NFTA_PAYLOAD_OFFSET, offset)
    big(data, NFTA_PAYLOAD_LEN, octets)
  })
}

/** With the three bits behind it (RFC 8200 §4.5); a packet without a fragment header does not match. */
function loadFragmentOffset(list: NetlinkRequest): void {
  expression(list, 'exthdr', (data) => {
    big(data, NFTA_EXTHDR_DREG, REGISTER)
    data.attribute(NFTA_EXTHDR_TYPE, Uint8Array.of(IPPROTO_FRAGMENT))
    big(data, NFTA_EXTHDR_OFFSET, 2)
    big(data, NFTA_EXTHDR_LEN, 2)
  })
}

function compare(list: NetlinkRequest, operation: number, value: Uint8Array): void {
  expression(list, 'cmp', (data) => {
    big(data, NFTA_CMP_SREG, REGISTER)
    big(data, NFTA_CMP_OP, operation)
    data.nested(NFTA_CMP_DATA, (inner) => inner.attribute(NFTA_DATA_VALUE, value))
  })
}

function lookUp(list: NetlinkRequest, set: string): void {
  expression(list, 'lookup', (data) => {
    data.text(NFTA_LOOKUP_SET, set)
    big(data, NFTA_LOOKUP_SREG, REGISTER)
  })
}

function expression(
  list: NetlinkRequest,
  name: string,
  fill: (data: NetlinkRequest) => void,
): void {
  list.nested(NFTA_LIST_ELEM, (element) => {
    element.text(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA, fill)
  })
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

/** `struct nfgenmsg`: family, version, resource id. */
function message(type: number, flags: number, family: IpFamily): NetlinkRequest {
  const header = Uint8Array.of(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, 0, 0, 0)
  return new NetlinkRequest((SUBSYSTEM << 8) | type, flags, header)
}

/** nf_tables keeps its numbers in network order. */
function big(request: NetlinkRequest, type: number, value: number): NetlinkRequest {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setInt32(0, value)
  return request.attribute(type, octets)
}

function networkHalf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff)
}

function linkName(name: string): Uint8Array {
  const octets = new Uint8Array(LINK_NAME_OCTETS)
  octets.set(new TextEncoder().encode(name).subarray(0, LINK_NAME_OCTETS - 1))
  return octets
}

const SUBSYSTEM = 10
const NFPROTO_IPV4 = 2
const NFPROTO_IPV6 = 10
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
const NFTA_RULE_TABLE = 1
const NFTA_RULE_CHAIN = 2
const NFTA_RULE_EXPRESSIONS = 4
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
const NFTA_LIST_ELEM = 1
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
const NFTA_DATA_VALUE = 1
const NFTA_DATA_VERDICT = 2
const NFTA_VERDICT_CODE = 1
const NFTA_META_DREG = 1
const NFTA_META_KEY = 2
const NFT_META_IIFNAME = 6
const NFT_META_L4PROTO = 16
const NFTA_PAYLOAD_DREG = 1
const NFTA_PAYLOAD_BASE = 2
const NFTA_PAYLOAD_OFFSET = 3
const NFTA_PAYLOAD_LEN = 4
const NETWORK_HEADER = 1
const TRANSPORT_HEADER = 2
const IPPROTO_FRAGMENT = 44
const NFTA_EXTHDR_DREG = 1
const NFTA_EXTHDR_TYPE = 2
const NFTA_EXTHDR_OFFSET = 3
const NFTA_EXTHDR_LEN = 4
const NFTA_CMP_SREG = 1
const NFTA_CMP_OP = 2
const NFTA_CMP_DATA = 3
const NFT_CMP_EQ = 0
const NFT_CMP_LTE = 3
const NFT_CMP_GTE = 5
const NFTA_LOOKUP_SET = 1
const NFTA_LOOKUP_SREG = 2
const NFTA_IMMEDIATE_DREG = 1
const NFTA_IMMEDIATE_DATA = 2
const NFT_REG_VERDICT = 0
const REGISTER = 1
const NF_DROP = 0
const NF_ACCEPT = 1
