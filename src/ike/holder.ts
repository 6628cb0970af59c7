import { equalIdentity, type Identity } from '#policy/identity'
import type { ChildTable } from './child-table.ts'
import type { IkeSaSet } from './ike-sa-set.ts'
import type { IkeContext, IkeSa } from './version.ts'

/** Who has a tunnel: what phase 1 has proven, and the user who logged in behind it, where many share the first. */
export type Holder = { readonly identity: Identity; readonly user: string | undefined }

export function isSameHolder(a: Holder, b: Holder): boolean {
  return equalIdentity(a.identity, b.identity) && a.user === b.user
}

/**
 * A tunnel that several may take has one peer at a time: no other comes in while its IKE SA stands, and whoever comes after it gets none of its
 * Child SAs, which would carry the one's traffic to the other.
 */
export function takeOver(
  { ikeSas, children }: { readonly ikeSas: IkeSaSet; readonly children: ChildTable },
  { holder }: IkeSa,
  context: IkeContext,
): void {
  const before = ikeSas.lastHolder
  ikeSas.lastHolder = holder
  if (before === undefined || holder === undefined) return
  if (isSameHolder(before, holder)) return
  for (const child of children.all) children.remove(child, 'peer-deleted', context)
}
