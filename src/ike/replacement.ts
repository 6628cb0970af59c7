import type { TunnelConfig } from '#config/config'
import type { EspSpi } from '#esp/sa'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import type { ChildSa, ChildTable } from './child-table.ts'
import type { Instant } from './effects.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import { preferredOf } from './preference.ts'
import type { IkeContext, IkeSa } from './version.ts'

/** An SA that another one has replaced, and when it is to be deleted. */
export type Replaced =
  | { readonly kind: 'ike-sa'; readonly sa: IkeSa; readonly clearAt: Instant }
  | { readonly kind: 'child-sa'; readonly child: ChildSa; readonly clearAt: Instant }

/**
 * Once the peer has had time to move over, the initiator of the replacement clears away the rest. Should each side prefer the other's after all,
 * neither would; so after a longer time the one with the lower identity acts on its own view, and the other follows its deletes. (Behind a NAT the
 * two know different addresses; identities they have agreed on. Addresses decide where those are the same.)
 */
export function replacedSas({ config, ikeSas, children }: Subject): readonly Replaced[] {
  const { localId, remoteId, local, peer } = config
  const isLower = `${formatIdentity(localId)} ${local}` < `${formatExpected(remoteId)} ${peer}`
  const clearAfter = (winner: Winner): Instant => {
    if (winner.role === 'initiator') return winner.establishedAt + DRAIN
    return isLower ? winner.establishedAt + DRAIN_AT_MOST : Number.POSITIVE_INFINITY
  }
  const replaced: Replaced[] = []
  const best = preferredOf(ikeSas.established)
  for (const { sa } of ikeSas.established) {
    if (best === undefined || sa === best.sa) continue
    const { establishedAt } = best
    replaced.push({
      kind: 'ike-sa',
      sa,
      clearAt: clearAfter({ role: best.sa.role, establishedAt }),
    })
  }
  for (const child of children.draining) {
    const winners = winnersOver(child, children)
    if (winners.length > 0)
      replaced.push({ kind: 'child-sa', child, clearAt: Math.min(...winners.map(clearAfter)) })
  }
  return replaced
}

/** Deletes what another SA has replaced, once the peer had time to move over. */
export function clearReplaced(tunnel: Subject, context: IkeContext): void {
  const { ikeSas, children } = tunnel
  const spis: EspSpi[] = []
  for (const replaced of replacedSas(tunnel)) {
    if (replaced.clearAt > context.now) continue
    if (replaced.kind === 'ike-sa') {
      replaced.sa.close('rekeyed', [], context)
      continue
    }
    children.remove(replaced.child, 'rekeyed', context)
    spis.push(replaced.child.facts.inboundSpi)
  }
  ikeSas.preferred?.deleteChildren(spis, context)
}

type Subject = {
  readonly config: TunnelConfig
  readonly ikeSas: IkeSaSet
  readonly children: ChildTable
}

/** The active one, and the first that came after it: where renewals follow one another closely, the active one is always young. */
function winnersOver(child: ChildSa, children: ChildTable): readonly Winner[] {
  const { pair } = child.facts.child
  const active = children.active(pair)
  const [first] = children.all
    .filter(
      ({ facts, establishedAt }) =>
        facts.child.pair === pair && establishedAt > child.establishedAt,
    )
    .sort((a, b) => a.establishedAt - b.establishedAt)
  return [active, first].filter((winner) => winner !== undefined)
}

type Winner = { readonly role: 'initiator' | 'responder'; readonly establishedAt: Instant }

/** How long a replaced SA still receives what is on its way, in milliseconds. */
const DRAIN = 10_000
const DRAIN_AT_MOST = 60_000
