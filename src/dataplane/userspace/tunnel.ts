import { ipFamily } from '#bytes/ip'
import { IPV6_MIN_MTU, innerMtu, LARGEST_ESP_SIZES, outerOctets } from '#esp/mtu'
import type { OutboundState } from '#esp/outbound'
import type { EspSpi } from '#esp/sa'
import { Spd } from '#esp/spd'
import { addAddress, listAddresses, removeAddress } from '#platform/addresses'
import { ENODEV, SystemError } from '#platform/errno'
import { changeLink } from '#platform/links'
import { withNetlink } from '#platform/netlink'
import { openTun, type Tun, type TunOffloads } from '#platform/tun'
import type { SelectorPair } from '#policy/traffic-selector'
import type { DataPlaneTunnel } from '../port.ts'
import { Echoes } from './echo-watch.ts'
import type { Events } from './events.ts'
import { TunnelCounter } from './messages.ts'
import type { OuterPath } from './outer-path.ts'
import type { PacketMemory } from './packet-memory.ts'
import { TunSink } from './tun-sink.ts'
import { WaitingPackets } from './waiting-packets.ts'

const QUEUE_PACKETS = 1000
const USUAL_MTU = 1500
/** A device takes no less (RFC 791: what every IPv4 host must take is 68; Linux agrees). */
const SMALLEST_MTU = 68

/** An outbound SA and the way its packets go. */
export type OutboundSlot = { readonly state: OutboundState; path: OuterPath }

/** One network pair of a tunnel: its outbound SAs, newest last, and what waits for one. */
export class PairSlot {
  readonly selectors: SelectorPair
  readonly waiting: WaitingPackets = new WaitingPackets()
  acquiredAt: number = Number.NEGATIVE_INFINITY
  /**
   * SPIs of inbound SAs. The other end may use one as soon as it is agreed on; the answers then come here before our outbound SA, which
   * waits for the last message of the negotiation.
   */
  readonly inboundSpis: Set<EspSpi> = new Set()
  #slots: OutboundSlot[] = []
  current: OutboundSlot | undefined

  constructor(selectors: SelectorPair) {
    this.selectors = selectors
  }

  get slots(): readonly OutboundSlot[] {
    return this.#slots
  }

  add(slot: OutboundSlot): void {
    this.#slots = [...this.#slots, slot]
    this.current = slot
  }

  /** @returns the SA that was there */
  remove(spi: EspSpi): OutboundSlot | undefined {
    const slot = this.#slots.find(({ state }) => state.sa.spi === spi)
    this.#slots = this.#slots.filter((other) => other !== slot)
    this.current = this.#slots.at(-1)
    return slot
  }
}

/** What opened packets need of a tunnel. */
export type HostSide = {
  readonly settings: Pick<DataPlaneTunnel, 'name'>
  readonly sink: TunSink
  /** The longest packet that goes through without being cut or refused. */
  readonly mtuInside: number
  readonly echoes: Echoes
}

/** One tunnel at work: its TUN device, its policy, its outbound SAs. */
export class Tunnel {
  readonly tun: Tun
  readonly offloads: TunOffloads
  readonly sink: TunSink
  readonly counters: Float64Array
  settings: DataPlaneTunnel
  pairs: readonly PairSlot[]
  spd: Spd
  /** Of the device; 0 before the first `adjustMtu`. */
  mtu = 0
  mtuInside = 0
  readonly echoes: Echoes = new Echoes()
  /** What probes have shown of the way; where they showed nothing less than the host says, infinite. */
  #limit = Number.POSITIVE_INFINITY
  /** As a new device has it. */
  #carrier = true

  /** @throws SystemError when the device cannot be made */
  constructor(
    memory: PacketMemory,
    settings: DataPlaneTunnel,
    counters: Float64Array,
    events: Events,
  ) {
    this.settings = settings
    this.counters = counters
    this.pairs = settings.pairs.map((pair) => new PairSlot(pair))
    this.spd = new Spd(settings.pairs)
    this.tun = openTun(memory.arena, settings.interfaceName, { virtioHeader: true })
    this.offloads = this.tun.enableOffloads()
    this.sink = new TunSink(this.tun, this.offloads, memory, events, {
      counters,
      field: TunnelCounter.notSent,
    })
    try {
      withNetlink((netlink) =>
        changeLink(netlink, this.tun.index, {
          ipv6LinkLocal: false,
          transmitQueue: QUEUE_PACKETS,
          alias: `causeway tunnel ${settings.name}`,
        }),
      )
      this.adjustMtu()
      this.#adjustAddresses()
      withNetlink((netlink) => changeLink(netlink, this.tun.index, { up: true }))
      this.followSas()
    } catch (error) {
      this.tun.close()
      throw error
    }
  }

