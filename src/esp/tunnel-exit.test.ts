// What a packet keeps on its way through a tunnel, and what the way may add (RFC 4301 §5.1.2, RFC 6040).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealIpv4Header } from '#wire/ipv4'
import { link, open, packet, sealed, V4 } from '../../test/support/esp-link.ts'
import { ipPacket } from '../../test/support/ip-packet.ts'
import { InboundVerdict } from './inbound.ts'
import { SaCounter } from './sa-counters.ts'

test('congestion on the way is told to the receiver, and drops what cannot be told', () => {
  const line = link()
  const capable = ipPacket({ source: V4.here, destination: V4.there, trafficClass: 2 })
  const marked = ipPacket({ source: V4.here, destination: V4.there, trafficClass: 3 })
  assert.deepEqual(open(line, sealed(line, capable), 3), marked)
  assert.equal(open(line, sealed(line, packet()), 3), InboundVerdict.congested)
  const { counters } = line.into
  assert.deepEqual([counters[SaCounter.congested], counters[SaCounter.badPadding]], [1, 0])
})

test('the class of a packet stays as it was inside, whatever the way made of it outside', () => {
  const line = link()
  const inner = ipPacket({ source: V4.here, destination: V4.there, trafficClass: 0xb8 })
  assert.deepEqual(open(line, sealed(line, inner), 0x28), inner)
})

test('identification, don’t-fragment and time to live come out as they went in', () => {
  const line = link()
  for (const dontFragment of [true, false]) {
    const inner = ipPacket({
      source: V4.here,
      destination: V4.there,
      identification: 0xbeef,
      dontFragment,
    })
    inner[8] = 7
    sealIpv4Header(new DataView(inner.buffer), 0)
    assert.deepEqual(open(line, sealed(line, inner)), inner)
  }
})

test('fragments that went in come out as they were, where addresses alone decide', () => {
  const line = link()
  const base = { source: V4.here, destination: V4.there, identification: 9 }
  const first = ipPacket({ ...base, moreFragments: true })
  const later = ipPacket({ ...base, fragmentOffset: 3, payload: new Uint8Array(16) })
  // Without ports in the selectors no order is needed.
  assert.deepEqual(open(line, sealed(line, later)), later)
  assert.deepEqual(open(line, sealed(line, first)), first)
})
