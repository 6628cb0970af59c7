import type { IpFamily } from '#bytes/ip'
import type { NetlinkRequest } from './netlink-message.ts'
import { type ListedRule, NFTA_DATA_VALUE, writeExpression } from './nf-tables.ts'

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

/** The rule as expressions of nf_tables; it counts what it decides about. */
export function writeRule(list: NetlinkRequest, family: IpFamily, rule: FilterRule): void {
  for (const test of rule.tests) writeTest(list, family, test)
  writeExpression(list, 'counter', () => {})
  writeExpression(list, 'immediate', (data) => {
    data
      .uint32BigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT)
      .nested(NFTA_IMMEDIATE_DATA, (value) =>
        value.nested(NFTA_DATA_VERDICT, (code) =>
          code.uint32BigEndian(NFTA_VERDICT_CODE, rule.verdict === 'accept' ? NF_ACCEPT : NF_DROP),
        ),
      )
  })
}

/** Packets that a rule of `writeRule` has dropped. */
export function droppedByRule({ expressions }: ListedRule): number {
  const dataOf = (wanted: string) => expressions.find(({ name }) => name === wanted)?.data
  const verdict = dataOf('immediate')
    ?.nested(NFTA_IMMEDIATE_DATA)
    ?.nested(NFTA_DATA_VERDICT)
    ?.uint32BigEndian(NFTA_VERDICT_CODE)
  return verdict === NF_DROP
    ? Number(dataOf('counter')?.uint64BigEndian(NFTA_COUNTER_PACKETS) ?? 0)
    : 0
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
  writeExpression(list, 'meta', (data) => {
    data.uint32BigEndian(NFTA_META_DREG, REGISTER).uint32BigEndian(NFTA_META_KEY, key)
  })
}

function loadPayload(list: NetlinkRequest, base: number, offset: number, octets: number): void {
  writeExpression(list, 'payload', (data) => {
    data
      .uint32BigEndian(NFTA_PAYLOAD_DREG, REGISTER)
      .uint32BigEndian(NFTA_PAYLOAD_BASE, base)
      .uint32BigEndian(NFTA_PAYLOAD_OFFSET, offset)
      .uint32BigEndian(NFTA_PAYLOAD_LEN, octets)
  })
}

/** With the three bits behind it (RFC 8200 §4.5); a packet without a fragment header does not match. */
function loadFragmentOffset(list: NetlinkRequest): void {
  writeExpression(list, 'exthdr', (data) => {
    data
      .uint32BigEndian(NFTA_EXTHDR_DREG, REGISTER)
      .uint8(NFTA_EXTHDR_TYPE, IPPROTO_FRAGMENT)
      .uint32BigEndian(NFTA_EXTHDR_OFFSET, 2)
      .uint32BigEndian(NFTA_EXTHDR_LEN, 2)
  })
}

function compare(list: NetlinkRequest, operation: number, value: Uint8Array): void {
  writeExpression(list, 'cmp', (data) => {
    data
      .uint32BigEndian(NFTA_CMP_SREG, REGISTER)
      .uint32BigEndian(NFTA_CMP_OP, operation)
      .nested(NFTA_CMP_DATA, (inner) => inner.attribute(NFTA_DATA_VALUE, value))
  })
}

function lookUp(list: NetlinkRequest, set: string): void {
  writeExpression(list, 'lookup', (data) => {
    data.text(NFTA_LOOKUP_SET, set).uint32BigEndian(NFTA_LOOKUP_SREG, REGISTER)
  })
}

function networkHalf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff)
}

const NFTA_DATA_VERDICT = 2
const NFTA_VERDICT_CODE = 1
const NFTA_COUNTER_PACKETS = 2
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
