import assert from 'node:assert/strict'
import { type IpAddress, ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { encryption, integrity } from '#crypto/registry'
import { nodeTransformFactory } from '#dataplane/userspace/node-transform'
import { FragmentTable } from '#esp/fragment-table'
import { decapsulate, InboundState, InboundVerdict, OpenedPacket } from '#esp/inbound'
import { encapsulate, OutboundState, OutboundVerdict, SealedPacket } from '#esp/outbound'
import { PacketFields, readPacketFields } from '#esp/packet-fields'
import { espSpi, type InboundSa, type OutboundSa } from '#esp/sa'
import { SA_COUNTER_FIELDS } from '#esp/sa-counters'
import { Sad } from '#esp/sad'
import type { SequenceCounter } from '#esp/sequence'
import type { EspTransformFactory, PacketArena } from '#esp/transform'
import type { EspSuite } from '#policy/proposal'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { ipPacket } from './ip-packet.ts'

export const AT = 256
export const octets: Uint8Array = new Uint8Array(8192)
export const arena: PacketArena = { octets, view: new DataView(octets.buffer) }
export const factory: EspTransformFactory = nodeTransformFactory(arena)

export const V4: Ends = { here: ip('10.1.0.5'), there: ip('10.2.0.7') }
export const V6: Ends = { here: ip('fd00:1::5'), there: ip('fd00:2::7') }
export const OUTER: Outer = { local: ip('192.0.2.1'), remote: ip('198.51.100.1') }
export const OUTER_6: Outer = { local: ip('2001:db8::1'), remote: ip('2001:db8::2') }

export const CBC: EspSuite = { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: false }
export const GCM: EspSuite = { encryption: 'aes128-gcm16', integrity: 'none', esn: false }
export const ESN: EspSuite = { encryption: 'aes256-gcm16', integrity: 'none', esn: true }
export const CTR: EspSuite = { encryption: 'aes192-ctr', integrity: 'hmac-sha1-96', esn: true }
export const DES: EspSuite = { encryption: '3des-cbc', integrity: 'hmac-md5-96', esn: false }

export type Options = {
  readonly suite?: EspSuite
  readonly mode?: 'tunnel' | 'transport'
  readonly replayWindow?: number
  readonly selectors?: SelectorPair
  readonly outer?: { readonly local: IpAddress; readonly remote: IpAddress }
  readonly encapsulation?: 'udp' | 'native'
  readonly volume?: { readonly soft: number; readonly hard: number }
  readonly sequence?: SequenceCounter
}

export const single = (address: IpAddress, protocol = 0, port?: number): TrafficSelector => ({
  family: address.includes(':') ? (6 as const) : (4 as const),
  protocol,
  start: address,
  end: address,
  startPort: port ?? 0,
  endPort: port ?? 0xffff,
})

/** Both ends of one SA: `out` at the sender, `sad` at the receiver. Addresses are the sender's view. */
export function link(options: Options = {}): Link {
  const suite = options.suite ?? GCM
  const outer = options.outer ?? OUTER
  const { keyOctets, saltOctets } = encryption(suite.encryption)
  const macOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
  const selectors = options.selectors ?? { local: single(V4.here), remote: single(V4.there) }
  const common = {
    spi: espSpi(0xc0de_0001),
    child: { tunnel: 'paris', pair: 0 },
    suite,
    mode: options.mode ?? ('tunnel' as const),
    encapsulation: options.encapsulation ?? ('native' as const),
    encryptionKey: new Secret(new Uint8Array(keyOctets + saltOctets).fill(1)),
    integrityKey: new Secret(new Uint8Array(macOctets).fill(2)),
    ...(options.volume === undefined ? {} : { volume: options.volume }),
  }
  const outbound: OutboundSa = {
    ...common,
    direction: 'outbound',
    local: { address: outer.local, port: 4500 },
    remote: { address: outer.remote, port: 4500 },
    selectors,
  }
  const inbound: InboundSa = {
    ...common,
    direction: 'inbound',
    local: outbound.remote,
    remote: outbound.local,
    selectors: { local: selectors.remote, remote: selectors.local },
    replayWindow: options.replayWindow ?? 64,
  }
  const keys = [common.encryptionKey, common.integrityKey] as const
  const out = new OutboundState(
    outbound,
    factory('outbound', suite, ...keys),
    new Float64Array(SA_COUNTER_FIELDS),
    ...(options.sequence === undefined ? [] : [options.sequence]),
  )
  const into = new InboundState(
    inbound,
    factory('inbound', suite, ...keys),
    new Float64Array(SA_COUNTER_FIELDS),
  )
  const sad = new Sad()
  sad.insert(into)
  return { out, into, sad, fragments: new FragmentTable() }
}

export type Link = {
  readonly out: OutboundState
  readonly into: InboundState
  readonly sad: Sad
  readonly fragments: FragmentTable
}

type Ends = { readonly here: IpAddress; readonly there: IpAddress }
type Outer = { readonly local: IpAddress; readonly remote: IpAddress }

/** @returns the ESP packet, or the verdict when there is none */
export function seal({ out }: Link, packet: Uint8Array): Uint8Array | OutboundVerdict {
  octets.fill(0xee)
  octets.set(packet, AT)
  const fields = new PacketFields()
  assert.equal(readPacketFields(arena.view, AT, packet.length, fields), true)
  const sealed = new SealedPacket()
  const verdict = encapsulate(arena, out, AT, fields, 1000, sealed)
  if (verdict !== OutboundVerdict.sealed) return verdict
  return octets.slice(sealed.offset, sealed.offset + sealed.length)
}

export function sealed(link: Link, packet: Uint8Array): Uint8Array {
  const esp = seal(link, packet)
  assert.ok(esp instanceof Uint8Array)
  return esp
}

/** @returns the inner packet, or the verdict when there is none */
export function open(link: Link, esp: Uint8Array, trafficClass = 0): Uint8Array | InboundVerdict {
  octets.fill(0xee)
  octets.set(esp, AT)
  const opened = new OpenedPacket(new PacketFields())
  const verdict = decapsulate(
    arena,
    link.sad,
    link.fragments,
    AT,
    esp.length,
    trafficClass,
    2000,
    opened,
  )
  if (verdict !== InboundVerdict.delivered) return verdict
  return octets.slice(opened.offset, opened.offset + opened.length)
}

/** An ESP packet over content that `encapsulate` would never make. */
export function forge({ out }: Link, content: Uint8Array): Uint8Array {
  const { transform } = out
  assert.equal(out.advance(), true)
  const length = 8 + transform.ivOctets + content.length + transform.icvOctets
  arena.view.setUint32(AT, out.sa.spi)
  arena.view.setUint32(AT + 4, out.sequence.low)
  octets.set(content, AT + 8 + transform.ivOctets)
  transform.seal(AT, length, out.sequence.high)
  return octets.slice(AT, AT + length)
}

export const packet = (payload = 64): Uint8Array =>
  ipPacket({ source: V4.here, destination: V4.there, payload: new Uint8Array(payload) })
