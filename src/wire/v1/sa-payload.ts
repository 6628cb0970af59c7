import {
  type Codec,
  checkConsumed,
  checkCount,
  derived,
  list,
  numberIn,
  octetsOf,
  reserved,
  struct,
  tag,
  u8,
  u32,
} from '../codec.ts'
import { type MalformedCode, MalformedMessage } from '../malformed.ts'
import { readGenericHeader, writeWithGenericHeader } from '../payload-chain.ts'
import type { ProposalPayload, SaPayload, Transform, TransformAttribute } from './payloads.ts'

/** Above what peers send, low enough that no datagram costs much. */
export const MAX_PROPOSALS = 32
/** Their count on the wire is one octet. */
export const MAX_TRANSFORMS = 255
export const MAX_ATTRIBUTES = 64

const SHORT_FORM = 0x8000

/** RFC 2408 §3.3. Long values are kept as they came, leading zeros too. */
const transformAttribute: Codec<TransformAttribute> = {
  decode(reader, path) {
    const typeAndFormat = reader.u16(`${path}.type`)
    const type = typeAndFormat & ~SHORT_FORM
    if ((typeAndFormat & SHORT_FORM) !== 0) {
      return { form: 'short', type, value: reader.u16(`${path}.value`) }
    }
    const length = reader.u16(`${path}.length`)
    return { form: 'long', type, value: reader.octets(`${path}.value`, length) }
  },
  encode(writer, attribute) {
    if (attribute.type >= SHORT_FORM) throw new RangeError(`attribute type ${attribute.type}`)
    if (attribute.form === 'short') {
      writer.u16(SHORT_FORM | attribute.type)
      writer.u16(attribute.value)
      return
    }
    writer.u16(attribute.type)
    writer.u16(attribute.value.length)
    writer.octets(attribute.value)
  },
}

/** SA attributes one behind the other; a RESPONDER-LIFETIME notification has them as its data (RFC 2407 §4.6.3.1). */
export const attributeList: Codec<readonly TransformAttribute[]> = list(
  transformAttribute,
  MAX_ATTRIBUTES,
)

/** RFC 2408 §3.6. */
const transform: Codec<Transform> = struct('T', {
  number: u8,
  id: u8,
  reserved: reserved(2, 'ignored'),
  attributes: attributeList,
})

/** RFC 2408 §3.5. */
const proposal: Codec<ProposalPayload> = struct('P', {
  number: u8,
  protocolId: u8,
  spiSize: derived(u8, ({ spi }: ProposalPayload) => spi.length),
  transformCount: derived(u8, ({ transforms }: ProposalPayload) => transforms.length),
  spi: octetsOf('spiSize'),
  transforms: counted('transformCount', nestedChain(transform, 3, MAX_TRANSFORMS)),
})

/** RFC 2408 §3.4, RFC 2407 §4.6.1. */
export const saPayload: Codec<SaPayload> = struct('SA', {
  type: tag('SA'),
  doi: knownDoi(),
  situation: unlabelledSituation(),
  proposals: nestedChain(proposal, 2, MAX_PROPOSALS),
})

/**
 * At least one item, each behind a generic header of its own, linked by the payload number `number` and ended by 0. The
 * reserved octet in here changes no meaning, so it is not judged.
 */
function nestedChain<T>(item: Codec<T>, number: number, most: number): Codec<readonly T[]> {
  return {
    decode(reader, path, scope) {
      const items: T[] = []
      let next = number
      while (next !== 0) {
        const { offset } = reader
        if (items.length === most) {
          throw new MalformedMessage('count', path, offset, `more than ${most} items`)
        }
        const itemPath = `${path}[${items.length}]`
        const header = readGenericHeader(reader, itemPath, 0)
        next = header.next
        if (next !== 0 && next !== number) {
          const detail = `got ${next}, expected ${number} or 0`
          throw new MalformedMessage('value', `${itemPath}.nextPayload`, offset, detail)
        }
        items.push(item.decode(header.body, itemPath, scope))
        checkConsumed(header.body, itemPath)
      }
      return items
    },
    encode(writer, items, scope) {
      if (items.length === 0) throw new RangeError('expected at least one item')
      checkCount(items.length, most)
      items.forEach((one, i) => {
        const next = i + 1 < items.length ? number : 0
        writeWithGenericHeader(writer, next, () => item.encode(writer, one, scope))
      })
    },
  }
}

/** Items whose number the earlier field `countField` said. */
function counted<T>(countField: string, items: Codec<readonly T[]>): Codec<readonly T[]> {
  return {
    decode(reader, path, scope) {
      const { offset } = reader
      const said = numberIn(scope, countField)
      const value = items.decode(reader, path, scope)
      if (value.length === said) return value
      const detail = `got ${value.length} items, the count before says ${said}`
      throw new MalformedMessage('count', path, offset, detail)
    },
    encode: (writer, value, scope) => items.encode(writer, value, scope),
  }
}

/** What follows the DOI has a known layout only in the generic ISAKMP (0) and the IPsec (1) DOI. */
function knownDoi(): Codec<number> {
  return judged(u32, (doi) => doi <= 1, 'unsupported-doi', 'expected 0 (ISAKMP) or 1 (IPsec)')
}

/** Secrecy and integrity (bits 2 and 4) put labels between situation and proposals (RFC 2407 §4.6.1); no peer sends them. */
function unlabelledSituation(): Codec<number> {
  return judged(
    u32,
    (situation) => (situation & 6) === 0,
    'unsupported-situation',
    'expected no secrecy or integrity labels',
  )
}

function judged(
  width: Codec<number>,
  holds: (value: number) => boolean,
  code: MalformedCode,
  expected: string,
): Codec<number> {
  return {
    decode(reader, path, scope) {
      const { offset } = reader
      const value = width.decode(reader, path, scope)
      if (holds(value)) return value
      throw new MalformedMessage(code, path, offset, `got ${value}, ${expected}`)
    },
    encode: (writer, value, scope) => width.encode(writer, value, scope),
  }
}
