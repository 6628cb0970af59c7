import type { Config } from '#config/config'
import type { PortHolder } from '#platform/port-holders'
import type { HostLook } from './host-look.ts'

/** Something about this host that a gateway needs; `note` says what to do where it is missing. */
export type HostFact = { readonly text: string; readonly ok: boolean; readonly note?: string }

export function hostFacts(look: HostLook, config: Config | undefined): readonly HostFact[] {
  return [
    portsFact(look.holders, config),
    tunFact(look),
    capabilityFact(look),
    clockFact(look),
    forwardingFact(look, config),
  ].filter((fact) => fact !== undefined)
}

/** Whether both ports of IKE can be opened; with a configuration, on the addresses it names. */
function portsFact(holders: readonly PortHolder[], config?: Config): HostFact {
  const used = config === undefined ? undefined : new Set(config.tunnels.map(({ local }) => local))
  const [holder] = holders.filter(
    ({ address }) => used === undefined || EVERY_ADDRESS.has(address) || used.has(address),
  )
  if (holder === undefined) return { text: 'UDP 500/4500 free', ok: true }
  return { text: holderText(holder), ok: false, note: remedyFor(holder) }
}

/** `UDP 500 is taken by charon (pid 812)`. */
function holderText({ port, pid, process }: PortHolder): string {
  const who = pid === undefined ? 'another process' : `${process} (pid ${pid})`
  return `UDP ${port} is taken by ${who}`
}

function remedyFor({ pid, process }: PortHolder): string {
  if (process?.startsWith('causeway') === true) return 'a gateway runs:  causeway status'
  if (process === 'charon') return 'stop it:  systemctl disable --now strongswan'
  if (process === 'pluto') return 'stop it:  systemctl disable --now ipsec'
  return pid === undefined ? 'look as root:  ss -ulpn' : `see it:  ps -fp ${pid}`
}

function tunFact({ tun }: HostLook): HostFact {
  if (tun === 'usable') return { text: 'TUN usable', ok: true }
  return {
    text: 'TUN not usable',
    ok: false,
    note:
      tun === 'missing'
        ? 'no /dev/net/tun:  modprobe tun'
        : 'no permission for /dev/net/tun: run as root',
  }
}

function capabilityFact({ capabilities }: HostLook): HostFact | undefined {
  if (capabilities === undefined) return undefined
  const { netAdmin, netRaw, netBindService } = capabilities
  const missing = [
    netAdmin ? [] : ['CAP_NET_ADMIN'],
    netRaw ? [] : ['CAP_NET_RAW'],
    netBindService ? [] : ['CAP_NET_BIND_SERVICE'],
  ].flat()
  if (missing.length === 0) return { text: 'CAP_NET_ADMIN yes', ok: true }
  return {
    text: `${missing.join(', ')} missing`,
    ok: false,
    note: 'check runs without them, `causeway run` does not: run it as root',
  }
}

function clockFact({ clockSynchronised }: HostLook): HostFact | undefined {
  if (clockSynchronised === undefined) return undefined
  return clockSynchronised
    ? { text: 'clock synchronised', ok: true }
    : {
        text: 'clock not synchronised',
        ok: false,
        note: 'certificates and logs depend on it:  timedatectl set-ntp true',
      }
}

/** Only where a tunnel carries more than this host's own traffic. */
function forwardingFact({ forwards }: HostLook, config: Config | undefined): HostFact | undefined {
  const networks = config?.tunnels.flatMap((tunnel) => tunnel.networks) ?? []
  const families = ([4, 6] as const).filter((family) =>
    networks.some(({ local }) => local.family === family && local.start !== local.end),
  )
  const [off] = families.filter((family) => !forwards[family])
  if (off === undefined) {
    return families.length === 0 ? undefined : { text: 'forwarding on', ok: true }
  }
  const name = off === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding'
  return {
    text: `forwarding off (IPv${off})`,
    ok: false,
    note: `hosts behind this gateway are not routed:  sysctl -w ${name}=1`,
  }
}

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
