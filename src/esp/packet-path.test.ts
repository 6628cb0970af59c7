import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip } from '#bytes/ip'
import { IpProtocol } from '#wire/ip-protocol'
import {
  AT,
  arena,
  CBC,
  CTR,
  DES,
  ESN,
  forge,
  GCM,
  link,
  OUTER,
  OUTER_6,
  octets,
  open,
  packet,
  seal,
  sealed,
  single,
  V4,
  V6,
} from '../../test/support/esp-link.ts'
import { ipPacket, transportSum } from '../../test/support/ip-packet.ts'
import { foldChecksum } from '../wire/checksum.ts'
import { InboundVerdict, noteLateness } from './inbound.ts'
import { OutboundVerdict } from './outbound.ts'
import { SaCounter } from './sa-counters.ts'
import { Expiry, SequenceCounter } from './sequence.ts'

for (const suite of [GCM, ESN, CBC, CTR, DES]) {
  test(`carries packets of every length: ${suite.encryption}, ESN ${suite.esn}`, () => {
    const line = link({ suite })
    for (let length = 0; length < 70; length++) {
      const inner = packet(length)
      const esp = sealed(line, inner)
      const { ivOctets, icvOctets, alignment } = line.out.transform
      assert.equal((esp.length - 8 - ivOctets - icvOctets) % alignment, 0)
      assert.deepEqual(open(line, esp), inner)
    }
    assert.equal(line.into.counters[SaCounter.packets], 70)
    assert.equal(line.into.counters[SaCounter.sequence], 70)
    assert.equal(line.into.counters[SaCounter.octets], line.out.counters[SaCounter.octets])
    assert.equal(line.into.counters[SaCounter.lastUsed], 2000)
  })
}

test('carries IPv6 inside', () => {
  const line = link({ selectors: { local: single(V6.here), remote: single(V6.there) } })
  const inner = ipPacket({ source: V6.here, destination: V6.there })
  assert.deepEqual(open(line, sealed(line, inner)), inner)
})

test('refuses a packet it has seen, and counts it', () => {
  const line = link()
  const esp = sealed(line, packet())
  assert.ok(open(line, esp) instanceof Uint8Array)
  assert.equal(open(line, esp), InboundVerdict.replayed)
  assert.equal(line.into.counters[SaCounter.replayed], 1)
})

test('a forged packet with a high sequence number does not move the window', () => {
  const line = link({ replayWindow: 32 })
  const first = sealed(line, packet())
  const forged = sealed(line, packet())
  forged.set([0x7f, 0xff, 0xff, 0xff], 4)
  assert.equal(open(line, forged), InboundVerdict.badIcv)
  assert.ok(open(line, first) instanceof Uint8Array)
  assert.equal(line.into.counters[SaCounter.badIcv], 1)
})

test('refuses unknown SPIs and impossible lengths before any cryptography', () => {
  const line = link({ suite: CBC })
  const esp = sealed(line, packet())
  const stranger = esp.slice()
  stranger[3] = 9
  assert.equal(open(line, stranger), InboundVerdict.unknownSpi)
  assert.equal(open(line, esp.subarray(0, 7)), InboundVerdict.malformed)
  assert.equal(open(line, esp.subarray(0, 40)), InboundVerdict.malformed)
  assert.equal(open(line, esp.subarray(0, esp.length - 1)), InboundVerdict.malformed)
  assert.equal(open(line, new Uint8Array(0)), InboundVerdict.malformed)
})

test('drops what comes out of the tunnel from outside its selectors', () => {
  const wide = { ...single(V4.here), start: ip('0.0.0.0'), end: ip('255.255.255.255') }
  const line = link({ selectors: { local: wide, remote: single(V4.there) } })
  const strict = link({ selectors: { local: single(V4.here), remote: single(V4.there) } })
  const spoofed = ipPacket({ source: ip('10.9.9.9'), destination: V4.there })
  assert.equal(open(strict, sealed(line, spoofed)), InboundVerdict.outsideSelectors)
  assert.equal(strict.into.counters[SaCounter.outsideSelectors], 1)
  assert.equal(strict.into.counters[SaCounter.packets], 0)
  const reflected = ipPacket({ source: V4.there, destination: V4.here })
  assert.equal(open(strict, sealed(line, reflected)), InboundVerdict.outsideSelectors)
})

