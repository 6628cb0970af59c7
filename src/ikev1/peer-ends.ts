import type { Endpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import type { NatVerdict } from '#ike/nat'
import type { Ends, IkeContext } from '#ike/version'
import { addressOfPeer } from '#policy/peer-address'
import { cut, unfragmentedOctets } from './fragments.ts'
import { NAT_TRAVERSAL_PORT } from './nat-traversal.ts'
import type { UdpNumbers } from './quick-proposals.ts'
import type { PeerAbilities } from './state.ts'

/** The two ends of an ISAKMP SA as they are now, and what stands between them. */
export class PeerEnds {
  readonly #config: TunnelConfig
  #local: Endpoint
  #remote: Endpoint
  #nat: NatVerdict = { local: false, remote: false }
  #forced = false
  #spoken: PeerAbilities['natTraversal'] = 'none'
  /** The peer joins fragments of IKE messages. */
  canFragment = false

  constructor(config: TunnelConfig, { local, remote }: Ends) {
    this.#config = config
    this.#local = local
    this.#remote = remote
  }

  get local(): Endpoint {
    return this.#local
  }

  get remote(): Endpoint {
    return this.#remote
  }

  get nat(): NatVerdict {
    return this.#nat
  }

  /** Whether ESP, and IKE from message 5 on, go over UDP 4500. */
  get udp(): boolean {
    return this.#nat.local || this.#nat.remote || this.#forced
  }

  /** By whose numbers Quick mode asks for ESP inside UDP, if at all. */
  get udpNumbers(): UdpNumbers {
    return this.udp && this.#spoken !== 'none' ? this.#spoken : false
  }

  /** Whether something on our side forgets us when we are quiet: a NAT, or the firewall encapsulation is forced for. */
  get needsKeepalive(): boolean {
    return this.#nat.local || this.#forced
  }

  /** Sends an IKE message, in fragments where it is too large for the path and the peer can join them. */
  send(octets: Uint8Array, { local, remote }: Ends, { effects }: IkeContext): void {
    const most = unfragmentedOctets(remote.address)
    const whole = octets.length <= most || !this.canFragment
    const parts = whole ? [octets] : cut(octets, most, phase1ExchangeType(this.#config))
    for (const part of parts) effects.push({ kind: 'send', octets: part, local, remote })
  }

  moveTo({ local, remote }: Ends): void {
    this.#local = local
    this.#remote = remote
  }

  /** From message 5 on, once a NAT is known, both ports are 4500 (RFC 3947 §4). */
  floatPort(): void {
    // Where the exchange began on that port, the peer's NAT has a port of its own for it.
    if (!this.udp || this.#local.port === NAT_TRAVERSAL_PORT) return
    this.#local = { ...this.#local, port: NAT_TRAVERSAL_PORT }
    this.#remote = { ...this.#remote, port: NAT_TRAVERSAL_PORT }
  }

  learnNat(found: NatVerdict, spoken: PeerAbilities['natTraversal'], context: IkeContext): void {
    const { name: tunnel, encapsulation } = this.#config
    this.#nat = found
    this.#spoken = spoken
    if (found.local || found.remote) context.tell({ kind: 'nat-detected', tunnel, ...found })
    if (encapsulation !== 'force') return
    this.#forced = spoken !== 'none'
    if (this.#forced) return
    const text = `${tunnel} does not know NAT traversal (RFC 3947): encapsulation: force has no effect`
    context.tell({ kind: 'warning', tunnel, text })
  }
}

function phase1ExchangeType({ ike }: TunnelConfig): number {
  return ExchangeType.number(ike === 'v1-aggressive' ? 'AGGRESSIVE' : 'IDENTITY-PROTECTION')
}

/** Where an initiator begins. @throws TypeError for a peer without an address */
export function configuredEnds(tunnel: TunnelConfig): Pick<PeerEnds, 'local' | 'remote'> {
  const { name, local } = tunnel
  const peer = addressOfPeer(tunnel)
  if (peer === undefined) throw new TypeError(`${name} has no address to call`)
  return { local: { address: local, port: 500 }, remote: { address: peer, port: 500 } }
}
