import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { undoAtExit } from './leftovers.ts'
import { eventually, start, stop } from './process.ts'
import type { Topology } from './topology.ts'

export type LinkQuality = {
  /** One way, milliseconds. */
  readonly delay: number
  /** Per cent of packets, each way. */
  readonly loss: number
  /** Per cent of packets that overtake the one before them. */
  readonly reorder: number
  /** Per cent of packets that arrive twice. */
  readonly duplicate?: number
  /** Each `every`th packet is held back until `behind` later ones have come. */
  readonly late?: { readonly every: number; readonly behind: number }
  readonly seed?: number
}

export type Direction = {
  readonly carried: number
  readonly lost: number
  readonly reordered: number
  readonly doubled: number
  readonly late: number
  readonly overflowed: number
}

export type EmulatedLink = {
  /** @returns what became of the packets */
  stop(): Promise<{ readonly aToB: Direction; readonly bToA: Direction }>
}

/**
 * Puts a slow, lossy link (the kernel here may have no netem) in the place of the cable between gateway A and the middle of a
 * topology without NAT. The cable does not come back: dispose of the topology afterwards.
 */
export async function emulateLink(net: Topology, quality: LinkQuality): Promise<EmulatedLink> {
  const { gatewayA, middle } = net
  await gatewayA.ip('link del wan')
  const { delay, loss, reorder, seed = 1, duplicate = 0 } = quality
  const { every, behind } = quality.late ?? { every: 0, behind: 0 }
  const child = start(
    [
      process.execPath,
      join(import.meta.dirname, 'link-emulator-program.ts'),
      ...[gatewayA.name, 'wan', middle.name, 'site-a'],
      ...[delay, loss, reorder, seed, duplicate, every, behind].map(String),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const forget = undoAtExit(() => child.kill('SIGKILL'))
  const lines: string[] = []
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  }
  await eventually('the emulated link is there', () => lines.includes('ready'))
  const raise = (device: string, ipv4: string, ipv6: string): string[] => [
    `addr add ${ipv4} dev ${device}`,
    `addr add ${ipv6} dev ${device} nodad`,
    `link set ${device} txqueuelen 5000 up`,
  ]
  await middle.ip(...raise('site-a', '203.0.113.1/24', 'fd00:a::1/64'))
  await gatewayA.ip(
    ...raise('wan', '203.0.113.10/24', 'fd00:a::10/64'),
    'route add default via 203.0.113.1',
    'route add default via fd00:a::1',
  )
  return {
    async stop() {
      await stop(child)
      forget()
      return JSON.parse(await eventually('the emulated link has reported', () => lines[1]))
    },
  }
}
