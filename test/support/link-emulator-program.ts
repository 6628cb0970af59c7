// A slow, lossy link between two network namespaces: a TUN device in each, and this program between them.
// link-emulator-program.ts NAMESPACE_A DEVICE_A NAMESPACE_B DEVICE_B DELAY_MS LOSS_PERCENT REORDER_PERCENT SEED DUPLICATE_PERCENT
//   LATE_EVERY LATE_BEHIND
// Says `ready`; at SIGTERM what it did, as JSON.
import { closeSync, openSync } from 'node:fs'
import { allocateArena } from '#platform/arena'
import { checked } from '#platform/errno'
import { program } from '#platform/native'
import { PollSet } from '#platform/poll'
import { openTun, type Tun } from '#platform/tun'

const PACKET_OCTETS = 65_535
const CLONE_NEWNET = 0x4000_0000
/** Packets that may be on the way in each direction; a real link's queue is bounded too. */
const MOST_WAITING = 20_000
const BURST = 64

type Waiting = { readonly due: number; readonly octets: Uint8Array }
/** A packet that waits for packet number `until`. */
type Held = { readonly until: number; readonly octets: Uint8Array }

class Direction {
  readonly #from: Tun
  readonly #to: Tun
  #queue: Waiting[] = []
  #head = 0
  #held: Held[] = []
  #taken = 0
  carried = 0
  lost = 0
  reordered = 0
  doubled = 0
  late = 0
  overflowed = 0

  constructor(from: Tun, to: Tun) {
    this.#from = from
    this.#to = to
  }

  take(now: number): void {
    for (let i = 0; i < BURST; i++) {
      const octets = this.#from.read(0, PACKET_OCTETS)
      if (octets < 0) return
      if (random() * 100 < loss) {
        this.lost++
        continue
      }
      if (this.#queue.length - this.#head >= MOST_WAITING) {
        this.overflowed++
        continue
      }
      const packet = { due: now + delay, octets: arena.octets.slice(0, octets) }
      this.#taken++
      if (lateEvery > 0 && this.#taken % lateEvery === 0) {
        this.#held.push({ until: this.#taken + lateBehind, octets: packet.octets })
        continue
      }
      const last = this.#queue.length - 1
      if (random() * 100 < reorder && last >= this.#head) {
        // Overtakes the one before.
        this.#queue.push(this.#queue[last] as Waiting)
        this.#queue[last] = packet
        this.reordered++
      } else {
        this.#queue.push(packet)
      }
      if (duplicate > 0 && random() * 100 < duplicate) {
        this.#queue.push(packet)
        this.doubled++
      }
      this.#release(packet.due)
    }
  }

  give(now: number): void {
    while (this.#head < this.#queue.length) {
      const { due, octets } = this.#queue[this.#head] as Waiting
      if (due > now) break
      this.#head++
      arena.octets.set(octets, 0)
      if (this.#to.write(0, octets.length) >= 0) this.carried++
    }
    if (this.#head < 1024) return
    this.#queue = this.#queue.slice(this.#head)
    this.#head = 0
  }

  /** Milliseconds until the next packet is due. */
  patience(now: number): number {
    const next = this.#queue[this.#head]
    return next === undefined ? 50 : Math.max(0, next.due - now)
  }

  get report(): object {
    const { carried, lost, reordered, doubled, late, overflowed } = this
    return { carried, lost, reordered, doubled, late, overflowed }
  }

  #release(due: number): void {
    for (;;) {
      const [first] = this.#held
      if (first === undefined || first.until > this.#taken) return
      this.#held.shift()
      this.#queue.push({ due, octets: first.octets })
      this.late++
    }
  }
}

const [namespaceA = '', deviceA = '', namespaceB = '', deviceB = '', ...numbers] =
  process.argv.slice(2)
const [delay = 0, loss = 0, reorder = 0, seed = 1, duplicate = 0, lateEvery = 0, lateBehind = 0] =
  numbers.map(Number)
const arena = allocateArena(65_536)
let state = seed >>> 0
const a = openIn(namespaceA, deviceA)
const b = openIn(namespaceB, deviceB)
const ways = [new Direction(a, b), new Direction(b, a)] as const
const poll = new PollSet([a.fd, b.fd])
let running = true
process.on('SIGTERM', () => {
  running = false
})
console.log('ready')
for (let turn = 0; running; turn++) {
  const before = performance.now()
  poll.wait(Math.min(ways[0].patience(before), ways[1].patience(before)))
  const now = performance.now()
  if (poll.readable(0)) ways[0].take(now)
  if (poll.readable(1)) ways[1].take(now)
  for (const way of ways) way.give(now)
  // Lets the signal in.
  if (turn % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
}
console.log(JSON.stringify({ aToB: ways[0].report, bToA: ways[1].report }))

/** A device is made in the namespace its thread is in at that moment, and stays there. */
function openIn(namespace: string, device: string): Tun {
  const setns = program.func('int setns(int fd, int type)')
  const fd = openSync(`/run/netns/${namespace}`, 'r')
  checked('setns', setns(fd, CLONE_NEWNET), namespace)
  closeSync(fd)
  return openTun(arena, device)
}

/** In 0…1, the same in every run (mulberry32). */
function random(): number {
  state = (state + 0x6d2b_79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
}
