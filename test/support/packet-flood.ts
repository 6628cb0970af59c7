import { join } from 'node:path'
import { startHelper } from './helper.ts'
import type { Missile } from './packet-flood-program.ts'
import type { Namespace } from './topology.ts'

/** Throws `count` packets, `perSecond` of them, the missiles in turn, into a namespace that forwards them. */
export async function floodFrom(
  namespace: Namespace,
  missiles: readonly Missile[],
  { perSecond, count }: { readonly perSecond: number; readonly count: number },
): Promise<void> {
  const program = await startHelper(
    namespace,
    PROGRAM,
    [namespace.name, DEVICE, `${perSecond}`, `${count}`, JSON.stringify(missiles)],
    'ready',
  )
  await namespace.ip(`link set ${DEVICE} up`)
  program.end()
  await program.nextLine()
}

const PROGRAM = join(import.meta.dirname, 'packet-flood-program.ts')
const DEVICE = 'flood'
