import type { CiscoEntry } from './cisco-entries.ts'
import { after, type Command } from './cisco-lines.ts'
import type { Origin } from './imported.ts'
import type { TunnelImport } from './tunnel-import.ts'

/** Main mode, unless the peer (IOS) or the crypto map (ASA) is called in Aggressive mode; with IOS that says who we are, too. */
export function ciscoMode(
  tunnel: TunnelImport,
  peer: string,
  { statements }: CiscoEntry,
  commands: readonly Command[],
): void {
  const calls = commands.filter(
    (one) => after(one, 'crypto', 'isakmp', 'peer', 'address')?.[0] === peer,
  )
  const [endpoint] = calls.flatMap(({ inner }) =>
    inner.filter((line) => after(line, 'set', 'aggressive-mode', 'client-endpoint') !== undefined),
  )
  const phase1 = statements.flatMap((one) =>
    after(one, 'set', 'ikev1', 'phase1-mode')?.[0] === 'aggressive' ? [one.origin] : [],
  )
  const isAggressive = endpoint !== undefined || phase1.length > 0
  const origins: readonly Origin[] = endpoint === undefined ? phase1 : calls
  tunnel.set('ike', isAggressive ? 'v1-aggressive' : 'v1-main', ...origins)
  if (endpoint === undefined) return
  const [kind = '', name = ''] = endpoint.raw.slice(3)
  tunnel.set('id', kind === 'fqdn' ? `@${name}` : name, endpoint)
}
