import { IpProtocol } from '#wire/ip-protocol'
import { IPV4_DF, ipv4Fragment, ipv4Identification } from '#wire/ipv4'
import {
  TCP_ACKNOWLEDGMENT,
  TCP_FLAGS_WORD,
  TCP_HEADER_OCTETS,
  TCP_PSH,
  TCP_WINDOW,
  tcpSequence,
} from '#wire/tcp'
import type { PacketFields } from './packet-fields.ts'

/** Where packets for the host go: a TUN device. */
export interface HostSink {
  /** Whether it takes merged packets, as the kernel said when it was asked. */
  readonly takesTcp: boolean
  readonly takesUdp: boolean
  /** `octets` at `at`, of which the first are a virtio header; `packets` is how many came in it. */
  deliver(at: number, octets: number, packets: number): void
}

/** A packet that grows while others of its flow arrive. One object for each place, used again and again. */
export class CoalescedPacket<Sink extends HostSink> {
  /** Where the IP packet begins. */
  readonly at: number
  sink: Sink | undefined = undefined
  ipv4 = true
  tcp = true
  /** IP and transport headers. */
  headerOctets = 0
  /** Of all, so far. */
  octets = 0
  /** Payload of the first; a shorter one ends the packet. */
  segmentOctets = 0
  count = 0
  nextSequence = 0
  /** TCP data offset and flags, with PSH of the last. */
  flags = 0
  closed = false
  #ports = 0
  #family = 4
  readonly #addresses = new Uint32Array(8)
  #identification = 0
  /** Between one IPv4 identification and the next; -1 while there is only one. */
  #identificationStep = -1
  #dontFragment = false

  constructor(at: number) {
    this.at = at
  }

  begin(view: DataView, sink: Sink, packet: PacketFields, headerOctets: number): void {
    const { at } = this
    this.sink = sink
    this.ipv4 = packet.family === 4
    this.tcp = packet.protocol === IpProtocol.tcp
    this.headerOctets = headerOctets
    this.octets = packet.totalOctets
    this.segmentOctets = packet.totalOctets - headerOctets
    this.count = 1
    this.closed = false
    this.#family = packet.family
    this.#ports = portsOf(packet)
    for (let i = 0; i < 4; i++) {
      this.#addresses[i] = packet.source[i] as number
      this.#addresses[i + 4] = packet.destination[i] as number
    }
    if (this.ipv4) {
      this.#identification = ipv4Identification(view, at)
      this.#identificationStep = -1
      this.#dontFragment = (ipv4Fragment(view, at) & IPV4_DF) !== 0
    }
    if (!this.tcp) return
    const transport = at + packet.transportAt
    this.nextSequence = (tcpSequence(view, transport) + this.segmentOctets) >>> 0
    this.flags = view.getUint16(transport + TCP_FLAGS_WORD)
    this.closed = (this.flags & TCP_PSH) !== 0
  }

  /** A payload of so many octets now stands behind the others. @param flags of its TCP header */
  extend(payload: number, flags: number): void {
    this.octets += payload
    this.count++
    this.nextSequence = (this.nextSequence + payload) >>> 0
    this.closed = payload < this.segmentOctets
    if ((flags & TCP_PSH) === 0) return
    this.flags |= TCP_PSH
    this.closed = true
  }

  isOfFlow(packet: PacketFields): boolean {
    return (
      this.#ports === portsOf(packet) &&
      (packet.protocol === IpProtocol.tcp) === this.tcp &&
      this.hasAddresses(packet)
    )
  }

  hasAddresses(packet: PacketFields): boolean {
    if (this.#family !== packet.family) return false
    const words = this.#family === 4 ? 1 : 4
    for (let i = 0; i < words; i++) {
      if (this.#addresses[i] !== packet.source[i]) return false
      if (this.#addresses[i + 4] !== packet.destination[i]) return false
    }
    return true
  }

  /** Whether everything is equal that every segment of the merged packet will have in common; flows and lengths were compared. */
  hasSameHeaders(view: DataView, at: number, packet: PacketFields): boolean {
    const mine = this.at
    if (!this.#hasSameIpHeader(view, at)) return false
    if (!this.tcp) return true
    const a = mine + packet.transportAt
    const b = at + packet.transportAt
    if (view.getUint32(a + TCP_ACKNOWLEDGMENT) !== view.getUint32(b + TCP_ACKNOWLEDGMENT)) {
      return false
    }
    const flags = view.getUint16(b + TCP_FLAGS_WORD)
    if ((this.flags & ~TCP_PSH) !== (flags & ~TCP_PSH)) return false
    if (view.getUint16(a + TCP_WINDOW) !== view.getUint16(b + TCP_WINDOW)) return false
    const options = this.headerOctets - packet.transportAt
    for (let i = TCP_HEADER_OCTETS; i < options; i += 4) {
      if (view.getUint32(a + i) !== view.getUint32(b + i)) return false
    }
    return true
  }

  /** Version, traffic class, flow label, time to live, and whether it may be fragmented. */
  #hasSameIpHeader(view: DataView, at: number): boolean {
    const mine = this.at
    if (!this.ipv4) {
      return (
        view.getUint32(mine) === view.getUint32(at) &&
        view.getUint8(mine + 7) === view.getUint8(at + 7)
      )
    }
    return (
      view.getUint16(mine) === view.getUint16(at) &&
      view.getUint16(mine + 6) === view.getUint16(at + 6) &&
      view.getUint8(mine + 8) === view.getUint8(at + 8)
    )
  }

  /**
   * Whoever cuts the packet again counts identifications up; those of packets that may not be fragmented mean nothing
   * (RFC 6864 §4.1) and may also all be equal.
   */
  continuesIdentification(identification: number): boolean {
    const step = (identification - this.#identification) & 0xffff
    if (step !== 1 && !(step === 0 && this.#dontFragment)) return false
    return this.#identificationStep < 0 || this.#identificationStep === step
  }

  takeIdentification(identification: number): void {
    this.#identificationStep = (identification - this.#identification) & 0xffff
    this.#identification = identification
  }
}

function portsOf(packet: PacketFields): number {
  return packet.sourcePort * 0x1_0000 + packet.destinationPort
}
