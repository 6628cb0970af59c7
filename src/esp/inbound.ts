import { type IpAddress, type IpFamily, ipFamily } from '#bytes/ip'
import { ESP_HEADER_OCTETS, ESP_TRAILER_OCTETS, espPacketSequence, espPacketSpi } from '#wire/esp'
import { IpProtocol } from '#wire/ip-protocol'
import { addressWords } from './address-words.ts'
import { mergeEcn } from './ecn.ts'
import type { FragmentTable } from './fragment-table.ts'
import { readQuotedAnswer } from './icmp-error.ts'
import { Fragment, PacketFields, readPacketFields } from './packet-fields.ts'
import { ReplayWindow } from './replay-window.ts'
import type { InboundSa } from './sa.ts'
import { count, SaCounter } from './sa-counters.ts'
import type { Sad } from './sad.ts'
import { type CompiledPair, compilePair, Match, matchInbound } from './selector-match.ts'
import { Expiry } from './sequence.ts'
import type { EspTransform, PacketArena } from './transform.ts'
import { rebuildIpHeader, TRANSPORT_HEADROOM } from './transport-header.ts'

/** Octets that must be free before an ESP packet: in transport mode the IP header is rebuilt there. */
export const DECAPSULATION_HEADROOM: number = TRANSPORT_HEADROOM

/** What became of an ESP packet. All but the first end in silence: no sender learns why (RFC 4303 §3.4). */
export const InboundVerdict = {
  delivered: 0,
  /** Too short for an SPI, or not of a length its SA can have made. */
  malformed: 1,
  unknownSpi: 2,
  replayed: 3,
  badIcv: 4,
  /** Authenticated, but padding, next header or the packet inside are not what RFC 4303 allows. */
  badContent: 5,
  outsideSelectors: 6,
  /** A dummy packet (RFC 4303 §2.6); authenticated, and nothing to deliver. */
  dummy: 7,
  /** The volume its SA may carry is used up. */
  exhausted: 8,
  /** Congestion was met by a packet that cannot carry the news (RFC 6040 §4.2). */
  congested: 9,
} as const
export type InboundVerdict = (typeof InboundVerdict)[keyof typeof InboundVerdict]

/** Where the inner packet lies and what it is; one object is made and refilled for each packet. */
export class OpenedPacket<State extends InboundState = InboundState> {
  offset = 0
  length = 0
  /** The SA; set as soon as it is known. Verdicts before that leave it undefined. */
  state: State | undefined = undefined
  readonly fields: PacketFields
  /** Of what an ICMP error is about. */
  readonly quoted: PacketFields = new PacketFields()
  constructor(fields: PacketFields) {
    this.fields = fields
  }
}

/** An inbound SA at work. */
export class InboundState {
  readonly sa: InboundSa
  readonly spi: number
  readonly transform: EspTransform
  readonly window: ReplayWindow
  readonly pair: CompiledPair
  readonly counters: Float64Array
  readonly tunnelMode: boolean
  /** Of the outer packet, and so of the rebuilt header in transport mode. */
  family: IpFamily = 4
  remoteAddress: Uint32Array = new Uint32Array(4)
  localAddress: Uint32Array = new Uint32Array(4)
  readonly udp: boolean
  expiry: Expiry = Expiry.none
  readonly softOctets: number
  readonly hardOctets: number

  /** @param counters `SA_COUNTER_FIELDS` long */
  constructor(sa: InboundSa, transform: EspTransform, counters: Float64Array) {
    this.sa = sa
    this.spi = sa.spi
    this.transform = transform
    this.counters = counters
    this.window = new ReplayWindow(sa.replayWindow, sa.suite.esn)
    this.pair = compilePair(sa.selectors)
    this.tunnelMode = sa.mode === 'tunnel'
    this.udp = sa.encapsulation === 'udp'
    this.setAddresses(sa.local.address, sa.remote.address)
    this.softOctets = sa.volume?.soft ?? Number.POSITIVE_INFINITY
    this.hardOctets = sa.volume?.hard ?? Number.POSITIVE_INFINITY
  }

  /** Follows the gateways to other addresses. */
  setAddresses(local: IpAddress, remote: IpAddress): void {
    this.family = ipFamily(local)
    this.localAddress = addressWords(local)
    this.remoteAddress = addressWords(remote)
  }
}

/**
 * Opens the ESP packet of `length` octets at `at`, in place, in the order of RFC 4303 §3.4. Nothing of an SA changes before the
 * packet is authenticated, but its counters. `at` must have `DECAPSULATION_HEADROOM` before it.
 * @param outerTrafficClass of the IP header it came with; 0 when it is not known
 */
