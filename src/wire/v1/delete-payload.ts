import { type Codec, checkCount, derived, numberIn, struct, tag, u8, u16, u32 } from '../codec.ts'
import { MalformedMessage } from '../malformed.ts'
import type { DeletePayload } from './payloads.ts'

/** Of one Delete payload; a gateway closing many SAs can send several payloads. */
export const MAX_DELETED_SPIS = 256

const spiList: Codec<readonly Uint8Array[]> = {
  decode(reader, path, scope) {
    const size = numberIn(scope, 'spiSize')
    const count = numberIn(scope, 'spiCount')
    if (count > MAX_DELETED_SPIS || (size === 0 && count > 0)) {
      const detail = `says ${count} SPIs of ${size} octets`
      throw new MalformedMessage('count', path, reader.offset, detail)
    }
    return Array.from({ length: count }, (_, i) => reader.octets(`${path}[${i}]`, size))
  },
  encode(writer, spis) {
    checkCount(spis.length, MAX_DELETED_SPIS)
    for (const spi of spis) {
      if (spi.length === 0 || spi.length !== spis[0]?.length) {
        throw new RangeError('expected SPIs of one size')
      }
      writer.octets(spi)
    }
  },
}

/** RFC 2408 §3.15. */
export const deletePayload: Codec<DeletePayload> = struct('D', {
  type: tag('D'),
  doi: u32,
  protocolId: u8,
  spiSize: derived(u8, ({ spis }: DeletePayload) => spis[0]?.length ?? 0),
  spiCount: derived(u16, ({ spis }: DeletePayload) => spis.length),
  spis: spiList,
})
