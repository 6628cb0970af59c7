import { type IpAddress, ip, ipFamily } from '#bytes/ip'
import { type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { TunnelDraft } from './draft.ts'

/** The pairs that `networks` stands for. `any` is all of IPv4; of IPv6 too, or instead, where the interface speaks it. */
export function pairsOf({
  networks = [],
  interface: device = {},
}: Partial<TunnelDraft>): readonly SelectorPair[] {
  if (networks !== 'any') return networks
  const addresses = [...(device.address ?? []), ...(device.routes ?? [])]
  const families = addresses.map(({ address }) => ipFamily(address))
  const pairs = [everything(ip('0.0.0.0')), everything(ip('::'))]
  if (!families.includes(6)) return pairs.slice(0, 1)
  return families.includes(4) ? pairs : pairs.slice(1)
}

function everything(first: IpAddress): SelectorPair {
  const all = selectorFromPrefix(first, 0)
  return { local: all, remote: all }
}
