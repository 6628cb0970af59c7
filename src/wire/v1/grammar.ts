import { PayloadType } from '#iana/isakmp'
import type { Codec } from '../codec.ts'
import { MalformedMessage } from '../malformed.ts'
import type { PayloadGrammar } from '../payload-chain.ts'
import { attributePayload } from './attribute-payload.ts'
import { deletePayload } from './delete-payload.ts'
import type { Payload } from './payloads.ts'
import { saPayload } from './sa-payload.ts'
import {
  certPayload,
  certRequestPayload,
  fragmentPayload,
  hashPayload,
  idPayload,
  kePayload,
  natDiscoveryPayload,
  natOriginalAddressPayload,
  noncePayload,
  notificationPayload,
  signaturePayload,
  unknownPayload,
  vendorIdPayload,
} from './simple-payloads.ts'

const number = PayloadType.number

const codecs: ReadonlyMap<number, Codec<Payload>> = new Map<number, Codec<Payload>>([
  [number('SA'), saPayload],
  [number('P'), misplaced('P', 'SA payload')],
  [number('T'), misplaced('T', 'proposal')],
  [number('KE'), kePayload],
  [number('ID'), idPayload],
  [number('CERT'), certPayload],
  [number('CR'), certRequestPayload],
  [number('HASH'), hashPayload],
  [number('SIG'), signaturePayload],
  [number('NONCE'), noncePayload],
  [number('N'), notificationPayload],
  [number('D'), deletePayload],
  [number('VID'), vendorIdPayload],
  [number('ATTR'), attributePayload],
  [number('NAT-D'), natDiscoveryPayload(false)],
  [number('NAT-OA'), natOriginalAddressPayload(false)],
  [number('NAT-D-DRAFT'), natDiscoveryPayload(true)],
  [number('NAT-OA-DRAFT'), natOriginalAddressPayload(true)],
  [number('FRAGMENT'), fragmentPayload],
])

/** All payloads of RFC 2408, RFC 3947 and Mode Config; numbers of other documents are kept as `unknown`. */
export const grammar: PayloadGrammar<Payload> = {
  /** Checked strictly: after decryption with a wrong key it is the first thing to be wrong. */
  reservedBits: 0xff,
  nameOf: (type) => PayloadType.nameOf(type),
  numberOf,
  codecOf: (type) => codecs.get(type) ?? unknownPayload(type),
}

function numberOf(payload: Payload): number {
  switch (payload.type) {
    case 'unknown':
      return payload.number
    case 'NAT-D':
      return number(payload.draft ? 'NAT-D-DRAFT' : 'NAT-D')
    case 'NAT-OA':
      return number(payload.draft ? 'NAT-OA-DRAFT' : 'NAT-OA')
    default:
      return number(payload.type)
  }
}

/** Proposals and transforms are payloads by their numbers, but stand only inside others (RFC 2408 §3.5, §3.6). */
function misplaced(name: string, container: string): Codec<Payload> {
  const detail = `a ${name} payload outside of a ${container}`
  return {
    decode(reader, path) {
      throw new MalformedMessage('misplaced', path, reader.offset, detail)
    },
    encode() {
      throw new RangeError(detail)
    },
  }
}
