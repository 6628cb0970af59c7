import { lookup } from 'node:dns/promises'
import { type IpAddress, parseIp } from '#bytes/ip'

/** The addresses a host name leads to, in the order they are to be preferred; rejects where there are none. */
export type Lookup = (name: string) => Promise<readonly IpAddress[]>

/** As every program of this host looks names up: what `/etc/hosts`, name servers and search domains say. */
export async function lookUpName(name: string): Promise<readonly IpAddress[]> {
  const found = await lookup(name, { all: true, order: 'verbatim' })
  return found.flatMap(({ address }) => parseIp(address) ?? [])
}

/** Why a lookup failed, in the operator's words (getaddrinfo(3)). */
export function lookupTrouble(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code === 'ENOTFOUND') return 'there is no such name, or it has no address (ENOTFOUND)'
  if (code === 'EAI_AGAIN') return 'no name server answers (EAI_AGAIN)'
  return code ?? (error instanceof Error ? error.message : String(error))
}
