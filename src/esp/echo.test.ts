import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip, ipFamily } from '#bytes/ip'
import { foldChecksum } from '#wire/checksum'
import { IpProtocol } from '#wire/ip-protocol'
import { ipPacket, transportSum } from '../../test/support/ip-packet.ts'
import { addressWords } from './address-words.ts'
import { EchoAnswer, EchoNews, writeEcho } from './echo.ts'
import { PacketFields, readPacketFields } from './packet-fields.ts'

const V4: readonly [IpAddress, IpAddress] = [ip('10.1.0.1'), ip('10.2.0.1')]
const V6: readonly [IpAddress, IpAddress] = [ip('fd00:1::1'), ip('fd00:2::1')]
const ID = 0x4357

/** An echo as `writeEcho` makes it. */
function echo([source, destination]: readonly [IpAddress, IpAddress], octets = 1438): Uint8Array {
  const memory = new Uint8Array(4096).fill(0xff)
  const arena = { octets: memory, view: new DataView(memory.buffer) }
  writeEcho(arena, 64, {
    family: ipFamily(source),
    source: addressWords(source),
    destination: addressWords(destination),
    hops: 1,
    identifier: ID,
    sequence: 7,
    octets,
  })
  return memory.slice(64, 64 + octets)
}

function read(packet: Uint8Array, identifier = ID): readonly [EchoNews, number] {
  const view = new DataView(packet.buffer)
  const fields = new PacketFields()
  assert.equal(readPacketFields(view, 0, packet.length, fields), true)
  const answer = new EchoAnswer()
  return [answer.read(view, 0, fields, identifier), answer.sequence]
}

for (const ends of [V4, V6]) {
  const [source, destination] = ends
  const ipv4 = ipFamily(source) === 4
  const protocol = ipv4 ? IpProtocol.icmp : IpProtocol.icmpv6
  const header = ipv4 ? 20 : 40
  const from = { source: destination, destination: source, protocol }
  const reply = Uint8Array.of(ipv4 ? 0 : 129, 0, 0, 0, ID >> 8, ID & 0xff, 0, 7)
  const exceeded = (quoted: Uint8Array): Uint8Array =>
    ipPacket({
      ...from,
      payload: Uint8Array.of(ipv4 ? 11 : 3, 0, 0, 0, 0, 0, 0, 0, ...quoted),
    })

  test(`an echo has the size asked for, right checksums and zeros: ${source}`, () => {
    const packet = echo(ends)
    const view = new DataView(packet.buffer)
    const fields = new PacketFields()
    assert.equal(readPacketFields(view, 0, packet.length, fields), true)
    assert.deepEqual(
      [fields.totalOctets, fields.protocol, fields.dontFragment],
      [1438, protocol, true],
    )
    assert.deepEqual([fields.source, fields.destination], ends.map(addressWords))
    assert.equal(packet[ipv4 ? 8 : 7], 1, 'it ends at the next router')
    if (ipv4) {
      let sum = 0
      for (let i = 20; i < packet.length; i += 2) sum += view.getUint16(i)
      assert.equal(foldChecksum(sum), 0)
    } else assert.equal(foldChecksum(transportSum(packet)), 0)
    assert.ok(packet.subarray(header + 8).every((octet) => octet === 0))
  })

  test(`a reply shows both ways, in fragments too: ${source}`, () => {
    assert.deepEqual(read(ipPacket({ ...from, payload: reply })), [EchoNews.back, 7])
    const cut = ipPacket({ ...from, payload: reply, moreFragments: true })
    assert.deepEqual(read(cut), [EchoNews.back, 7])
    const later = ipPacket({ ...from, payload: reply, fragmentOffset: 8 })
    assert.deepEqual(read(later)[0], EchoNews.none)
  })

  test(`a router at which it ended has seen it: ${source}`, () => {
    assert.deepEqual(read(exceeded(echo(ends).subarray(0, header + 8))), [EchoNews.across, 7])
  })

  test(`others’ echoes, other errors and short quotations say nothing: ${source}`, () => {
    assert.equal(read(ipPacket({ ...from, payload: reply }), 1)[0], EchoNews.none)
    assert.equal(read(echo(ends))[0], EchoNews.none, 'a request is no answer')
    assert.equal(read(ipPacket({ ...from, payload: reply.subarray(0, 7) }))[0], EchoNews.none)
    const whole = echo(ends).subarray(0, header + 8)
    for (let octets = 0; octets < whole.length; octets++)
      assert.equal(read(exceeded(whole.subarray(0, octets)))[0], EchoNews.none, `${octets} quoted`)
    const tcp = whole.slice()
    tcp[ipv4 ? 9 : 6] = 6
    assert.equal(read(exceeded(tcp))[0], EchoNews.none)
    if (!ipv4) return
    const options = whole.slice()
    options[0] = 0x4f
    assert.equal(read(exceeded(options))[0], EchoNews.none, 'a header longer than what is quoted')
  })
}
