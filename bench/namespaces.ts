import { undoAtExit } from '../test/support/leftovers.ts'
import { runOk } from '../test/support/process.ts'
import { Namespace } from '../test/support/topology.ts'

/** Two gateways joined by one link; the programs that measure run on the gateways themselves, as far as CPU time is concerned the hardest. */
export type Pair = { readonly a: Namespace; readonly b: Namespace; dispose(): void }

/** Outer addresses: each contender has its own pair, so that their ports do not meet. */
export const outer = (contender: number): { readonly a: string; readonly b: string } => ({
  a: `192.0.2.${10 + contender}`,
  b: `192.0.2.${110 + contender}`,
})

/** Inner addresses of a contender. */
export const inner = (contender: number): { readonly a: string; readonly b: string } => ({
  a: `10.77.${contender}.1`,
  b: `10.77.${contender}.2`,
})

let pairsMade = 0

export async function makePair(contenders: number): Promise<Pair> {
  pairsMade++
  const number = pairsMade
  const made: Namespace[] = []
  const dispose = undoAtExit(() => {
    for (const namespace of made) namespace.destroy()
  })
  const namespace = async (node: string): Promise<Namespace> => {
    const one = new Namespace(`cwbench${process.pid}-${number}${node}`)
    made.push(one)
    await runOk(['ip', 'netns', 'add', one.name])
    await one.ip('link set lo up')
    return one
  }
  const a = await namespace('a')
  const b = await namespace('b')
  await a.ip(`link add wan type veth peer name wan netns ${b.name}`)
  for (const [one, site] of [
    [a, 'a'],
    [b, 'b'],
  ] as const) {
    const addresses = Array.from({ length: contenders }, (_, index) => outer(index)[site])
    await one.ip('link set wan up', ...addresses.map((address) => `addr add ${address}/24 dev wan`))
  }
  return { a, b, dispose }
}

/**
 * veth hands long UDP packets over whole, which flatters whoever makes them: `no-uso` has the kernel cut them before the link and join
 * them behind it.
 */
export async function setLink(pair: Pair, link: 'veth' | 'no-uso'): Promise<void> {
  const flags =
    link === 'veth'
      ? ['tx-udp-segmentation', 'on', 'gro', 'off', 'rx-udp-gro-forwarding', 'off']
      : ['tx-udp-segmentation', 'off', 'gro', 'on', 'rx-udp-gro-forwarding', 'on']
  for (const one of [pair.a, pair.b]) await one.runOk(['ethtool', '-K', 'wan', ...flags])
}
