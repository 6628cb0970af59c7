import { concat } from '#bytes/concat'
import type { IpAddress } from '#bytes/ip'
import { nodeCrypto } from '#crypto/node'
import { type IcmpReport, icmpText } from '#diagnosis/icmp-text'
import { encodeProbe, PROBE_RANDOM_OCTETS, readProbeAnswer } from '#ike/version-probe'
import { listAddresses } from '#platform/addresses'
import { allocateArena } from '#platform/arena'
import { SystemError } from '#platform/errno'
import { linkByIndex } from '#platform/links'
import { withNetlink } from '#platform/netlink'
import { PollSet } from '#platform/poll'
import { routeTo } from '#platform/routes'
import { prepareDestination } from '#platform/socket-address'
import { openUdpSocket } from '#platform/udp-socket'
import { encodeMainMode, readPhase1Answer } from '#probe/phase1-question'
import { PROBED_SUITES } from '#probe/phase1-suites'
import { SuiteSearch } from '#probe/suite-search'
import type { Subject } from './doctor-subject.ts'
import { echo } from './echo.ts'
import type { StepLine } from './step-lines.ts'

/** The way to the peer, whether it is there, and how large packets may be on that way. */
export function peerSteps({ local, peer, peerName = '', running }: Subject): readonly StepLine[] {
  const own = withNetlink((netlink) =>
    listAddresses(netlink).some(({ address }) => address === local),
  )
  if (!own) {
    const text = `${local}, the tunnel's own address, is on no interface of this host`
    return [{ label: 'route', verdict: 'wrong', text, fix: 'ip address' }]
  }
  if (peer === 'any') {
    return [{ label: 'peer', verdict: 'note', text: 'may come from anywhere: nobody to ask' }]
  }
  if (peer === 'unresolved') {
    const fix = `getent ahosts ${peerName}`
    const label = 'peer'
    if (running === undefined) {
      const text = `${peerName} is looked up when the gateway runs`
      return [{ label, verdict: 'note', text, fix }]
    }
    const text = `${peerName} leads to no address: ${running.peerName?.trouble ?? 'see causeway status'}`
    return [{ label, verdict: 'wrong', text, fix }]
  }
  const path = withNetlink((netlink) => {
    const found = routeTo(netlink, peer, OUTER_MARK)
    return found && { ...found, device: linkByIndex(netlink, found.link)?.name ?? `${found.link}` }
  })
  if (path === undefined) {
    const text = `this host has no route to ${peer}`
    return [{ label: 'route', verdict: 'wrong', text, fix: `ip route get ${peer}` }]
  }
  const via = path.gateway === undefined ? 'directly' : `via ${path.gateway}`
  const other = path.source !== undefined && path.source !== local
  const route: StepLine = {
    label: 'route',
    verdict: 'ok',
    text: `${peer} ${via} dev ${path.device}, source ${local}${other ? ` (by itself the host would take ${path.source})` : ''}`,
  }
  const { steps, answersEcho } = aliveSteps(local, peer, running)
  const way = `${path.gateway === undefined ? '' : `via ${path.gateway} `}dev ${path.device}`
  return [route, ...steps, mtuStep({ local, peer, mtu: path.mtu, way, answersEcho, running })]
}

function aliveSteps(
  local: IpAddress,
  peer: IpAddress,
  running: Subject['running'],
): { readonly steps: readonly StepLine[]; readonly answersEcho: boolean } {
  const ping = tryEcho({ local, peer, octets: 84, count: 3 })
  const answersEcho = ping !== undefined && ping.received > 0
  const pinged = pingText(ping)
  const up = running?.state === 'up' ? running.ikeSas.at(-1) : undefined
  const label = 'peer alive'
  if (up !== undefined) {
    const text = `${pinged}; IKE is up with ${up.remote}`
    return { steps: [{ label, verdict: 'ok', text }], answersEcho }
  }
  const ports = [500, 4500].map((port) => ({ port, answer: askIke(local, peer, port) }))
  const answers = ports.map(
    ({ port, answer }) =>
      `UDP ${port} ${answer.kind === 'answers' ? 'answers' : 'does not answer'}`,
  )
  const icmp = ports.flatMap(({ answer }) => (answer.kind === 'icmp' ? [answer.icmp] : []))[0]
  const alive = ports.some(({ answer }) => answer.kind === 'answers')
  const step: StepLine = {
    label,
    verdict: alive ? 'ok' : icmp === undefined ? 'note' : 'wrong',
    text: [pinged, ...answers, ...(icmp === undefined ? [] : [icmpText(icmp, peer)])].join('; '),
    ...(alive ? {} : { fix: `causeway probe ${peer} --from ${local}` }),
  }
  return { steps: [step], answersEcho }
}

function pingText(ping: ReturnType<typeof echo> | undefined): string {
  if (ping === undefined) return 'ping not tried (CAP_NET_RAW)'
  if (ping.received === 0) return 'does not answer ping'
  const quickest = Math.min(...ping.roundTrips)
  const lost = Math.round((100 * (ping.sent - ping.received)) / ping.sent)
  return `ping ${quickest < 10 ? quickest.toFixed(1) : quickest.toFixed(0)} ms, ${lost} % lost`
}

