import type { IpAddress } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import { Engine } from '#ike/engine'
import { ikev1 } from '#ikev1/version'
import type { Moment } from '#pki/moment'
import type { BareEcdsa } from '#pki/signature-scheme'
import { addressOfPeer } from '#policy/peer-address'
import type { SimulatedGateway } from './gateway.ts'
import { CLEAN_NETWORK } from './network.ts'
import { type Meeting, type NatSides, outsideAddress } from './pairing.ts'
import { Rehearsal, type Side } from './rehearsal.ts'

/** What two configurations are rehearsed under. */
export type Circumstances = {
  readonly seed: number
  /** Share of datagrams that the network loses. */
  readonly loss: number
  readonly nat: NatSides
  /** At which certificates are judged. */
  readonly date: Moment
  /** Without it, certificates with ECDSA cannot be rehearsed. */
  readonly bareEcdsa: BareEcdsa | undefined
}

/** The two ends of one meeting in one rehearsal, by the names the operator knows them by. */
export class Scene {
  readonly rehearsal: Rehearsal
  readonly #mirrored: boolean

  /**
   * @param others every tunnel between the two gateways: each end chooses among all of its own. They only respond.
   * @param begins whether the tunnel rehearsed may begin at each end, as its file says or on its own.
   */
  constructor(
    meeting: Meeting,
    others: Readonly<Record<Side, readonly TunnelConfig[]>>,
    begins: Readonly<Record<Side, TunnelConfig['start']>>,
    circumstances: Circumstances,
  ) {
    const { seed, loss, nat, date, bareEcdsa } = circumstances
    const config = (side: Side): Config => ({
      gateway: { name: side, control: '' },
      tunnels: others[side].map((tunnel) =>
        tunnel.name === meeting[side].name
          ? { ...tunnel, start: begins[side] }
          : { ...tunnel, start: 'respond' },
      ),
    })
    // A NAT that forwards nothing stands before side a of a rehearsal.
    this.#mirrored = nat === 'b'
    const outside = nat === 'none' ? undefined : outsideOf(meeting, this.#mirrored ? 'b' : 'a')
    const forwarding = nat === 'both' ? outsideOf(meeting, 'b') : undefined
    this.rehearsal = new Rehearsal({
      seed,
      a: config(this.#mirrored ? 'b' : 'a'),
      b: config(this.#mirrored ? 'a' : 'b'),
      newEngine: (crypto) => new Engine({ versions: [ikev1], crypto }),
      conditions: { ...CLEAN_NETWORK, loss },
      ...(outside === undefined ? {} : { nat: outside }),
      ...(forwarding === undefined ? {} : { forwarding }),
    })
    for (const gateway of Object.values(this.rehearsal.gateways)) {
      gateway.date = date
      gateway.bareEcdsa = bareEcdsa
    }
  }

  /** Which side of the rehearsal an end is. */
  side(end: Side): Side {
    if (!this.#mirrored) return end
    return end === 'a' ? 'b' : 'a'
  }

  gateway(end: Side): SimulatedGateway {
    return this.rehearsal.gateways[this.side(end)]
  }
}

/** Where the other end looks for one behind a NAT; where it says nothing of it, an address for documentation. */
function outsideOf({ a, b }: Meeting, behindNat: Side): IpAddress {
  const [inside, seenBy] = behindNat === 'a' ? [a, b] : [b, a]
  return addressOfPeer(seenBy) ?? outsideAddress(inside)
}
