// Runs inside a namespace: `echo-program.ts DESTINATION COUNT INTERVAL WAIT SIZE [SOURCE]`, times in milliseconds, prints one
// line of JSON, an EchoReport. Unlike `ping` it is on every machine, and waits as long for the last reply as it is told.
import { ip, ipFamily } from '#bytes/ip'
import { allocateArena } from '#platform/arena'
import { openIcmpSocket } from '#platform/icmp-socket'
import { PollSet } from '#platform/poll'
import { prepareDestination } from '#platform/socket-address'

export type EchoReport = {
  readonly sent: number
  readonly received: number
  /** Round-trip times in milliseconds; null when nothing came back. */
  readonly rttMs: { readonly min: number; readonly average: number; readonly max: number } | null
}

const ECHO_OCTETS = 8
/** Octets of each of the two halves of the arena. */
const SLOT = 64 * 1024

const [destination = '', count = '3', interval = '50', wait = '2000', size = '56', source] =
  process.argv.slice(2)
const family = ipFamily(ip(destination))
const [request, reply] = family === 4 ? [8, 0] : [128, 129]
const arena = allocateArena(2 * SLOT)
const socket = openIcmpSocket(arena, ip(source ?? (family === 4 ? '0.0.0.0' : '::')))
const target = prepareDestination({ address: ip(destination), port: 0 })
const readable = new PollSet([socket.fd])
const identifier = process.pid & 0xffff

const sentAt = new Map<number, number>()
const times: number[] = []
let nextAt = performance.now()
let sent = 0
let endAt = Number.POSITIVE_INFINITY
while (times.length < Number(count) && performance.now() < endAt) {
  if (sent < Number(count) && performance.now() >= nextAt) {
    send()
    nextAt += Number(interval)
    if (sent === Number(count)) endAt = performance.now() + Number(wait)
  }
  const until = sent < Number(count) ? nextAt : endAt
  readable.wait(Math.max(0, until - performance.now()))
  for (let octets = socket.receive(SLOT, SLOT); octets >= 0; octets = socket.receive(SLOT, SLOT)) {
    take(SLOT, octets)
  }
}
socket.close()
process.stdout.write(`${JSON.stringify(report())}\n`)

/** One echo request (RFC 792, RFC 4443 §4.1). */
function send(): void {
  const length = ECHO_OCTETS + Number(size)
  const { octets, view } = arena
  sent += 1
  octets.fill(0x61, 0, length + 1)
  octets[length] = 0
  view.setUint32(0, request << 24)
  view.setUint16(4, identifier)
  view.setUint16(6, sent & 0xffff)
  // The kernel fills in the checksum of ICMPv6 (RFC 3542 §3.1).
  if (family === 4) view.setUint16(2, checksum(length))
  sentAt.set(sent & 0xffff, performance.now())
  socket.send(0, length, target)
}

function take(at: number, octets: number): void {
  const { view } = arena
  const icmp = family === 4 ? at + (view.getUint8(at) & 0xf) * 4 : at
  if (icmp + ECHO_OCTETS > at + octets || view.getUint8(icmp) !== reply) return
  if (view.getUint16(icmp + 4) !== identifier) return
  const sequence = view.getUint16(icmp + 6)
  const began = sentAt.get(sequence)
  if (began === undefined) return
  // A second copy of a reply counts no more.
  sentAt.delete(sequence)
  times.push(performance.now() - began)
}

/** RFC 1071. The octet behind an odd end is zero. */
function checksum(length: number): number {
  let sum = 0
  for (let i = 0; i < length; i += 2) sum += arena.view.getUint16(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function report(): EchoReport {
  if (times.length === 0) return { sent, received: 0, rttMs: null }
  const average = times.reduce((sum, time) => sum + time, 0) / times.length
  const [min, max] = [Math.min(...times), Math.max(...times)]
  const rttMs = { min: rounded(min), average: rounded(average), max: rounded(max) }
  return { sent, received: times.length, rttMs }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
