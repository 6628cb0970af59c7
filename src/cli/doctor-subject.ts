import { type IpAddress, parseIp } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { StatusDocument, TunnelStatus } from '#control/status'
import { isTextProblem } from '#policy/text-problem'
import { parseSelectorPair, type SelectorPair } from '#policy/traffic-selector'

/** A tunnel as `doctor` looks at it, told by a running gateway or by the configuration alone. */
export type Subject = {
  readonly name: string
  readonly local: IpAddress
  readonly peer: IpAddress | 'any'
  readonly interfaceName: string
  readonly networks: readonly SelectorPair[]
  /** Absent where no gateway runs. */
  readonly running?: TunnelStatus
}

export function subjectsOfConfig({ tunnels }: Config): readonly Subject[] {
  return tunnels.map(({ name, local, peer, interfaceName, networks }: TunnelConfig) => ({
    name,
    local,
    peer,
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
    const peer = parseIp(running.peer) ?? 'any'
    return [
      { name: running.name, local, peer, interfaceName: running.interface, networks, running },
    ]
  })
}
