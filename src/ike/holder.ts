import { equalIdentity } from '#policy/identity'
import type { ChildTable } from './child-table.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { IkeContext, IkeSa } from './version.ts'

/**
 * A tunnel that several may take has one peer at a time: no other comes in while its IKE SA stands, and whoever comes after it gets none of its
 * Child SAs, which would carry the one's traffic to the other.
 */
export function takeOver(
  { ikeSas, children }: { readonly ikeSas: IkeSaSet; readonly children: ChildTable },
  { peerIdentity }: IkeSa,
  context: IkeContext,
): void {
  const before = ikeSas.lastHolder
  ikeSas.lastHolder = peerIdentity
  if (before === undefined || peerIdentity === undefined) return
  if (equalIdentity(before, peerIdentity)) return
  for (const child of children.all) children.remove(child, 'peer-deleted', context)
}