  /**
   * Takes over changed settings with the device kept. Pairs that stand at the same place in both keep their SAs.
   * @returns the SAs of pairs that are gone
   */
  change(settings: DataPlaneTunnel): readonly OutboundSlot[] {
    const before = this.pairs
    this.pairs = settings.pairs.map(
      (pair, index) =>
        (isSame(before[index]?.selectors, pair) && before[index]) || new PairSlot(pair),
    )
    this.settings = settings
    this.spd = new Spd(settings.pairs)
    this.adjustMtu()
    this.#adjustAddresses()
    this.followSas()
    return before.filter((pair) => !this.pairs.includes(pair)).flatMap(({ slots }) => slots)
  }

  /** Whether routes choose what goes in, rather than the networks. */
  get isRouteBased(): boolean {
    return this.settings.routes !== undefined
  }

  /** Whether packets should be led here: what is route-based steps aside while it cannot carry them. */
  get takesPackets(): boolean {
    if (!this.isRouteBased || this.settings.routesStay === true) return true
    return this.pairs.some(
      ({ current, inboundSpis }) => current !== undefined || inboundSpis.size > 0,
    )
  }

  /** Makes the carrier of the device say whether packets are taken. @returns whether that changed */
  followSas(): boolean {
    const carrier = this.takesPackets
    if (carrier === this.#carrier) return false
    this.tun.setCarrier(carrier)
    this.#carrier = carrier
    return true
  }

  /** Outer packets may be so large at most, whatever the host says. */
  limitPath(octets: number | undefined): void {
    this.#limit = octets ?? Number.POSITIVE_INFINITY
    this.adjustMtu()
  }

  /** What there is to say of the way while there is an SA. */
  pathFacts(): { octets: number; inner: number; base: number; limit?: number } | undefined {
    let [base, octets, inner] = [0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (const { slots } of this.pairs) {
      for (const { state, path } of slots) {
        const family = ipFamily(path.remote)
        const { mode, transform } = state
        const outer = outerOctets(IPV6_MIN_MTU, family, path.encapsulation, mode, transform)
        base = Math.max(base, outer)
        octets = Math.min(octets, path.mtu)
        inner = Math.min(inner, state.innerMtu)
      }
    }
    if (base === 0) return undefined
    return { base, octets, inner, ...(Number.isFinite(this.#limit) ? { limit: this.#limit } : {}) }
  }

  /** Makes the device's MTU what its SAs can carry; tells each SA what it can carry itself. */
  adjustMtu(): void {
    const slots = this.pairs.flatMap(({ slots }) => slots)
    let inside = Number.POSITIVE_INFINITY
    for (const { state, path } of slots) {
      state.innerMtu = innerMtu(
        Math.min(path.mtu, this.#limit),
        ipFamily(path.remote),
        path.encapsulation,
        state.mode,
        state.transform,
      )
      inside = Math.min(inside, state.innerMtu)
    }
    const mtu = this.settings.mtu ?? this.#fittingMtu(slots)
    this.mtuInside = Math.min(mtu, inside)
    this.counters[TunnelCounter.mtuInside] = this.mtuInside
    if (mtu === this.mtu) return
    try {
      withNetlink((netlink) => changeLink(netlink, this.tun.index, { mtu }))
    } catch (error) {
      // Somebody removed the device; reading from it says so.
      if (!(error instanceof SystemError) || error.errno !== ENODEV) throw error
    }
    this.mtu = mtu
    this.counters[TunnelCounter.mtu] = mtu
  }

  close(): void {
    for (const pair of this.pairs) for (const { state } of pair.slots) state.transform.free()
    this.tun.close()
  }

  #adjustAddresses(): void {
    const wanted = (this.settings.addresses ?? []).map(({ address, bits }) => ({
      link: this.tun.index,
      address,
      prefixLength: bits,
    }))
    withNetlink((netlink) => {
      const present = listAddresses(netlink).filter(({ link }) => link === this.tun.index)
      for (const one of present) if (!wanted.some(isSameAs(one))) removeAddress(netlink, one)
      for (const one of wanted) if (!present.some(isSameAs(one))) addAddress(netlink, one)
    })
  }

  #fittingMtu(slots: readonly OutboundSlot[]): number {
    const { settings } = this
    const guess = innerMtu(
      USUAL_MTU,
      ipFamily(settings.remote ?? settings.local),
      'udp',
      settings.mode,
      LARGEST_ESP_SIZES,
    )
    const fitting = slots.reduce(
      (least, { state }) => Math.min(least, state.innerMtu),
      slots.length === 0 ? guess : Number.POSITIVE_INFINITY,
    )
    // Below 1280 the kernel switches IPv6 off on the device.
    const carriesIpv6 = settings.pairs.some(({ local }) => local.family === 6)
    return Math.max(fitting, carriesIpv6 ? IPV6_MIN_MTU : SMALLEST_MTU)
  }
}

function isSame(a: SelectorPair | undefined, b: SelectorPair): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function isSameAs(a: object): (b: object) => boolean {
  return (b) => JSON.stringify(a) === JSON.stringify(b)
}
