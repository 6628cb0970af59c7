import type { HostSink } from '#esp/coalesced-packet'
import { Segmentation } from '#esp/segmentation'
import type { Tun, TunOffloads } from '#platform/tun'
import {
  VIRTIO_HEADER_OCTETS,
  VirtioGso,
  virtioGsoType,
  writePlainVirtioHeader,
} from '#wire/virtio-net'
import type { Events } from './events.ts'
import type { TunnelCounter } from './messages.ts'
import type { PacketMemory } from './packet-memory.ts'

const EINVAL = 22

/** Where packets are counted that the host does not take. */
export type LossCount = {
  readonly counters: Float64Array
  readonly field: (typeof TunnelCounter)['notSent' | 'notTaken']
}

/** The way into the host: a TUN device with virtio headers, which takes several packets of a flow as one. */
export class TunSink implements HostSink {
  takesTcp: boolean
  takesUdp: boolean
  readonly #tun: Tun
  readonly #memory: PacketMemory
  readonly #events: Events
  readonly #lost: LossCount

  constructor(
    tun: Tun,
    offloads: TunOffloads,
    memory: PacketMemory,
    events: Events,
    lost: LossCount,
  ) {
    this.#tun = tun
    this.#memory = memory
    this.#events = events
    this.#lost = lost
    this.takesTcp = offloads.tcp
    this.takesUdp = offloads.udp
  }

  deliver(at: number, octets: number, packets: number): void {
    const result = this.#tun.write(at, octets)
    if (result >= 0) return
    if (result === -EINVAL && packets > 1) this.#cutAgain(at, octets)
    else this.#events.countNotSent(packets, this.#lost.counters, this.#lost.field)
  }

  /** A packet of our own making at `at`; the octets before it are overwritten. */
  deliverMade(at: number, octets: number): void {
    writePlainVirtioHeader(this.#memory.arena.view, at - VIRTIO_HEADER_OCTETS)
    this.deliver(at - VIRTIO_HEADER_OCTETS, octets + VIRTIO_HEADER_OCTETS, 1)
  }

  /** Some kernels refuse merged packets they said they take (Linux 6.6.44 and others, short last segments). */
  #cutAgain(at: number, octets: number): void {
    const { arena, work, made } = this.#memory
    const tcp = virtioGsoType(arena.view, at) !== VirtioGso.udp
    if (tcp) this.takesTcp = false
    else this.takesUdp = false
    this.#events.notice(
      `${this.#tun.name}: the kernel refused a merged ${tcp ? 'TCP' : 'UDP'} packet; from now on it gets them one by one`,
    )
    const segmentation = new Segmentation(arena.view, work)
    const packet = at + VIRTIO_HEADER_OCTETS
    segmentation.read(at, packet, octets - VIRTIO_HEADER_OCTETS)
    for (let i = 0; i < segmentation.count; i++) this.deliverMade(made, segmentation.write(i, made))
  }
}

/** What was agreed on, for the log. */
export function offloadSentence(name: string, { tcp, udp }: TunOffloads): string {
  if (tcp && udp) return `${name}: segmentation offload for TCP and UDP`
  if (tcp) return `${name}: segmentation offload for TCP; for UDP this kernel has none (Linux 6.2)`
  return `${name}: the kernel offers no segmentation offload; TCP will be several times slower`
}
