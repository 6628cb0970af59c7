// Runs inside a host's namespace: `pinger.ts SOURCE DESTINATION COUNT` prints one line of JSON, a PingReport. A fresh machine
// need not have a `ping` command.
import { setTimeout as pause } from 'node:timers/promises'
import { ip } from '#bytes/ip'
import { allocateArena } from '#platform/arena'
import { openIcmpSocket } from '#platform/icmp-socket'
import { PollSet } from '#platform/poll'
import { prepareDestination } from '#platform/socket-address'

export type PingReport = {
  readonly sent: number
  readonly received: number
  /** Round-trip times in milliseconds; null when nothing came back. */
  readonly rttMs: { readonly min: number; readonly average: number; readonly max: number } | null
}

const ECHO_REQUEST = 8
const ECHO_REPLY = 0
const REQUEST_OCTETS = 64
/** Octets of each of the two halves of the arena. */
const SLOT = 2048

const [source = '', destination = '', count = '5'] = process.argv.slice(2)
const arena = allocateArena(2 * SLOT)
const socket = openIcmpSocket(arena, ip(source))
const target = prepareDestination({ address: ip(destination), port: 0 })
const waiting = new PollSet([socket.fd])
const identifier = process.pid & 0xffff

const times: number[] = []
let sent = 0
for (let sequence = 1; sequence <= Number(count); sequence++) {
  if (sequence > 1) await pause(50)
  const time = echo(sequence)
  sent += 1
  if (time !== undefined) times.push(time)
}
socket.close()
const report: PingReport = {
  sent,
  received: times.length,
  rttMs:
    times.length === 0
      ? null
      : {
          min: rounded(Math.min(...times)),
          average: rounded(times.reduce((sum, time) => sum + time, 0) / times.length),
          max: rounded(Math.max(...times)),
        },
}
process.stdout.write(`${JSON.stringify(report)}\n`)

/** One echo request (RFC 792), and up to half a second for its reply. @returns milliseconds. */
function echo(sequence: number): number | undefined {
  const { octets, view } = arena
  octets.fill(0x61, 0, REQUEST_OCTETS)
  view.setUint32(0, ECHO_REQUEST << 24)
  view.setUint16(4, identifier)
  view.setUint16(6, sequence)
  view.setUint16(2, checksum(REQUEST_OCTETS))
  const start = performance.now()
  if (socket.send(0, REQUEST_OCTETS, target) < 0) return undefined
  for (;;) {
    const left = start + 500 - performance.now()
    if (left <= 0) return undefined
    waiting.wait(left)
    while (socket.receive(SLOT, SLOT) >= 0) {
      if (isReply(SLOT, sequence)) return performance.now() - start
    }
  }
}

function isReply(at: number, sequence: number): boolean {
  const { view } = arena
  const icmp = at + (view.getUint8(at) & 0xf) * 4
  return (
    view.getUint8(icmp) === ECHO_REPLY &&
    view.getUint16(icmp + 4) === identifier &&
    view.getUint16(icmp + 6) === sequence
  )
}

/** RFC 1071, over an even number of octets. */
function checksum(length: number): number {
  let sum = 0
  for (let i = 0; i < length; i += 2) sum += arena.view.getUint16(i)
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~(sum + (sum >>> 16)) & 0xffff
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
