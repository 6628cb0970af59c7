import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip } from '#bytes/ip'
import { IpProtocol } from '#wire/ip-protocol'
import { ipPacket } from '../../test/support/ip-packet.ts'
import { readQuotedAnswer } from './icmp-error.ts'
import { Fragment, PacketFields, readPacketFields } from './packet-fields.ts'
import { compilePair, Match, matchInbound } from './selector-match.ts'

// RFC 4301 §6.2: an ICMP error that no selector takes belongs to the SA of the packet it quotes, and to no other.

const V4 = { here: ip('10.1.0.5'), there: ip('10.2.0.7'), router: ip('192.0.2.77') }
const V6 = { here: ip('fd00:1::5'), there: ip('fd00:2::7'), router: ip('fd00:9::1') }

const selector = (address: typeof V4.here, port?: number) => ({
  family: address.includes(':') ? (6 as const) : (4 as const),
  protocol: port === undefined ? 0 : IpProtocol.udp,
  start: address,
  end: address,
  startPort: port ?? 0,
  endPort: port ?? 0xffff,
})

/** As it arrives at `here`: an error of type `type` from a router about what `here` sent. */
function report(type: number, quoted: Uint8Array, net = V4, to = net.here): Uint8Array {
  const protocol = net === V4 ? IpProtocol.icmp : IpProtocol.icmpv6
  const payload = new Uint8Array([type, 0, 0, 0, 0, 0, 0, 0, ...quoted])
  return ipPacket({ source: net.router, destination: to, protocol, payload })
}

function answerTo(packet: Uint8Array): PacketFields | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const fields = new PacketFields()
  assert.equal(readPacketFields(view, 0, packet.length, fields), true)
  const answer = new PacketFields()
  return readQuotedAnswer(view, 0, fields, answer) ? answer : undefined
}

function isOfPair(packet: Uint8Array, net = V4, ports?: readonly [number, number]): boolean {
  const pair = compilePair({
    local: selector(net.here, ports?.[0]),
    remote: selector(net.there, ports?.[1]),
  })
  const answer = answerTo(packet)
  return answer !== undefined && matchInbound(pair, answer) === Match.yes
}

for (const [what, net, types] of [
  ['IPv4', V4, [3, 11, 12]],
  ['IPv6', V6, [1, 2, 3, 4]],
] as const) {
  test(`an error about a packet of the SA belongs to it: ${what}`, () => {
    const sent = ipPacket({ source: net.here, destination: net.there })
    for (const type of types) assert.ok(isOfPair(report(type, sent, net), net), `type ${type}`)
  })

  test(`eight octets behind the quoted header are enough: ${what}`, () => {
    const sent = ipPacket({ source: net.here, destination: net.there })
    const quoted = sent.subarray(0, (net === V4 ? 20 : 40) + 8)
    assert.ok(isOfPair(report(types[0], quoted, net), net))
  })
}

test('an error about somebody else’s packet does not slip in', () => {
  for (const [source, destination] of [
    [V4.here, ip('10.9.0.1')],
    [ip('10.9.0.1'), V4.there],
    [V4.there, V4.here],
  ] as const) {
    assert.ok(!isOfPair(report(3, ipPacket({ source, destination }))))
  }
})

test('an error goes to the source of what it quotes, or nowhere', () => {
  const sent = ipPacket({ source: V4.here, destination: V4.there })
  assert.equal(answerTo(report(3, sent, V4, ip('10.1.0.6'))), undefined)
})

test('echoes and redirects are no errors', () => {
  const sent = ipPacket({ source: V4.here, destination: V4.there })
  for (const type of [0, 5, 8]) assert.equal(answerTo(report(type, sent)), undefined)
  const sent6 = ipPacket({ source: V6.here, destination: V6.there })
  for (const type of [128, 129, 137]) assert.equal(answerTo(report(type, sent6, V6)), undefined)
})

test('quoted ports are turned round and must fit; those that are not quoted do not', () => {
  const sent = ipPacket({
    source: V4.here,
    destination: V4.there,
    sourcePort: 5000,
    destinationPort: 53,
  })
  assert.ok(isOfPair(report(3, sent), V4, [5000, 53]))
  assert.ok(!isOfPair(report(3, sent), V4, [53, 5000]))
  assert.equal(answerTo(report(3, sent.subarray(0, 20)))?.fragment, Fragment.later)
  assert.ok(!isOfPair(report(3, sent.subarray(0, 20)), V4, [5000, 53]))
})

test('survives whatever is quoted', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(V4, V6), (quoted, net) => {
      answerTo(report(3, quoted, net))
    }),
  )
})
