import { type IpAddress, ipFamily } from '#bytes/ip'
import type { IcmpReport } from '#diagnosis/icmp-text'
import { allocateArena } from '#platform/arena'
import { EMSGSIZE } from '#platform/errno'
import { openIcmpSocket } from '#platform/icmp-socket'
import { PollSet } from '#platform/poll'
import { prepareDestination } from '#platform/socket-address'
import { encodeEchoRequest, readEchoReply } from '#wire/icmp-echo'

export type EchoOptions = {
  readonly from: IpAddress
  readonly to: IpAddress
  readonly count: number
  /** Of the IP packet. */
  readonly octets: number
  /** In one piece or not at all, whatever the host believes of the path. */
  readonly whole?: boolean
  /** Milliseconds between two, and for the last one's answer. */
  readonly interval: number
  readonly patience: number
  readonly onAnswer?: (sequence: number, roundTrip: number) => void
}

export type EchoResult = {
  readonly sent: number
  readonly received: number
  /** Milliseconds, in the order the answers came. */
  readonly roundTrips: readonly number[]
  readonly icmp?: IcmpReport
  /** This host or a router said that it is too big; what would fit, 0 where that was not said. */
  readonly tooBig?: number
}

/** Sends echo requests and waits where it stands. @throws SystemError, without CAP_NET_RAW among others */
export function echo(options: EchoOptions): EchoResult {
  const { from, to, count, octets, interval, patience, whole = false } = options
  const family = ipFamily(to)
  const arena = allocateArena(2 * ROOM)
  const socket = openIcmpSocket(arena, from)
  try {
    if (whole) socket.setPathMtuDiscovery('probe')
    const destination = prepareDestination({ address: to, port: 0 })
    const ready = new PollSet([socket.fd])
    const identifier = Math.floor(Math.random() * 0x1_0000)
    const body = Math.max(octets - (family === 4 ? 20 : 40), 8)
    const sentAt: number[] = []
    const roundTrips: number[] = []
    let icmp: IcmpReport | undefined
    let tooBig: number | undefined
    const answered = new Set<number>()
    for (;;) {
      const now = performance.now()
      const last = sentAt.at(-1)
      const due = last === undefined ? now : last + interval
      if (sentAt.length < count && now >= due) {
        arena.octets.set(
          encodeEchoRequest(family, { identifier, sequence: sentAt.length }, body),
          0,
        )
        sentAt.push(performance.now())
        if (socket.send(0, body, destination) === -EMSGSIZE) tooBig ??= 0
        continue
      }
      const end = sentAt.length < count ? due : (last ?? now) + patience
      if (answered.size === count || (sentAt.length === count && now >= end)) break
      if (ready.wait(Math.max(1, end - now)) === 0) continue
      for (let length = socket.receive(ROOM, ROOM); length >= 0; ) {
        const reply = readEchoReply(family, arena.octets.subarray(ROOM, ROOM + length))
        const at = sentAt[reply?.sequence ?? -1]
        if (reply?.identifier === identifier && at !== undefined && !answered.has(reply.sequence)) {
          answered.add(reply.sequence)
          roundTrips.push(performance.now() - at)
          options.onAnswer?.(reply.sequence, performance.now() - at)
        }
        length = socket.receive(ROOM, ROOM)
      }
      for (let error = socket.receiveError(); error !== undefined; error = socket.receiveError()) {
        if (error.errno === EMSGSIZE) tooBig = error.mtu
        else if (error.destination.address === to) icmp = error
      }
      if (tooBig !== undefined && whole) break
    }
    return {
      sent: sentAt.length,
      received: answered.size,
      roundTrips,
      ...(icmp === undefined ? {} : { icmp }),
      ...(tooBig === undefined ? {} : { tooBig }),
    }
  } finally {
    socket.close()
  }
}

const ROOM = 65_536
