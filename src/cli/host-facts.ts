import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { ownerText, type PortOwner, udpPortOwners } from './port-owner.ts'

/** Something about this host that a gateway needs; `note` says what to do where it is missing. */
export type HostFact = { readonly text: string; readonly ok: boolean; readonly note?: string }

const CAP_NET_BIND_SERVICE = 10
const CAP_NET_ADMIN = 12
const CAP_NET_RAW = 13
const IKE_PORTS = [500, 4500]

/** Looks, and changes nothing; what cannot be seen is left out. */
export function hostFacts(): readonly HostFact[] {
  return [portsFact(), tunFact(), capabilityFact(), clockFact(), forwardingFact()].filter(
    (fact) => fact !== undefined,
  )
}

/** Whether both ports of IKE (RFC 7296 §2, RFC 3948 §2) can be opened. */
export function portsFact(): HostFact {
  const [owner] = udpPortOwners(IKE_PORTS)
  if (owner === undefined) return { text: 'UDP 500/4500 free', ok: true }
  return { text: ownerText(owner), ok: false, note: remedyFor(owner) }
}

function remedyFor({ pid, program }: PortOwner): string {
  if (program?.startsWith('causeway') === true) return 'a gateway runs:  causeway status'
  if (program === 'charon') return 'stop it:  systemctl disable --now strongswan'
  return pid === undefined ? 'look as root:  ss -ulpn' : `see it:  ps -fp ${pid}`
}

function tunFact(): HostFact {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return { text: 'TUN usable', ok: true }
  } catch {
    const exists = existsSync('/dev/net/tun')
    return {
      text: 'TUN not usable',
      ok: false,
      note: exists
        ? 'no permission for /dev/net/tun: run as root'
        : 'no /dev/net/tun:  modprobe tun',
    }
  }
}

function capabilityFact(): HostFact | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status') ?? '')?.[1]
  if (effective === undefined) return undefined
  const set = BigInt(`0x${effective}`)
  const missing = [
    [CAP_NET_ADMIN, 'CAP_NET_ADMIN'],
    [CAP_NET_RAW, 'CAP_NET_RAW'],
    [CAP_NET_BIND_SERVICE, 'CAP_NET_BIND_SERVICE'],
  ].flatMap(([bit, name]) => (((set >> BigInt(bit ?? 0)) & 1n) === 1n ? [] : [String(name)]))
  if (missing.length === 0) return { text: 'CAP_NET_ADMIN yes', ok: true }
  return {
    text: `${missing.join(', ')} missing`,
    ok: false,
    note: 'check runs without them, `causeway run` does not: run it as root',
  }
}

/** systemd-timesyncd and chrony's helper leave this file; where neither runs, nothing is claimed. */
function clockFact(): HostFact | undefined {
  if (!existsSync('/run/systemd/timesync')) return undefined
  return existsSync('/run/systemd/timesync/synchronized')
    ? { text: 'clock synchronised', ok: true }
    : { text: 'clock not synchronised', ok: false, note: 'timedatectl set-ntp true' }
}

function forwardingFact(): HostFact | undefined {
  const value = read('/proc/sys/net/ipv4/ip_forward')?.trim()
  if (value === undefined) return undefined
  return value === '1'
    ? { text: 'forwarding on', ok: true }
    : {
        text: 'forwarding off',
        ok: false,
        note: 'hosts behind this gateway are not routed:  sysctl -w net.ipv4.ip_forward=1',
      }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
