// Throws packets at a network namespace, as somebody would who can write any source address: a TUN device in the namespace, and this
// program behind it. packet-flood-program.ts NAMESPACE DEVICE PER_SECOND COUNT MISSILES: a JSON list of `Missile`, thrown in turn.
// Says `ready` when the device is there, begins when its standard input ends, and says `done` after COUNT.
import { closeSync, openSync } from 'node:fs'
import { allocateArena } from '#platform/arena'
import { checked } from '#platform/errno'
import { program } from '#platform/native'
import { openTun, type Tun } from '#platform/tun'

/** An IP packet in hex; the octets from the first of `other` to before the second are others each time. */
export type Missile = { readonly packet: string; readonly other?: readonly [number, number] }

const CLONE_NEWNET = 0x4000_0000
const BURST = 64

const [namespace = '', device = '', perSecond = '0', count = '0', list = '[]'] =
  process.argv.slice(2)
const arena = allocateArena(65_536)
const tun = openIn(namespace)
const missiles = (JSON.parse(list) as readonly Missile[]).map(
  ({ packet, other: [from, behind] = [0, 0] }) => ({
    octets: Buffer.from(packet, 'hex'),
    from,
    behind,
  }),
)
let state = 1
console.log('ready')
for await (const _ of process.stdin);
const began = performance.now()
for (let thrown = 0; thrown < Number(count); ) {
  const allowed = ((performance.now() - began) / 1_000) * Number(perSecond)
  const until = Math.min(Number(count), thrown + BURST, allowed)
  for (; thrown < until; thrown++) throwOne(thrown)
  await new Promise((resolve) => setImmediate(resolve))
}
console.log('done')
process.exit(0)

function throwOne(turn: number): void {
  const missile = missiles[turn % missiles.length]
  if (missile === undefined) return
  arena.octets.set(missile.octets, 0)
  for (let at = missile.from; at < missile.behind; at++) arena.octets[at] = nextOctet()
  tun.write(0, missile.octets.length)
}

/** The same in every run (xorshift). */
function nextOctet(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return state & 0xff
}

/** A device is made in the namespace its thread is in at that moment, and stays there. */
function openIn(name: string): Tun {
  const setns = program.func('int setns(int fd, int type)')
  const fd = openSync(`/run/netns/${name}`, 'r')
  checked('setns', setns(fd, CLONE_NEWNET), name)
  closeSync(fd)
  return openTun(arena, device)
}
