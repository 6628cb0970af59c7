import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modeConfigPush, xauthReply } from '../../../test/support/ike-samples.ts'
import { decodeHeader, HEADER_OCTETS } from '../ike-header.ts'
import { MalformedMessage } from '../malformed.ts'
import { decodePayloads, encodePayloads } from './message.ts'
import { MAX_ATTRIBUTES } from './sa-payload.ts'

test('reads type, identifier and attributes of both forms', () => {
  assert.deepEqual(attributesOf(xauthReply.octets), {
    type: 'ATTR',
    message: 2,
    identifier: 0x0a0b,
    attributes: [
      { form: 'short', type: 16520, value: 0 },
      { form: 'long', type: 16521, value: new TextEncoder().encode('hugo') },
      { form: 'long', type: 16522, value: new TextEncoder().encode('sesame') },
    ],
  })
  assert.equal(attributesOf(modeConfigPush.octets)?.message, 3)
})

test('refuses more attributes than any peer sends, and one that is cut short', () => {
  const attributes = Array.from({ length: MAX_ATTRIBUTES + 1 }, () => ({
    form: 'short' as const,
    type: 1,
    value: 0,
  }))
  const payload = { type: 'ATTR' as const, message: 1, identifier: 0, attributes }
  assert.throws(() => encodePayloads([payload]), RangeError)
  const { firstPayload, octets } = encodePayloads([{ ...payload, attributes: [] }])
  const many = new Uint8Array(octets.length + 4 * (MAX_ATTRIBUTES + 1)).fill(0x80, octets.length)
  many.set(octets)
  new DataView(many.buffer).setUint16(2, many.length)
  assert.throws(() => decodePayloads(firstPayload, many, 0), MalformedMessage)
  const cut = Uint8Array.of(...octets, 0x40, 0x89, 0xff, 0xff)
  new DataView(cut.buffer).setUint16(2, cut.length)
  assert.throws(() => decodePayloads(firstPayload, cut, 0), MalformedMessage)
})

function attributesOf(octets: Uint8Array) {
  const { payloads } = decodePayloads(decodeHeader(octets).nextPayload, octets, HEADER_OCTETS)
  return payloads.map(({ payload }) => payload).find((payload) => payload.type === 'ATTR')
}
