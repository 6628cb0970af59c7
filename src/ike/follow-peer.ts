import { formatEndpoint } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { PathWatch } from './path-watch.ts'
import type { IkeContext } from './version.ts'

export type Followed = {
  readonly config: Pick<TunnelConfig, 'name'>
  readonly ikeSas: IkeSaSet
  readonly path: PathWatch
}

/** A NAT has put the peer elsewhere (RFC 3947 §4): its SAs go there, and the operator hears of it, at most once a minute. */
export function followPeer({ config, ikeSas, path }: Followed, context: IkeContext): void {
  const sa = ikeSas.preferred
  if (sa === undefined) return
  const { local, remote } = sa
  const { name } = config
  context.effects.push({ kind: 'move-sas', tunnel: name, local, remote })
  path.restart(context.now)
  context.rareWork.result(`moved: ${name}`, context.now, () => {
    const text = `the peer's packets come from ${formatEndpoint(remote)} now, and ours go there: a NAT before it has given it another address or port`
    context.tell({ kind: 'warning', tunnel: name, text })
    return text
  })
}