test('later fragments pass where ports decide only behind their first', () => {
  const selectors = {
    local: single(V4.here, IpProtocol.udp),
    remote: single(V4.there, IpProtocol.udp, 53),
  }
  const line = link({ selectors })
  const base = { source: V4.here, destination: V4.there }
  const later = ipPacket({ ...base, fragmentOffset: 4 })
  assert.equal(open(line, sealed(line, later)), InboundVerdict.outsideSelectors)
  const first = ipPacket({ ...base, destinationPort: 53, moreFragments: true })
  assert.deepEqual(open(line, sealed(line, first)), first)
  assert.deepEqual(open(line, sealed(line, later)), later)
})

test('dummy packets end in silence, and traffic flow padding is cut off', () => {
  const line = link()
  assert.equal(open(line, forge(line, Uint8Array.of(1, 2, 2, 59))), InboundVerdict.dummy)
  assert.equal(line.into.counters[SaCounter.badPadding], 0)
  assert.deepEqual(
    [line.into.counters[SaCounter.dummies], line.into.counters[SaCounter.packets]],
    [1, 0],
  )
  assert.ok((line.into.counters[SaCounter.lastUsed] ?? 0) > 0, 'the peer lives')
  const inner = packet(24)
  const padded = new Uint8Array(inner.length + 200)
  padded.set(inner)
  padded.set([1, 2, 2, 4], padded.length - 4)
  assert.deepEqual(open(line, forge(line, padded)), inner)
})

test('refuses content that no sender may make', () => {
  const line = link()
  const inner = packet(24) // 48 octets
  const bad = (...trailer: number[]): void => {
    assert.equal(
      open(line, forge(line, Uint8Array.from([...inner, ...trailer]))),
      InboundVerdict.badContent,
      trailer.join(' '),
    )
  }
  bad(1, 3, 2, 4) // padding does not count up
  bad(1, 2, 255, 4) // more padding than packet
  bad(1, 2, 2, 41) // IPv4 said to be IPv6
  bad(1, 2, 2, 17) // UDP in tunnel mode
  bad(1, 2, 2, 0)
  inner[3] = 60 // total length beyond the content
  bad(1, 2, 2, 4)
  inner[0] = 0x55
  bad(1, 2, 2, 4)
  assert.equal(line.into.counters[SaCounter.badPadding], 7)
  assert.equal(open(line, forge(line, Uint8Array.of(0, 1, 1, 4))), InboundVerdict.badContent)
})

test('survives any authenticated content', () => {
  const line = link({ replayWindow: 0 })
  const transport = link({ replayWindow: 0, mode: 'transport', encapsulation: 'udp' })
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 4, maxLength: 80 }),
      fc.constantFrom(4, 41, 59, 6, 17, 1),
      fc.constantFrom(0, 1, 2, 255),
      (content, nextHeader, padding) => {
        const cut = content.slice(0, content.length & ~3)
        cut.set([padding, nextHeader], cut.length - 2)
        open(line, forge(line, cut))
        open(transport, forge(transport, cut))
      },
    ),
  )
})

test('the last sequence number is used once and never wraps', () => {
  const line = link({ sequence: new SequenceCounter(false, 0xffff_fffe) })
  assert.ok(seal(line, packet()) instanceof Uint8Array)
  assert.equal(line.out.expiry, Expiry.soft)
  assert.equal(seal(line, packet()), OutboundVerdict.exhausted)
  assert.equal(line.out.expiry, Expiry.hard)
  assert.equal(seal(line, packet()), OutboundVerdict.exhausted)
})

test('extended sequence numbers go over 2^32 and end at 2^64', () => {
  const line = link({ suite: ESN, sequence: new SequenceCounter(true, 0xffff_fffe, 0) })
  line.into.window.accept(0xffff_fffd, 0)
  for (let i = 0; i < 4; i++) assert.ok(open(line, sealed(line, packet())) instanceof Uint8Array)
  assert.equal(line.into.window.highest, 0x1_0000_0002)
  assert.equal(line.out.expiry, Expiry.none)
  const last = link({ suite: ESN, sequence: new SequenceCounter(true, 0xffff_fffe, 0xffff_ffff) })
  assert.ok(seal(last, packet()) instanceof Uint8Array)
  assert.equal(last.out.expiry, Expiry.soft)
  assert.equal(seal(last, packet()), OutboundVerdict.exhausted)
})

