import { concat } from '#bytes/concat'
import {
  type IpAddress,
  type IpFamily,
  ipFamily,
  ipFromBigInt,
  ipFromOctets,
  ipOctets,
  ipToBigInt,
} from '#bytes/ip'
import { IdType } from '#iana/ipsec-doi'
import type { Identity } from '#policy/identity'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { IdPayload } from './payloads.ts'

/** A selector IKEv1 has no words for: its ID payload carries one port or any port (RFC 2407 §4.6.2). */
export class InexpressibleSelector extends Error {
  readonly code = 'inexpressible-selector'
  override readonly name = 'InexpressibleSelector'
  readonly selector: TrafficSelector

  constructor(selector: TrafficSelector) {
    super(
      `IKEv1 can name one port or all ports, not ${selector.startPort} to ${selector.endPort}; use one port, or all`,
    )
    this.selector = selector
  }
}

/** In phase 1 protocol and port are 0 and 0, or 17 and 500 (RFC 2407 §4.6.2). */
export function identityToPayload(identity: Identity, protocolId = 0, port = 0): IdPayload {
  const { idType, data } = typeAndData(identity)
  return { type: 'ID', idType, protocolId, port, data }
}

/**
 * @returns undefined for a type that names more than one party or that we do not know, and for content that does not fit the
 * type: an address of another length, an empty name, a name with control characters or beyond ASCII.
 */
export function identityFromPayload({ idType, data }: IdPayload): Identity | undefined {
  switch (idType) {
    case number('ID_IPV4_ADDR'):
      return addressIdentity(data, 4)
    case number('ID_IPV6_ADDR'):
      return addressIdentity(data, 16)
    case number('ID_FQDN'):
      return nameIdentity('fqdn', data)
    case number('ID_USER_FQDN'):
      return nameIdentity('user-fqdn', data)
    case number('ID_DER_ASN1_DN'):
      return data.length > 0 ? { kind: 'dn', der: data } : undefined
    case number('ID_KEY_ID'):
      return data.length > 0 ? { kind: 'key-id', octets: data } : undefined
    default:
      return undefined
  }
}

/**
 * One address becomes ADDR, a range that is a whole prefix SUBNET, any other range RANGE (RFC 2407 §4.6.2).
 * @throws InexpressibleSelector for a range of ports
 */
export function selectorToPayload(selector: TrafficSelector): IdPayload {
  const { family, protocol, start, end } = selector
  const types = ADDRESS_TYPES[family]
  const id = { type: 'ID', protocolId: protocol, port: onePort(selector) } as const
  if (start === end) return { ...id, idType: types.address, data: ipOctets(start) }
  const mask = prefixMask(selector)
  if (mask === undefined) {
    return { ...id, idType: types.range, data: concat(ipOctets(start), ipOctets(end)) }
  }
  return { ...id, idType: types.subnet, data: concat(ipOctets(start), ipOctets(mask)) }
}

/**
 * Host bits under a subnet's mask are dropped, as some gateways put their own address there.
 * @returns undefined for ID types that are no addresses, wrong lengths, masks with holes, ranges that end before they start.
 */
export function selectorFromPayload(payload: IdPayload): TrafficSelector | undefined {
  const { idType, protocolId, port, data } = payload
  const family = familyOf(idType)
  if (family === undefined) return undefined
  const range = addressRange(family, idType, data)
  if (range === undefined) return undefined
  const ports = port === 0 ? ALL_PORTS : { startPort: port, endPort: port }
  return { family, protocol: protocolId, ...range, ...ports }
}

const number = IdType.number

const ADDRESS_TYPES = {
  4: {
    address: number('ID_IPV4_ADDR'),
    subnet: number('ID_IPV4_ADDR_SUBNET'),
    range: number('ID_IPV4_ADDR_RANGE'),
  },
  6: {
    address: number('ID_IPV6_ADDR'),
    subnet: number('ID_IPV6_ADDR_SUBNET'),
    range: number('ID_IPV6_ADDR_RANGE'),
  },
} as const

const ALL_PORTS = { startPort: 0, endPort: 65535 }

function typeAndData(identity: Identity): { idType: number; data: Uint8Array } {
  switch (identity.kind) {
    case 'address': {
      const idType = ADDRESS_TYPES[ipFamily(identity.address)].address
      return { idType, data: ipOctets(identity.address) }
    }
    case 'fqdn':
      return { idType: number('ID_FQDN'), data: new TextEncoder().encode(identity.name) }
    case 'user-fqdn':
      return { idType: number('ID_USER_FQDN'), data: new TextEncoder().encode(identity.name) }
    case 'dn':
      return { idType: number('ID_DER_ASN1_DN'), data: identity.der }
    case 'key-id':
      return { idType: number('ID_KEY_ID'), data: identity.octets }
  }
}

function addressIdentity(data: Uint8Array, octets: 4 | 16): Identity | undefined {
  const address = data.length === octets ? ipFromOctets(data) : undefined
  return address && { kind: 'address', address }
}

/** Printable ASCII only: a name goes into logs and comparisons, where nothing invisible may hide. */
function nameIdentity(kind: 'fqdn' | 'user-fqdn', data: Uint8Array): Identity | undefined {
  if (data.length === 0 || !data.every((octet) => octet > 0x20 && octet < 0x7f)) return undefined
  return { kind, name: new TextDecoder().decode(data) }
}

function onePort(selector: TrafficSelector): number {
  const { startPort, endPort } = selector
  if (startPort === ALL_PORTS.startPort && endPort === ALL_PORTS.endPort) return 0
  // A lone port 0 would be read as all ports.
  if (startPort === endPort && startPort !== 0) return startPort
  throw new InexpressibleSelector(selector)
}

/** @returns undefined when the range is no prefix. */
function prefixMask({ family, start, end }: TrafficSelector): IpAddress | undefined {
  const first = ipToBigInt(start)
  const size = ipToBigInt(end) - first + 1n
  if (size <= 0n || (size & (size - 1n)) !== 0n || first % size !== 0n) return undefined
  return ipFromBigInt(allOnes(family) - (size - 1n), family)
}

function familyOf(idType: number): IpFamily | undefined {
  for (const family of [4, 6] as const) {
    if (Object.values<number>(ADDRESS_TYPES[family]).includes(idType)) return family
  }
  return undefined
}

function addressRange(
  family: IpFamily,
  idType: number,
  data: Uint8Array,
): { start: IpAddress; end: IpAddress } | undefined {
  const octets = family === 4 ? 4 : 16
  const types = ADDRESS_TYPES[family]
  if (idType === types.address) {
    const address = data.length === octets ? ipFromOctets(data) : undefined
    return address && { start: address, end: address }
  }
  const first = ipFromOctets(data.subarray(0, octets))
  const second = ipFromOctets(data.subarray(octets))
  if (data.length !== 2 * octets || first === undefined || second === undefined) return undefined
  if (idType === types.subnet) return maskedRange(family, ipToBigInt(first), ipToBigInt(second))
  return ipToBigInt(first) <= ipToBigInt(second) ? { start: first, end: second } : undefined
}

function maskedRange(
  family: IpFamily,
  address: bigint,
  mask: bigint,
): { start: IpAddress; end: IpAddress } | undefined {
  const hostBits = allOnes(family) - mask
  if ((hostBits & (hostBits + 1n)) !== 0n) return undefined
  const start = address & mask
  return { start: ipFromBigInt(start, family), end: ipFromBigInt(start | hostBits, family) }
}

function allOnes(family: IpFamily): bigint {
  return (1n << (family === 4 ? 32n : 128n)) - 1n
}
