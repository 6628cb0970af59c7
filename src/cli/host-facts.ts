import { accessSync, constants, existsSync, readFileSync } from 'node:fs'

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

function portsFact(): HostFact | undefined {
  const tables = ['/proc/net/udp', '/proc/net/udp6'].map(read)
  if (tables.every((table) => table === undefined)) return undefined
  const taken = IKE_PORTS.filter((port) =>
    tables.some((table) => table !== undefined && bound(table, port)),
  )
  if (taken.length === 0) return { text: 'UDP 500/4500 free', ok: true }
  const ports = taken.join(' and ')
  return {
    text: `UDP ${ports} taken`,
    ok: false,
    note: `another IKE daemon, or this gateway, runs:  ss -ulpn 'sport = :${taken[0]}'`,
  }
}

/** Of /proc/net/udp: the second field is the local address and port, in hexadecimal. */
function bound(table: string, port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .slice(1)
    .some((line) => line.trim().split(/\s+/)[1]?.endsWith(`:${wanted}`) === true)
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
