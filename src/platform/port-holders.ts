import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type IpAddress, ipFromOctets } from '#bytes/ip'

/** A socket on a UDP port of this machine and, where we may look, the process that holds it. */
export type PortHolder = {
  /** `0.0.0.0` or `::` for all addresses. */
  readonly address: IpAddress
  readonly port: number
  readonly pid?: number
  /** Name of the process, such as `charon`. */
  readonly process?: string
}

/** Who has a UDP port in this network namespace. Processes of other users are named only for root. */
export function udpPortHolders(port: number): PortHolder[] {
  const sockets = ['/proc/net/udp', '/proc/net/udp6'].flatMap((path) => parseUdpTable(read(path)))
  const wanted = sockets.filter((socket) => socket.port === port)
  if (wanted.length === 0) return []
  const owners = socketOwners(new Set(wanted.map(({ inode }) => inode)))
  return wanted.map(({ address, inode }) => ({ address, port, ...owners.get(inode) }))
}

type UdpSocketEntry = {
  readonly address: IpAddress
  readonly port: number
  readonly inode: string
}

/** Lines of `/proc/net/udp` and `udp6`: `sl local_address:port rem_address:port st … uid timeout inode …` (proc_net(5)). */
export function parseUdpTable(text: string): UdpSocketEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const local = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(fields[1] ?? '')
    const inode = fields[9]
    if (local === null || inode === undefined) return []
    const address = ipFromOctets(addressOctets(local[1] ?? ''))
    const port = Number.parseInt(local[2] ?? '', 16)
    return address === undefined ? [] : [{ address, port, inode }]
  })
}

/** Words of four octets, each printed as a number of the (little-endian) machine. */
function addressOctets(hex: string): Uint8Array {
  const octets = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? []
  return Uint8Array.from(octets, (_, i) => octets[(i & ~3) + 3 - (i & 3)] ?? 0)
}

function socketOwners(
  inodes: ReadonlySet<string>,
): Map<string, { readonly pid: number; readonly process: string }> {
  const owners = new Map<string, { pid: number; process: string }>()
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    for (const fd of list(`/proc/${entry}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${entry}/fd/${fd}`))?.[1]
      if (inode === undefined || !inodes.has(inode)) continue
      owners.set(inode, { pid: Number(entry), process: processName(entry) })
    }
    if (owners.size === inodes.size) break
  }
  return owners
}

/** Node calls its main thread, and so its process, `node-MainThread`. */
function processName(pid: string): string {
  return read(`/proc/${pid}/comm`)
    .trim()
    .replace(/-MainThread$/, '')
}

// Processes end while we look, and others' are closed to us: what cannot be read is nothing.

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
