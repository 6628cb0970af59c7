import { type IpAddress, parseIp } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { StatusDocument, TunnelStatus } from '#control/status'
import { isTextProblem } from '#policy/text-problem'
import { parseSelectorPair, type SelectorPair } from '#policy/traffic-selector'

/** A tunnel as `doctor` looks at it, told by a running gateway or by the configuration alone. */
export type Subject = {
  readonly name: string
  readonly local: IpAddress
  readonly peer: TunnelConfig['peer']
  /** The host name that stands for it. */
  readonly peerName?: string
  readonly interfaceName: string
  readonly networks: readonly SelectorPair[]
  /** Absent where no gateway runs. */
  readonly running?: TunnelStatus
}

/** Where the peer is, or what is known instead. */
export function whereText({ peer, peerName }: Subject): string {
  return peer === 'unresolved' ? (peerName ?? peer) : peer
}

export function subjectsOfConfig({ tunnels }: Config): readonly Subject[] {
  return tunnels.map(({ name, local, peer, peerName, interfaceName, networks }: TunnelConfig) => ({
    name,
    local,
    peer,
    ...(peerName === undefined ? {} : { peerName: peerName.name }),
    interfaceName,
    networks,
  }))
}

export function subjectsOfStatus({ tunnels }: StatusDocument): readonly Subject[] {
  return tunnels.flatMap((running) => {
    const local = parseIp(running.local)
    if (local === undefined) return []
    const networks = running.networks.flatMap(({ local: ours, remote }) => {
      const pair = parseSelectorPair(`${ours} <-> ${remote}`)
      return isTextProblem(pair) ? [] : [pair]
    })
    const { name, peerName, interface: interfaceName } = running
    const peer = parseIp(running.peer) ?? (peerName === undefined ? 'any' : 'unresolved')
    const named = peerName === undefined ? {} : { peerName: peerName.name }
    return [{ name, local, peer, ...named, interfaceName, networks, running }]
  })
}