test('half way from the one limit of its volume to the other, an outbound SA says so', () => {
  const line = link({ volume: { soft: 96, hard: 384 } })
  const told = [0, 1, 2, 3, 4].map(() => {
    seal(line, packet(72)) // 96 octets
    return line.out.expiry
  })
  assert.deepEqual(told, [Expiry.none, Expiry.soft, Expiry.soft, Expiry.last, Expiry.hard])
})

test('a volume limit asks for a rekey, then closes the SA in both directions', () => {
  const inner = packet(72) // 96 octets
  const line = link({ volume: { soft: 96, hard: 192 } })
  assert.deepEqual(open(line, sealed(line, inner)), inner)
  assert.deepEqual([line.out.expiry, line.into.expiry], [Expiry.none, Expiry.none])
  const esp = sealed(line, inner)
  assert.deepEqual(open(line, esp), inner)
  assert.deepEqual([line.out.expiry, line.into.expiry], [Expiry.soft, Expiry.soft])
  assert.equal(seal(line, inner), OutboundVerdict.exhausted)
  assert.equal(line.out.counters[SaCounter.exhausted], 1)
  const receiver = link({ volume: { soft: 1, hard: 96 } })
  const sender = link()
  assert.deepEqual(open(receiver, sealed(sender, inner)), inner)
  assert.equal(open(receiver, sealed(sender, inner)), InboundVerdict.exhausted)
  assert.equal(receiver.into.expiry, Expiry.hard)
  assert.equal(receiver.into.counters[SaCounter.exhausted], 1)
})

for (const outer of [OUTER, OUTER_6]) {
  const selectors = { local: single(outer.local), remote: single(outer.remote) }
  test(`transport mode carries the payload and rebuilds the header: ${outer.local}`, () => {
    const line = link({ mode: 'transport', selectors, outer })
    const inner = ipPacket({ source: outer.local, destination: outer.remote, dontFragment: true })
    const esp = sealed(line, inner)
    const header = outer === OUTER ? 20 : 40
    assert.ok(esp.length < inner.length - header + 8 + 8 + 16 + 6)
    const delivered = open(line, esp)
    assert.ok(delivered instanceof Uint8Array)
    assert.deepEqual(delivered.subarray(header), inner.subarray(header))
    assert.deepEqual(delivered.subarray(header - 8), inner.subarray(header - 8))
  })

  test(`transport mode through a NAT mends the checksum: ${outer.local}`, () => {
    const line = link({ mode: 'transport', selectors, outer, encapsulation: 'udp' })
    const inner = ipPacket({ source: outer.local, destination: outer.remote })
    inner.set([0, 28, 0x12, 0x34], (outer === OUTER ? 20 : 40) + 4) // UDP length, wrong checksum
    const delivered = open(line, sealed(line, inner))
    assert.ok(delivered instanceof Uint8Array)
    assert.equal(foldChecksum(transportSum(delivered)), 0)
  })
}

test('transport mode cannot carry fragments', () => {
  const selectors = { local: single(OUTER.local), remote: single(OUTER.remote) }
  const line = link({ mode: 'transport', selectors })
  const inner = ipPacket({ source: OUTER.local, destination: OUTER.remote, moreFragments: true })
  assert.equal(seal(line, inner), OutboundVerdict.cannotCarry)
  assert.equal(line.out.counters[SaCounter.cannotCarry], 1)
})

test('how late a refused packet is counts only when it is authentic', () => {
  const line = link({ suite: DES, replayWindow: 32 })
  const [first, second, ...others] = Array.from({ length: 100 }, () => sealed(line, packet()))
  assert.ok(first && second)
  for (const esp of others) open(line, esp)
  const note = (esp: Uint8Array) => {
    assert.equal(open(line, esp), InboundVerdict.replayed)
    octets.set(esp, AT)
    noteLateness(arena, line.into, AT, esp.length)
    return line.into.counters[SaCounter.latest]
  }
  assert.equal(note(first.with(-1, (first.at(-1) ?? 0) ^ 1)), 0)
  assert.equal(note(second), 98)
  assert.equal(note(others.at(-1) ?? first), 98)
})
