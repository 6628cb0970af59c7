import type { Input } from '#ike/effects'
import type { PathWish } from './gateway.ts'

type Side = 'a' | 'b'

/** How large packets a simulated network carries, and what the gateways' data planes say of it. */
export class SimulatedPath {
  /** Octets of outer packets, as each host's own interface has them. */
  host = 1500
  /** Larger ones vanish without a word. */
  width = 1500
  /** Whether anybody inside answers what a probe asks, in full, or only the other gateway says that it came. */
  inside: 'answers' | 'says it came' | 'is silent' = 'answers'
  readonly #limits: Record<Side, Map<string, number>> = { a: new Map(), b: new Map() }

  /** @param through whether the tunnel carries anything now; @returns undefined where nothing would be heard */
  tell(side: Side, wish: PathWish, through: boolean): Input | undefined {
    const { tunnel } = wish
    if (wish.kind === 'probe-path') {
      const { id } = wish
      if (!through || wish.octets > this.width || this.inside === 'is silent') return undefined
      const came = this.inside === 'answers' ? 'back' : 'across'
      return { kind: 'path-probed', tunnel, id, came }
    }
    const limits = this.#limits[side]
    if (wish.kind === 'limit-path') {
      if (wish.octets === undefined) limits.delete(tunnel)
      else limits.set(tunnel, wish.octets)
    }
    const limit = limits.get(tunnel)
    const inner = Math.min(this.host, limit ?? this.host) - OVERHEAD
    const base = 1344
    const path = { kind: 'path', tunnel, octets: this.host, inner, base } as const
    return limit === undefined ? path : { ...path, limit }
  }

  /** Whether an IKE message sent in one piece arrives. */
  carries(octets: number): boolean {
    return octets + IP_AND_UDP <= this.width
  }
}

/** IPv4, UDP, ESP and its trailer, with AES-GCM. */
const OVERHEAD = 62
const IP_AND_UDP = 28
