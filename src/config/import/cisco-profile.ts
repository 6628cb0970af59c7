import { isTextProblem } from '#policy/text-problem'
import { covers, parseSelector } from '#policy/traffic-selector'
import type { CiscoEntry } from './cisco-entries.ts'
import { after, type Command } from './cisco-lines.ts'
import { maskedNetwork } from './traffic.ts'
import type { TunnelImport } from './tunnel-import.ts'

/** What `set isakmp-profile` adds in IOS: whose key it is, and who both sides say they are. */
export function ciscoProfile(
  tunnel: TunnelImport,
  peer: string,
  { statements }: CiscoEntry,
  commands: readonly Command[],
): void {
  const said = statements.find((one) => after(one, 'set', 'isakmp-profile') !== undefined)
  const name = said === undefined ? undefined : after(said, 'set', 'isakmp-profile')?.[0]
  const profile = commands.find(
    (one) => after(one, 'crypto', 'isakmp', 'profile')?.[0] === name && name !== undefined,
  )
  if (said === undefined || profile === undefined) return
  tunnel.take('psk', said.origin)
  tunnel.take('psk', profile)
  for (const line of profile.inner) {
    const [ring] = after(line, 'keyring') ?? []
    const identity = after(line, 'match', 'identity')
    const self = after(line, 'self-identity')
    if (ring !== undefined) takeKeyring(tunnel, line, ring, commands)
    else if (identity !== undefined) matched(tunnel, peer, line, identity)
    else if (self !== undefined) shown(tunnel, line, commands)
    else if (line.words[0] === 'local-address') tunnel.same(line)
  }
}

function takeKeyring(
  tunnel: TunnelImport,
  line: Command,
  ring: string,
  commands: readonly Command[],
): void {
  tunnel.take('psk', line)
  for (const keyring of commands) {
    if (after(keyring, 'crypto', 'keyring')?.[0] !== ring) continue
    tunnel.take('psk', keyring)
    for (const inner of keyring.inner) if (inner.words[0] === 'local-address') tunnel.same(inner)
  }
}

function matched(
  tunnel: TunnelImport,
  peer: string,
  line: Command,
  [kind = '', value = '', mask]: readonly string[],
): void {
  const isPeer = kind === 'address' && value === peer && (mask ?? HOST) === HOST
  if (isPeer) tunnel.same(line, 'the address is the default')
  else if (kind === 'host' && value !== 'domain')
    tunnel.set(keyOf(tunnel, 'peer-id'), `@${value}`, line)
  else if (kind === 'user' && value !== 'domain') tunnel.set(keyOf(tunnel, 'peer-id'), value, line)
  else tunnel.leave(line, 'one identity is accepted here: set peer-id where it is not the address')
}

const HOST = '255.255.255.255'

/** `self-identity {address | fqdn | user-fqdn NAME}`; the name is that of the router. */
function shown(tunnel: TunnelImport, line: Command, commands: readonly Command[]): void {
  const [, kind, user] = line.raw
  if (kind === 'address') tunnel.same(line, 'the address is the default')
  else if (kind === 'user-fqdn' && user !== undefined) tunnel.set(keyOf(tunnel, 'id'), user, line)
  else if (kind === 'fqdn') {
    const [host] = valuesOf(commands, 'hostname')
    const [domain] = [
      ...valuesOf(commands, 'ip', 'domain', 'name'),
      ...valuesOf(commands, 'ip', 'domain-name'),
    ]
    if (host === undefined || domain === undefined)
      tunnel.leave(line, 'the name of the router is not in this text: set id')
    else tunnel.set(keyOf(tunnel, 'id'), `@${host}.${domain}`, line)
  } else tunnel.leave(line, 'no identity that could be written')
}

function valuesOf(commands: readonly Command[], ...prefix: readonly string[]): readonly string[] {
  return commands.flatMap((one) => after(one, ...prefix)?.[0] ?? [])
}

/** Where the identity of a side stands in our file. */
function keyOf(tunnel: TunnelImport, side: 'id' | 'peer-id'): string {
  if (!tunnel.has('psk')) return `certificate.${side}`
  return side === 'id' || tunnel.value('ike') === 'v1-aggressive' ? side : 'peer-id.sends'
}

/** The static routes into a tunnel interface: by its name, or by a next hop in its network. */
export function routesInto(
  title: string,
  network: string | undefined,
  commands: readonly Command[],
): { readonly routes: readonly string[]; readonly origins: readonly Command[] } {
  const found = commands.flatMap((command) => {
    const [to = '', netmask = '', via = ''] = after(command, 'ip', 'route') ?? []
    const route = maskedNetwork(to, netmask, 'mask')
    const leads = via.toLowerCase() === title.toLowerCase() || isWithin(via, network)
    return route !== undefined && leads ? [{ route, command }] : []
  })
  return {
    routes: found.map(({ route }) => route),
    origins: found.map(({ command }) => command),
  }
}

function isWithin(address: string, network: string | undefined): boolean {
  if (network === undefined) return false
  const [hop, range] = [parseSelector(address), parseSelector(network)]
  return !isTextProblem(hop) && !isTextProblem(range) && covers(range, hop)
}
