import type { IpFamily } from '#bytes/ip'
import type { SelectorPair, TrafficSelector } from '#policy/traffic-selector'
import { addressWords, compareWords } from './address-words.ts'
import { Fragment, type PacketFields } from './packet-fields.ts'

/** A selector pair made ready for comparing. */
export type CompiledPair = {
  readonly family: IpFamily
  /** Start and end of the range, four words each. */
  readonly local: Uint32Array
  readonly remote: Uint32Array
  /** 0 is any. */
  readonly protocol: number
  readonly localStartPort: number
  readonly localEndPort: number
  readonly remoteStartPort: number
  readonly remoteEndPort: number
  /** False when both sides take every port, so that later fragments need no memory of their first. */
  readonly portsMatter: boolean
}

/** `unknown` is a later fragment of a packet whose ports decide. */
export const Match = { no: 0, yes: 1, unknown: 2 } as const
export type Match = (typeof Match)[keyof typeof Match]

export function compilePair({ local, remote }: SelectorPair): CompiledPair {
  return {
    family: local.family,
    local: range(local),
    remote: range(remote),
    protocol: local.protocol === 0 ? remote.protocol : local.protocol,
    localStartPort: local.startPort,
    localEndPort: local.endPort,
    remoteStartPort: remote.startPort,
    remoteEndPort: remote.endPort,
    portsMatter: !everyPort(local) || !everyPort(remote),
  }
}

/** Whether a packet about to enter the tunnel belongs to the pair. */
export function matchOutbound(pair: CompiledPair, packet: PacketFields): Match {
  if (!inRange(packet.source, pair.local) || !inRange(packet.destination, pair.remote)) {
    return Match.no
  }
  return matchUpper(pair, packet, packet.sourcePort, packet.destinationPort)
}

/** Whether a packet that came out of the tunnel belongs to the pair. */
export function matchInbound(pair: CompiledPair, packet: PacketFields): Match {
  if (!inRange(packet.source, pair.remote) || !inRange(packet.destination, pair.local)) {
    return Match.no
  }
  return matchUpper(pair, packet, packet.destinationPort, packet.sourcePort)
}

function matchUpper(
  pair: CompiledPair,
  packet: PacketFields,
  localPort: number,
  remotePort: number,
): Match {
  if (pair.family !== packet.family) return Match.no
  if (pair.protocol !== 0 && pair.protocol !== packet.protocol) return Match.no
  if (!pair.portsMatter) return Match.yes
  if (packet.fragment === Fragment.later) return Match.unknown
  const inside =
    localPort >= pair.localStartPort &&
    localPort <= pair.localEndPort &&
    remotePort >= pair.remoteStartPort &&
    remotePort <= pair.remoteEndPort
  return inside ? Match.yes : Match.no
}

function range(selector: TrafficSelector): Uint32Array {
  const words = new Uint32Array(8)
  words.set(addressWords(selector.start))
  words.set(addressWords(selector.end), 4)
  return words
}

function inRange(address: Uint32Array, bounds: Uint32Array): boolean {
  return compareWords(address, bounds, 0) >= 0 && compareWords(address, bounds, 1) <= 0
}

function everyPort(selector: TrafficSelector): boolean {
  return selector.startPort === 0 && selector.endPort === 0xffff
}
