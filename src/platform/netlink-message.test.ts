import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ip } from '#bytes/ip'
import { Attributes, decodeMessages, NetlinkRequest } from './netlink-message.ts'

describe('netlink messages', () => {
  it('carry the fixed header, then attributes padded to four octets', () => {
    const octets = new NetlinkRequest(24, 5, Uint8Array.of(2, 16, 0, 0))
      .text(3, 'lo')
      .uint32(15, 4500)
      .encode(7)
    assert.equal(
      Buffer.from(octets).toString('hex'),
      // length, type, flags, sequence, port; header; "lo\0" and its padding; 4500
      '24000000' +
        '1800' +
        '0500' +
        '07000000' +
        '00000000' +
        '02100000' +
        '07000300' +
        '6c6f0000' +
        '08000f00' +
        '94110000',
    )
  })

  it('give back every attribute that was put in', () => {
    const request = new NetlinkRequest(1, 0, new Uint8Array(12))
      .address(1, ip('2001:db8::1'))
      .text(2, 'tun0')
      .uint8(3, 200)
      .nested(8, (inner) => inner.uint32(2, 1300))
    const [message] = decodeMessages(request.encode(9))
    assert.ok(message)
    assert.deepEqual([message.type, message.sequence], [1, 9])
    const attributes = new Attributes(message.body, 12)
    assert.equal(attributes.address(1), '2001:db8::1')
    assert.equal(attributes.text(2), 'tun0')
    assert.equal(attributes.uint8(3), 200)
    assert.equal(attributes.nested(8)?.uint32(2), 1300)
    assert.equal(attributes.uint32(99), undefined)
  })

  it('come several in one datagram', () => {
    const one = new NetlinkRequest(1, 0, Uint8Array.of(1)).encode(1)
    const two = new NetlinkRequest(2, 0, Uint8Array.of(2)).encode(2)
    const both = new Uint8Array([...one, 0, 0, 0, ...two])
    assert.deepEqual(
      decodeMessages(both).map(({ type }) => type),
      [1, 2],
    )
  })

  it('never read past the end, whatever the octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), (octets) => {
        for (const { body } of decodeMessages(octets)) new Attributes(body).nested(1)
        const attributes = new Attributes(octets)
        for (let type = 0; type < 40; type++) {
          attributes.uint32(type)
          attributes.address(type)
          attributes.text(type)
        }
      }),
    )
  })
})