export function decapsulate<State extends InboundState>(
  arena: PacketArena,
  sad: Sad<State>,
  fragments: FragmentTable,
  at: number,
  length: number,
  outerTrafficClass: number,
  now: number,
  out: OpenedPacket<State>,
): InboundVerdict {
  out.state = undefined
  const { view } = arena
  if (length < ESP_HEADER_OCTETS) return InboundVerdict.malformed
  const state = sad.find(espPacketSpi(view, at))
  if (state === undefined) return InboundVerdict.unknownSpi
  out.state = state
  const { transform, window, counters } = state
  const sealed = length - ESP_HEADER_OCTETS - transform.ivOctets - transform.icvOctets
  if (sealed < transform.alignment || sealed % transform.alignment !== 0) {
    count(counters, SaCounter.malformed)
    return InboundVerdict.malformed
  }
  const low = espPacketSequence(view, at)
  const high = window.sequenceHigh(low)
  if (!window.wouldAccept(low, high)) {
    count(counters, SaCounter.replayed)
    return InboundVerdict.replayed
  }
  if (!transform.open(at, length, high)) {
    count(counters, SaCounter.badIcv)
    return InboundVerdict.badIcv
  }
  window.accept(low, high)
  counters[SaCounter.sequence] = window.highest
  if (!withinVolume(state)) {
    count(counters, SaCounter.exhausted)
    return InboundVerdict.exhausted
  }
  const verdict = findInner(
    view,
    state,
    at + ESP_HEADER_OCTETS + transform.ivOctets,
    sealed,
    outerTrafficClass,
    out,
  )
  if (verdict !== InboundVerdict.delivered) {
    countUndelivered(counters, verdict, now)
    return verdict
  }
  if (!insideSelectors(state, out.fields, fragments, now) && !reportsOwnPacket(view, state, out)) {
    count(counters, SaCounter.outsideSelectors)
    return InboundVerdict.outsideSelectors
  }
  count(counters, SaCounter.packets)
  counters[SaCounter.octets] = (counters[SaCounter.octets] as number) + out.length
  counters[SaCounter.lastUsed] = now
  return InboundVerdict.delivered
}

/**
 * Notes how late the packet of `length` octets at `at` is, which the window has refused: only when it is authentic, so that nobody can
 * make it up. Costs a decryption, and the packet.
 */
export function noteLateness(
  { view }: PacketArena,
  { window, transform, counters }: InboundState,
  at: number,
  length: number,
): void {
  const low = espPacketSequence(view, at)
  const lateness = window.lateness(low)
  if (lateness < window.size || lateness <= (counters[SaCounter.latest] as number)) return
  if (transform.open(at, length, window.sequenceHigh(low))) counters[SaCounter.latest] = lateness
}

/** Finds the inner packet in `sealed` octets of plaintext at `at`. */
function findInner(
  view: DataView,
  state: InboundState,
  at: number,
  sealed: number,
  outerTrafficClass: number,
  out: OpenedPacket,
): InboundVerdict {
  const padding = view.getUint8(at + sealed - 2)
  const nextHeader = view.getUint8(at + sealed - 1)
  const payload = sealed - ESP_TRAILER_OCTETS - padding
  if (payload < 0 || !isCountingPadding(view, at + payload, padding)) {
    return InboundVerdict.badContent
  }
  if (nextHeader === IpProtocol.none) return InboundVerdict.dummy
  out.offset = at
  out.length = payload
  if (!state.tunnelMode) {
    const header = rebuildIpHeader(view, state, at, payload, nextHeader, outerTrafficClass)
    if (header < 0) return InboundVerdict.badContent
    out.offset = at - header
    out.length = payload + header
  } else if (nextHeader !== IpProtocol.ipv4 && nextHeader !== IpProtocol.ipv6) {
    return InboundVerdict.badContent
  }
  const { fields } = out
  if (!readPacketFields(view, out.offset, out.length, fields)) return InboundVerdict.badContent
  // What lies behind the packet's own length is traffic flow confidentiality padding (RFC 4303 §2.7).
  out.length = fields.totalOctets
  if (!state.tunnelMode) return InboundVerdict.delivered
  if ((fields.family === 4) !== (nextHeader === IpProtocol.ipv4)) return InboundVerdict.badContent
  return mergeEcn(view, at, fields.trafficClass, outerTrafficClass)
    ? InboundVerdict.delivered
    : InboundVerdict.congested
}

function countUndelivered(counters: Float64Array, verdict: InboundVerdict, now: number): void {
  if (verdict === InboundVerdict.badContent) count(counters, SaCounter.badPadding)
  if (verdict === InboundVerdict.congested) count(counters, SaCounter.congested)
  if (verdict !== InboundVerdict.dummy) return
  count(counters, SaCounter.dummies)
  // The peer lives, whatever it carries.
  counters[SaCounter.lastUsed] = now
}

/** RFC 4303 §2.4: the receiver checks padding where the cipher asks for none of its own. */
function isCountingPadding(view: DataView, at: number, octets: number): boolean {
  for (let i = 0; i < octets; i++) {
    if (view.getUint8(at + i) !== i + 1) return false
  }
  return true
}

function insideSelectors(
  state: InboundState,
  packet: PacketFields,
  fragments: FragmentTable,
  now: number,
): boolean {
  const match = matchInbound(state.pair, packet)
  if (match === Match.no) return false
  if (match === Match.unknown) return fragments.find(packet, now) === state.spi
  if (packet.fragment === Fragment.first && state.pair.portsMatter) {
    fragments.remember(packet, state.spi, now)
  }
  return true
}

/** An ICMP error from outside the selectors about a packet that went out by this SA's other half (RFC 4301 §6.2). */
function reportsOwnPacket(view: DataView, { pair }: InboundState, out: OpenedPacket): boolean {
  if (!readQuotedAnswer(view, out.offset, out.fields, out.quoted)) return false
  return matchInbound(pair, out.quoted) === Match.yes
}

function withinVolume(state: InboundState): boolean {
  const octets = state.counters[SaCounter.octets] as number
  if (octets < state.softOctets) return true
  const expiry = octets < state.hardOctets ? Expiry.soft : Expiry.hard
  if (expiry > state.expiry) state.expiry = expiry
  return expiry !== Expiry.hard
}
