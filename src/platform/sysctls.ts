import { readFileSync } from 'node:fs'
import type { IpFamily } from '#bytes/ip'

/** Whether the host forwards packets between its interfaces; a gateway that does not carries only its own traffic. */
export function forwardsPackets(family: IpFamily): boolean {
  const name = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding'
  return readSysctl(name) === 1
}

/**
 * Source validation of IPv4 packets that come in through `interfaceName` (RFC 3704): `strict` drops what would not go back the
 * same way. The kernel applies the higher of the interface's value and that of `all`.
 */
export function reversePathFilter(interfaceName: string): 'off' | 'strict' | 'loose' {
  const values = [interfaceName, 'all'].map(
    (name) => readSysctl(`net.ipv4.conf.${name}.rp_filter`) ?? 0,
  )
  const value = Math.max(...values)
  if (value === 1) return 'strict'
  return value === 2 ? 'loose' : 'off'
}

/** @param name such as `net.ipv4.ip_forward`; an interface name within may hold dots. @returns undefined when there is none. */
export function readSysctl(name: string): number | undefined {
  const interfaceName = /^(net\.ipv[46]\.conf)\.(.+)\.([^.]+)$/.exec(name)
  const parts =
    interfaceName === null
      ? name.split('.')
      : [...(interfaceName[1] ?? '').split('.'), interfaceName[2] ?? '', interfaceName[3] ?? '']
  if (parts.some((part) => part === '' || part === '..' || part.includes('/'))) return undefined
  try {
    const value = Number.parseInt(readFileSync(`/proc/sys/${parts.join('/')}`, 'utf8'), 10)
    return Number.isNaN(value) ? undefined : value
  } catch {
    return undefined
  }
}
