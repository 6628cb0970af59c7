import type { Endpoint } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import {
  encodeProbe,
  PROBE_RANDOM_OCTETS,
  PROBE_SPI_OCTETS,
  type ProbeAnswer,
  readProbeAnswer,
} from '#ike/version-probe'
import { addressOfPeer } from '#policy/peer-address'
import type { Clock } from './clock.ts'

export type VersionProbesParts = {
  readonly clock: Clock
  readonly random: (octets: number) => Uint8Array
  readonly send: (octets: Uint8Array, local: Endpoint, remote: Endpoint) => void
  readonly onAnswer: (tunnels: readonly string[], answer: ProbeAnswer | 'none') => void
}

/** What came of the last probe; `none`: nothing came back in time. */
export type ProbeResult = { readonly answer: ProbeAnswer | 'none'; readonly askedAt: number }

type Peer = {
  readonly local: Endpoint
  readonly remote: Endpoint
  tunnels: readonly string[]
  dueAt: number
  asked: { readonly spi: Uint8Array; readonly at: number } | undefined
  result: ProbeResult | undefined
}

/** After the gateway has started, so that the tunnels come first; peers one after the other. */
const FIRST_AFTER = 10_000
const APART = 1_000
const EVERY = 86_400_000
const PATIENCE = 5_000

/** Asks each peer of an IKEv1 tunnel once a day, with one datagram, whether it would answer IKEv2. */
export class VersionProbes {
  readonly #parts: VersionProbesParts
  #peers = new Map<string, Peer>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: VersionProbesParts) {
    this.#parts = parts
  }

  /** What is known of peers that stay is kept, and when they are due. */
  configure({ tunnels }: Config): void {
    const before = this.#peers
    this.#peers = new Map()
    let dueAt = this.#parts.clock.now() + FIRST_AFTER
    for (const tunnel of tunnels) {
      const key = keyOf(tunnel)
      const peerAddress = addressOfPeer(tunnel)
      if (key === undefined || peerAddress === undefined) continue
      const known = this.#peers.get(key)
      if (known !== undefined) {
        known.tunnels = [...known.tunnels, tunnel.name]
        continue
      }
      const fresh: Peer = {
        local: { address: tunnel.local, port: IKE_PORT },
        remote: { address: peerAddress, port: IKE_PORT },
        tunnels: [],
        dueAt,
        asked: undefined,
        result: undefined,
      }
      const peer = before.get(key) ?? fresh
      if (peer === fresh) dueAt += APART
      peer.tunnels = [tunnel.name]
      this.#peers.set(key, peer)
    }
    this.#schedule()
  }

  /** @returns whether the datagram answered a probe of ours, and so is nobody else's */
  take(octets: Uint8Array, remote: Endpoint): boolean {
    for (const peer of this.#peers.values()) {
      if (peer.asked === undefined || peer.remote.address !== remote.address) continue
      const answer = readProbeAnswer(octets, peer.asked.spi)
      if (answer === undefined) continue
      this.#finish(peer, answer)
      return true
    }
    return false
  }

  result(tunnel: TunnelConfig): ProbeResult | undefined {
    const key = keyOf(tunnel)
    return key === undefined ? undefined : this.#peers.get(key)?.result
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#peers.clear()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const times = [...this.#peers.values()].map(nextOf)
    if (times.length === 0) return
    const wait = Math.max(0, Math.min(...times) - this.#parts.clock.now())
    this.#timer = setTimeout(() => this.#turn(), Math.min(wait, EVERY))
    this.#timer.unref()
  }

  #turn(): void {
    const now = this.#parts.clock.now()
    for (const peer of this.#peers.values()) {
      if (nextOf(peer) > now) continue
      if (peer.asked !== undefined) this.#finish(peer, 'none')
      else this.#ask(peer, now)
    }
    this.#schedule()
  }

  #ask(peer: Peer, now: number): void {
    const spi = this.#parts.random(PROBE_SPI_OCTETS)
    peer.asked = { spi, at: now }
    peer.dueAt = now + EVERY
    this.#parts.send(
      encodeProbe(spi, this.#parts.random(PROBE_RANDOM_OCTETS)),
      peer.local,
      peer.remote,
    )
  }

  #finish(peer: Peer, answer: ProbeResult['answer']): void {
    const { asked } = peer
    if (asked === undefined) return
    const changed = peer.result?.answer !== answer
    peer.asked = undefined
    peer.result = { answer, askedAt: asked.at }
    if (changed) this.#parts.onAnswer(peer.tunnels, answer)
    this.#schedule()
  }
}

const IKE_PORT = 500

function keyOf({ ike, local, peer, probeV2 }: TunnelConfig): string | undefined {
  return probeV2 && ike.startsWith('v1') ? `${local} ${peer}` : undefined
}

function nextOf({ asked, dueAt }: Peer): number {
  return asked === undefined ? dueAt : asked.at + PATIENCE
}