type MtuFacts = {
  readonly local: IpAddress
  readonly peer: IpAddress
  readonly mtu: number
  /** `via 203.0.113.1 dev wan`, as a route of its own would say. */
  readonly way: string
  readonly answersEcho: boolean
  readonly running: Subject['running']
}

/** The largest packet that comes back whole: what the host believes, what a router says, then what is usual on narrower paths. */
function mtuStep({ local, peer, mtu, way, answersEcho, running }: MtuFacts): StepLine {
  const label = 'mtu'
  const inside = running?.mtu === undefined ? '' : `; ${running.mtu} inside the tunnel`
  if (!answersEcho) {
    const text = `not measured, the peer does not answer ping; the host takes ${mtu}${inside}`
    return { label, verdict: 'note', text }
  }
  const whole = (octets: number) => tryEcho({ local, peer, octets, count: 2, whole: true })
  const first = whole(mtu)
  if ((first?.received ?? 0) > 0)
    return { label, verdict: 'ok', text: `${mtu} octets pass${inside}` }
  const told = first?.tooBig ?? 0
  const sizes = [...(told > 0 ? [told] : []), ...USUAL_SIZES.filter((size) => size < mtu)]
  const fits = sizes.find((octets) => (whole(octets)?.received ?? 0) > 0)
  if (fits === undefined) {
    const text = `not measured, the peer answers small pings only${inside}`
    return { label, verdict: 'note', text }
  }
  if (fits === told) {
    return {
      label,
      verdict: 'ok',
      text: `${fits} octets pass, as a router on the way says${inside}`,
    }
  }
  return {
    label,
    verdict: 'wrong',
    text: `larger packets than ${fits} octets vanish on the way, and nobody says so; this host believes in ${mtu}${inside}`,
    fix: `ip route replace ${peer} ${way} mtu ${fits}`,
  }
}

function tryEcho(asked: {
  readonly local: IpAddress
  readonly peer: IpAddress
  readonly octets: number
  readonly count: number
  readonly whole?: boolean
}): ReturnType<typeof echo> | undefined {
  const { local, peer, octets, count, whole = false } = asked
  try {
    return echo({ from: local, to: peer, octets, count, whole, interval: 100, patience: 1_000 })
  } catch (error) {
    if (error instanceof SystemError) return undefined
    throw error
  }
}

type IkeAnswer =
  | { readonly kind: 'answers' }
  | { readonly kind: 'icmp'; readonly icmp: IcmpReport }
  | { readonly kind: 'silent' }

/** One question of each version, from a port of its own; whatever answers is alive. */
function askIke(local: IpAddress, peer: IpAddress, port: number): IkeAnswer {
  const arena = allocateArena(2 * ROOM)
  const socket = openUdpSocket(arena, { address: local, port: 0 }, { pathMtuDiscovery: 'dont' })
  try {
    const destination = prepareDestination({ address: peer, port })
    const marker = new Uint8Array(port === 4500 ? 4 : 0)
    const [cookie, spi] = [nodeCrypto.random(8), nodeCrypto.random(8)]
    const offers = (new SuiteSearch(PROBED_SUITES).next() ?? []).map(
      (suite) => ({ suite, method: 'pre-shared key' }) as const,
    )
    const questions = [
      encodeMainMode(cookie, offers),
      encodeProbe(spi, nodeCrypto.random(PROBE_RANDOM_OCTETS)),
    ]
    for (const question of questions) {
      arena.octets.set(concat(marker, question), 0)
      socket.send(0, marker.length + question.length, destination)
    }
    const ready = new PollSet([socket.fd])
    const until = performance.now() + IKE_PATIENCE
    for (let now = performance.now(); now < until; now = performance.now()) {
      if (ready.wait(until - now) === 0) continue
      for (
        let length = socket.receive(ROOM, ROOM);
        length >= 0;
        length = socket.receive(ROOM, ROOM)
      ) {
        const octets = arena.octets.slice(ROOM + marker.length, ROOM + length)
        const answered =
          readPhase1Answer(octets, cookie, offers) !== undefined ||
          readProbeAnswer(octets, spi) !== undefined
        if (answered) return { kind: 'answers' }
      }
      const error = socket.receiveError()
      if (error !== undefined && error.origin !== 'local') return { kind: 'icmp', icmp: error }
    }
    return { kind: 'silent' }
  } catch (error) {
    if (error instanceof SystemError) return { kind: 'silent' }
    throw error
  } finally {
    socket.close()
  }
}

/** What the gateway's own packets bear, so that they pass by its routes. */
const OUTER_MARK = 0xca05
const ROOM = 16_384
const IKE_PATIENCE = 1_500
const USUAL_SIZES = [1_492, 1_472, 1_460, 1_420, 1_400, 1_280, 576]
