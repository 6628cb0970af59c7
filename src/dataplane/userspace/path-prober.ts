import { type IpAddress, ipFamily } from '#bytes/ip'
import { addressWords, compareWords } from '#esp/address-words'
import { ECHO_HEADER_OCTETS, writeEcho } from '#esp/echo'
import { innerMtu } from '#esp/mtu'
import { PacketFields, readPacketFields } from '#esp/packet-fields'
import { listAddresses } from '#platform/addresses'
import { EMSGSIZE } from '#platform/errno'
import { withNetlink } from '#platform/netlink'
import { IPV6_HEADER_OCTETS } from '#wire/ipv6'
import { ECHO_IDENTIFIER } from './echo-watch.ts'
import type { Events } from './events.ts'
import { TunnelCounter } from './messages.ts'
import type { PacketMemory } from './packet-memory.ts'
import { probeEnds } from './probe-ends.ts'
import type { Sender } from './sender.ts'
import type { OutboundSlot, Tunnel } from './tunnel.ts'

/** How long the host's addresses are taken to stay as they are. */
const ADDRESS_LIFE_MS = 30_000
/** Asks what the path of a tunnel carries by ICMP echoes through it. */
export class PathProber {
  readonly #memory: PacketMemory
  readonly #events: Events
  readonly #sender: Sender
  readonly #fields = new PacketFields()
  #own: readonly IpAddress[] = []
  #ownUntil = 0

  constructor(memory: PacketMemory, events: Events, sender: Sender) {
    this.#memory = memory
    this.#events = events
    this.#sender = sender
  }

  /** Sends one whose outer packet has `octets`, or says that it cannot. */
  probe(tunnel: Tunnel, id: number, octets: number, now: number): void {
    const tell = (came: 'too-big' | 'impossible'): void =>
      this.#events.emit({ kind: 'path-probed', tunnel: tunnel.settings.name, id, came })
    for (const { current } of tunnel.pairs) {
      if (current === undefined) continue
      const { selectors } = current.state.sa
      const [local, remote] = [current.state.sa.local.address, current.path.remote]
      const ends = probeEnds(tunnel.settings, { selectors, local, remote }, this.#ownAt(now))
      if (ends === undefined) continue
      const { echoes } = tunnel
      echoes.expect(now)
      const { source, target, hops } = ends
      const [from, to] = [addressWords(source), addressWords(target)]
      const family = ipFamily(target)
      // Who has shown itself may be asked for an answer of the same size; who only says that packets end, says so again.
      const targets =
        echoes.shown === undefined || isSame(echoes.shown, to) ? [to] : [to, echoes.shown]
      for (const destination of targets) {
        const sent = this.#send(
          current,
          { family, source: from, destination, hops },
          id,
          octets,
          now,
        )
        if (sent >= 0) countProbe(tunnel)
        if (sent !== -EMSGSIZE) continue
        tell('too-big')
        return
      }
      return
    }
    tell('impossible')
  }

  /** @returns a negated errno, or 0 and more */
  #send(
    slot: OutboundSlot,
    ends: Pick<Parameters<typeof writeEcho>[2], 'family' | 'source' | 'destination' | 'hops'>,
    id: number,
    outer: number,
    now: number,
  ): number {
    const { arena, made } = this.#memory
    const { state, path } = slot
    const { remote, encapsulation } = path
    const octets = innerMtu(outer, ipFamily(remote), encapsulation, state.mode, state.transform)
    if (octets < IPV6_HEADER_OCTETS + ECHO_HEADER_OCTETS) return 0
    writeEcho(arena, made, { ...ends, identifier: ECHO_IDENTIFIER, sequence: id, octets })
    if (!readPacketFields(arena.view, made, octets, this.#fields)) return 0
    return this.#sender.sendAlone(slot, made, this.#fields, now, 'probe')
  }

  #ownAt(now: number): readonly IpAddress[] {
    if (now < this.#ownUntil) return this.#own
    this.#ownUntil = now + ADDRESS_LIFE_MS
    this.#own = withNetlink(listAddresses).map(({ address }) => address)
    return this.#own
  }
}

export function countProbe({ counters }: Tunnel): void {
  counters[TunnelCounter.probes] = (counters[TunnelCounter.probes] as number) + 1
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  return compareWords(a, b, 0) === 0
}
