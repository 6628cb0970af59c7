import { type IpAddress, ipFamily } from '#bytes/ip'
import { addressWords } from '#esp/address-words'
import { ECHO_HEADER_OCTETS, writeEcho } from '#esp/echo'
import { PacketFields, readPacketFields } from '#esp/packet-fields'
import { carriesEcho } from '#policy/echo-way'
import type { SelectorPair } from '#policy/traffic-selector'
import { IPV4_HEADER_OCTETS } from '#wire/ipv4'
import { IPV6_HEADER_OCTETS } from '#wire/ipv6'
import type { HostEcho } from '../port.ts'
import { HOST_ECHO_IDENTIFIER } from './echo-watch.ts'
import type { PacketMemory } from './packet-memory.ts'
import { countProbe } from './path-prober.ts'
import type { Sender } from './sender.ts'
import type { Tunnel } from './tunnel.ts'

/** Asks a host behind the other gateway whether it is there, as any host here would: by an echo that may go as far as it has to. */
export class HostAsker {
  readonly #memory: PacketMemory
  readonly #sender: Sender
  readonly #fields = new PacketFields()

  constructor(memory: PacketMemory, sender: Sender) {
    this.#memory = memory
    this.#sender = sender
  }

  ask(tunnel: Tunnel, echo: HostEcho, now: number): void {
    const { id, source, target } = echo
    const slot = tunnel.pairs
      .map(({ current }) => current)
      .find((one) => one !== undefined && carries(one.state.sa.selectors, source, target))
    if (slot === undefined) return
    tunnel.echoes.expectHost(echo, now)
    const { arena, made } = this.#memory
    const family = ipFamily(target)
    const header = family === 4 ? IPV4_HEADER_OCTETS : IPV6_HEADER_OCTETS
    const octets = header + ECHO_HEADER_OCTETS + DATA_OCTETS
    writeEcho(arena, made, {
      family,
      source: addressWords(source),
      destination: addressWords(target),
      hops: HOPS,
      identifier: HOST_ECHO_IDENTIFIER,
      sequence: id,
      octets,
    })
    if (!readPacketFields(arena.view, made, octets, this.#fields)) return
    if (this.#sender.sendAlone(slot, made, this.#fields, now, 'dont') >= 0) countProbe(tunnel)
  }
}

function carries({ local, remote }: SelectorPair, source: IpAddress, target: IpAddress): boolean {
  return carriesEcho(local, source) && carriesEcho(remote, target)
}

/** What every firewall knows as a ping. */
const DATA_OCTETS = 56
const HOPS = 64
