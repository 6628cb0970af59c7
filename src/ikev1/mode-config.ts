/**
 * Mode Config (draft-dukes-ike-mode-cfg-02): one side gives the other an address inside the tunnel, and what goes with it. The client asks
 * (pull: REQUEST, REPLY), or the server tells (push: SET, ACK).
 */
import { type IpAddress, ipFamily, ipFromOctets, ipOctets } from '#bytes/ip'
import type { Assignment } from '#config/config'
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import { PeerViolation } from '#ike/errors'
import { type Prefix, type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { AttributePayload, TransformAttribute } from '#wire/v1/payloads'

/** The client's question: attributes without values, for each family it needs an address of. */
export function askForAddress(
  pairs: readonly SelectorPair[],
  identifier: number,
): AttributePayload {
  const families = new Set(pairs.map(({ local }) => local.family))
  const types = [
    ...(families.has(4) ? [IP4_ADDRESS, IP4_NETMASK, IP4_DNS, SPLIT_INCLUDE] : []),
    ...(families.has(6) ? [IP6_ADDRESS, IP6_DNS] : []),
  ]
  return message(
    'REQUEST',
    identifier,
    types.map((type) => long(type, NOTHING)),
  )
}

/** The server's answer to such a question: of what it has, what was asked for. Addresses and masks belong together. */
export function answerAddress(asked: AttributePayload, assignment: Assignment): AttributePayload {
  const wanted = new Set(asked.attributes.map(({ type }) => type))
  if (wanted.has(IP4_ADDRESS)) wanted.add(IP4_NETMASK)
  const attributes = attributesOf(assignment).filter(({ type }) => wanted.has(type))
  return message('REPLY', asked.identifier, attributes)
}

/** The server tells unasked. */
export function pushAddress(assignment: Assignment, identifier: number): AttributePayload {
  return message('SET', identifier, attributesOf(assignment))
}

/** The client's answer to that: which attributes it took, by their types alone. */
export function acknowledge(told: AttributePayload): AttributePayload {
  const taken = told.attributes.map(({ type }) => type).filter((type) => READ.has(type))
  return message(
    'ACK',
    told.identifier,
    [...new Set(taken)].map((type) => long(type, NOTHING)),
  )
}

/** The answer to what is neither asked for nor wanted here: nothing. */
export function declined(asked: AttributePayload): AttributePayload {
  const isRequest = asked.message === AttributeMessage.number('REQUEST')
  return message(isRequest ? 'REPLY' : 'ACK', asked.identifier, [])
}

/**
 * What the client was given; attributes it did not ask for and does not know do no harm. The first of several addresses of a family is
 * taken. @throws PeerViolation for one that no host can have, and for values of another length than their type has
 */
export function readAssignment({ attributes }: AttributePayload): Assignment {
  const values = (type: number): readonly Uint8Array[] =>
    attributes.filter((one) => one.type === type).map((one) => octetsIn(one))
  const addresses = [
    ...values(IP4_ADDRESS)
      .slice(0, 1)
      .map((value) => addressOf(value, 4)),
    // Some send the length of the prefix behind it.
    ...values(IP6_ADDRESS)
      .slice(0, 1)
      .map((value) => addressOf(value.subarray(0, 16), 16)),
  ]
  return {
    addresses: addresses.filter((one) => one !== undefined).map(usable),
    dns: [
      ...values(IP4_DNS).map((one) => addressOf(one, 4)),
      ...values(IP6_DNS).map((one) => addressOf(one, 16)),
    ]
      .filter((one) => one !== undefined)
      .slice(0, MOST_SERVERS),
    networks: values(SPLIT_INCLUDE).flatMap(splitNetworks).slice(0, MOST_NETWORKS),
  }
}

/**
 * The pairs of a client: what it is configured with, from the address it was given instead of from anywhere.
 * @returns undefined when a pair needs an address of a family that was not given.
 */
export function assignedPairs(
  pairs: readonly SelectorPair[],
  { addresses }: Assignment,
): readonly SelectorPair[] | undefined {
  const assigned = pairs.map(({ local, remote }) => {
    const own = addresses.find((address) => ipFamily(address) === local.family)
    if (own === undefined) return undefined
    const { protocol, startPort, endPort } = local
    return { local: selectorFromPrefix(own, undefined, { protocol, startPort, endPort }), remote }
  })
  const complete = assigned.filter((pair) => pair !== undefined)
  return complete.length === pairs.length ? complete : undefined
}

function attributesOf({ addresses, dns, networks }: Assignment): readonly TransformAttribute[] {
  const ipv4 = addresses.find((address) => ipFamily(address) === 4)
  const ipv6 = addresses.find((address) => ipFamily(address) === 6)
  const splits = networks.filter(({ address }) => ipFamily(address) === 4).map(splitInclude)
  return [
    ...(ipv4 === undefined
      ? []
      : [long(IP4_ADDRESS, ipOctets(ipv4)), long(IP4_NETMASK, maskOf(32))]),
    // With the length of the prefix, as strongSwan and Cisco read it.
    ...(ipv6 === undefined ? [] : [long(IP6_ADDRESS, Uint8Array.of(...ipOctets(ipv6), 128))]),
    ...dns.map((server) => long(ipFamily(server) === 4 ? IP4_DNS : IP6_DNS, ipOctets(server))),
    ...(splits.length === 0 ? [] : [long(SPLIT_INCLUDE, Uint8Array.from(splits.flat()))]),
  ]
}

/** Address, mask, and six octets for protocol and ports, which are always zero. */
function splitInclude({ address, bits }: Prefix): readonly number[] {
  return [...ipOctets(address), ...maskOf(bits), 0, 0, 0, 0, 0, 0]
}

function splitNetworks(octets: Uint8Array): readonly Prefix[] {
  const prefixes: Prefix[] = []
  for (
    let at = 0;
    at + 8 <= octets.length && at < MOST_NETWORKS * SPLIT_OCTETS;
    at += SPLIT_OCTETS
  ) {
    const address = ipFromOctets(octets.subarray(at, at + 4))
    const bits = bitsOf(octets.subarray(at + 4, at + 8))
    if (address === undefined || bits === undefined) continue
    prefixes.push({ address: selectorFromPrefix(address, bits).start, bits })
  }
  return prefixes
}

function maskOf(bits: number): Uint8Array {
  return Uint8Array.from(
    { length: 4 },
    (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff,
  )
}

/** @returns undefined for a mask with holes. */
function bitsOf(mask: Uint8Array): number | undefined {
  const bits = mask.reduce((sum, octet) => sum + octet.toString(2).replaceAll('0', '').length, 0)
  return maskOf(bits).every((octet, i) => octet === mask[i]) ? bits : undefined
}

/** @returns undefined for an empty value, which gives nothing. @throws PeerViolation */
function addressOf(value: Uint8Array, octets: 4 | 16): IpAddress | undefined {
  if (value.length === 0) return undefined
  const address = value.length === octets ? ipFromOctets(value) : undefined
  if (address !== undefined) return address
  throw new PeerViolation('wrong-payload-content', `an address of ${value.length} octets`)
}

/** Nothing, loopback, multicast and broadcast are no addresses to give. @throws PeerViolation */
function usable(address: IpAddress): IpAddress {
  const octets = ipOctets(address)
  const [first = 0] = octets
  const bad =
    octets.length === 4
      ? first === 0 || first === 127 || first >= 224
      : first === 0xff || octets.subarray(0, 15).every((octet) => octet === 0)
  if (!bad) return address
  throw new PeerViolation('wrong-payload-content', `${address} is no address of a host`)
}

function octetsIn(one: TransformAttribute): Uint8Array {
  return one.form === 'long' ? one.value : Uint8Array.of(one.value >> 8, one.value & 0xff)
}

function long(type: number, value: Uint8Array): TransformAttribute {
  return { form: 'long', type, value }
}

function message(
  name: Parameters<typeof AttributeMessage.number>[0],
  identifier: number,
  attributes: readonly TransformAttribute[],
): AttributePayload {
  return { type: 'ATTR', message: AttributeMessage.number(name), identifier, attributes }
}

const NOTHING = new Uint8Array(0)
const IP4_ADDRESS = ConfigAttribute.number('INTERNAL_IP4_ADDRESS')
const IP4_NETMASK = ConfigAttribute.number('INTERNAL_IP4_NETMASK')
const IP4_DNS = ConfigAttribute.number('INTERNAL_IP4_DNS')
const IP6_ADDRESS = ConfigAttribute.number('INTERNAL_IP6_ADDRESS')
const IP6_DNS = ConfigAttribute.number('INTERNAL_IP6_DNS')
const SPLIT_INCLUDE = ConfigAttribute.number('UNITY_SPLIT_INCLUDE')
const READ: ReadonlySet<number> = new Set([
  IP4_ADDRESS,
  IP4_NETMASK,
  IP4_DNS,
  IP6_ADDRESS,
  IP6_DNS,
  SPLIT_INCLUDE,
])
const SPLIT_OCTETS = 14
/** Kept of what a server sends. */
const MOST_SERVERS = 8
const MOST_NETWORKS = 64
