import { type Codec, reserved, struct, tag, u8, u16 } from '../codec.ts'
import type { AttributePayload } from './payloads.ts'
import { attributeList } from './sa-payload.ts'

/** draft-dukes-ike-mode-cfg-02 §3.2. */
export const attributePayload: Codec<AttributePayload> = struct('ATTR', {
  type: tag('ATTR'),
  message: u8,
  reserved: reserved(1, 'ignored'),
  identifier: u16,
  attributes: attributeList,
})
