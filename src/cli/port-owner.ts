import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Who has a UDP port open on this host; without rights to look, no more than that somebody has. */
export type PortOwner = { readonly port: number; readonly pid?: number; readonly program?: string }

/** @returns one entry for each of `ports` that is taken in our network namespace. */
export function udpPortOwners(ports: readonly number[]): readonly PortOwner[] {
  const rows = ['/proc/net/udp', '/proc/net/udp6'].flatMap((path) => socketRows(read(path) ?? ''))
  return ports.flatMap((port) => {
    const inodes = rows.filter((row) => row.port === port).map(({ inode }) => inode)
    return inodes.length === 0 ? [] : [{ port, ...ownerOf(new Set(inodes)) }]
  })
}

/** `UDP 500 is taken by charon (pid 812)`. */
export function ownerText({ port, pid, program }: PortOwner): string {
  const who = pid === undefined ? 'another process' : `${program} (pid ${pid})`
  return `UDP ${port} is taken by ${who}`
}

/** Of /proc/net/udp: field 1 is the local address and port in hexadecimal, field 9 the socket's inode. */
export function socketRows(table: string): readonly { port: number; inode: string }[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/)
      const port = fields[1]?.split(':')[1]
      const inode = fields[9]
      if (port === undefined || inode === undefined) return []
      return [{ port: Number.parseInt(port, 16), inode }]
    })
}

function ownerOf(inodes: ReadonlySet<string>): { pid: number; program: string } | undefined {
  for (const entry of list('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    for (const descriptor of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode === undefined || !inodes.has(inode)) continue
      return { pid, program: read(`/proc/${pid}/comm`)?.trim() ?? 'a process' }
    }
  }
  return undefined
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function list(path: string): readonly string[] {
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
