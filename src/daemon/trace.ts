import { type IpAddress, ipFamily } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import type { TraceDocument, TracedPacket, TraceStep } from '#control/trace'
import type { DataPlaneCounters } from '#dataplane/port'
import { addressWords } from '#esp/address-words'
import { FragmentTable } from '#esp/fragment-table'
import { mssFor } from '#esp/mtu'
import { PacketFields } from '#esp/packet-fields'
import { NO_PAIR, Spd } from '#esp/spd'
import type { ChildSaFacts, TunnelSnapshot } from '#ike/events'
import type { KernelView, RouteRefusal } from '#platform/kernel-view'
import { formatIpProtocol } from '#policy/ip-protocol'
import { formatEspSuite } from '#policy/proposal'
import { formatSelectorPair, matchesPacket, type SelectorPair } from '#policy/traffic-selector'
import { IpProtocol } from '#wire/ip-protocol'
import type { Clock } from './clock.ts'

/** What a trace is made of; nothing is changed and nothing is sent. */
export type TraceSources = {
  readonly clock: Clock
  readonly config: Config
  readonly snapshots: readonly TunnelSnapshot[]
  readonly counters: DataPlaneCounters
  readonly kernel: KernelView
}

/** Addresses are of one family. */
export type Packet = TracedPacket & { readonly source: IpAddress; readonly destination: IpAddress }

/** Which tunnel, route, selector and SA a packet of this source would take, and what stops it. */
export function trace(packet: Packet, sources: TraceSources): TraceDocument {
  const { clock, config, kernel } = sources
  const { route } = kernel
  const tunnel = config.tunnels.find(
    ({ interfaceName }) => route.kind === 'leads' && interfaceName === route.interfaceName,
  )
  const base = { schema: 1, at: clock.wall(clock.now()).toISOString(), packet } as const
  if (tunnel === undefined) {
    const steps = notIntoATunnel(packet, sources)
    return { ...base, passes: false, steps: [...steps, stopped(steps)] }
  }
  const into: TraceStep = { step: 'route', verdict: 'ok', text: routeText(kernel, packet) }
  return { ...base, tunnel: tunnel.name, ...throughTunnel(packet, tunnel, into, sources) }
}

type Outcome = Pick<TraceDocument, 'pair' | 'spi' | 'mtu' | 'mss' | 'passes' | 'steps'>

function throughTunnel(
  packet: Packet,
  tunnel: TunnelConfig,
  route: TraceStep,
  { clock, counters, snapshots }: TraceSources,
): Outcome {
  const pair = findPair(tunnel.networks, packet, clock.now())
  const selector = selectorStep(packet, tunnel, pair)
  if (pair === NO_PAIR) return ending([route, selector])
  const snapshot = snapshots.find((one) => one.tunnel === tunnel.name)
  const child = snapshot?.childSas
    .filter((one) => one.child.pair === pair && one.state === 'active')
    .toSorted((a, b) => b.establishedAt - a.establishedAt)[0]
  if (child === undefined) {
    return { ...ending([route, selector, noSaStep(tunnel, pair, snapshot)]), pair }
  }
  const taken = findPair([child.selectors], packet, clock.now()) !== NO_PAIR
  const sa = saStep(child, tunnel, taken, clock.now())
  const spi = hex(child.outboundSpi)
  if (!taken) return { ...ending([route, selector, sa]), pair, spi }
  const mtu = counters.tunnels.find((one) => one.tunnel === tunnel.name)?.mtu
  const mss = mtu === undefined ? undefined : mssFor(mtu, ipFamily(packet.destination))
  const result: TraceStep = {
    step: 'result',
    verdict: 'ok',
    text: `encrypted to ${peerOf(tunnel, snapshot)} as ESP${child.encapsulation === 'udp' ? ' in UDP' : ''}`,
  }
  return {
    pair,
    spi,
    ...(mtu === undefined ? {} : { mtu }),
    ...(mss === undefined ? {} : { mss }),
    passes: true,
    steps: [
      route,
      selector,
      sa,
      ...(mtu === undefined || mss === undefined ? [] : [sizeStep(packet, mtu, mss)]),
      result,
      backStep(child, counters, clock.now()),
    ],
  }
}

function findPair(pairs: readonly SelectorPair[], packet: Packet, now: number): number {
  return new Spd(pairs).find(fieldsOf(packet), new FragmentTable(), now)
}

/** As the packet path reads them. */
function fieldsOf(packet: Packet): PacketFields {
  const fields = new PacketFields()
  fields.family = ipFamily(packet.destination)
  fields.protocol = packet.protocol
  fields.sourcePort = packet.sourcePort
  fields.destinationPort = packet.destinationPort
  fields.source.set(addressWords(packet.source))
  fields.destination.set(addressWords(packet.destination))
  return fields
}

function routeText({ from, route }: KernelView, { source, destination }: Packet): string {
  if (route.kind !== 'leads') return ''
  const where = route.prefix ?? destination
  const via = route.gateway === undefined ? '' : ` via ${route.gateway}`
  const start = from === undefined ? `${source} is this host` : `in by ${from}`
  return `${where} → ${route.interfaceName}${via}, ${start}`
}

/** The kernel does not lead it into any tunnel: does one want it? */
function notIntoATunnel(packet: Packet, sources: TraceSources): readonly TraceStep[] {
  const { kernel, config, clock } = sources
  const wanting = config.tunnels.find(
    ({ networks }) => findPair(networks, packet, clock.now()) !== NO_PAIR,
  )
  const { route, from } = kernel
  if (route.kind === 'refused') return [refusedStep(route.why, packet, from)]
  if (route.kind === 'here') {
    return [{ step: 'route', verdict: 'stops', text: `${packet.destination} is this host itself` }]
  }
  const text = routeText(kernel, packet)
  if (wanting === undefined) {
    const none = 'no tunnel takes it, so it goes its way unprotected'
    return [
      { step: 'route', verdict: 'note', text },
      {
        step: 'selector',
        verdict: 'stops',
        text: none,
        fix: `add to networks of a tunnel:  ${packet.source} <-> ${packet.destination}`,
      },
    ]
  }
  const routed = wanting.routes !== undefined
  return [
    {
      step: 'route',
      verdict: 'stops',
      text: `${text}, not to ${wanting.interfaceName} of ${wanting.name}, which takes such packets`,
      fix: routed
        ? `add to interface.routes of ${wanting.name}:  ${packet.destination}`
        : `ip rule; ip route get ${packet.destination} from ${packet.source}${from === undefined ? '' : ` iif ${from}`}`,
    },
  ]
}

function refusedStep(why: RouteRefusal, packet: Packet, from: string | undefined): TraceStep {
  const { source, destination } = packet
  const device = from ?? 'its interface'
  const family = ipFamily(destination)
  const forwarding = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding'
  const step = { step: 'route', verdict: 'stops' } as const
  switch (why) {
    case 'no-route':
      return {
        ...step,
        text: `this host has no route to ${destination}`,
        fix: `ip route get ${destination}`,
      }
    case 'not-forwarded':
      return {
        ...step,
        text: `this host does not forward what comes in by ${device}, or the route says unreachable`,
        fix: `sysctl -w ${forwarding}=1`,
      }
    case 'source-validation':
      return {
        ...step,
        text: `source validation drops packets from ${source} that come in by ${device}`,
        fix: `sysctl -w net.ipv4.conf.${device}.rp_filter=2`,
      }
    case 'dropped':
      return {
        ...step,
        text: `a blackhole route drops what goes to ${destination}`,
        fix: `ip route show table all type blackhole`,
      }
    case 'prohibited':
      return {
        ...step,
        text: `a route prohibits ${destination}`,
        fix: 'ip rule; ip route show table all',
      }
  }
}

function selectorStep(packet: Packet, tunnel: TunnelConfig, pair: number): TraceStep {
  const found = tunnel.networks[pair]
  if (found !== undefined) {
    const which = tunnel.networks.length > 1 ? `, pair ${pair + 1}` : ''
    return {
      step: 'selector',
      verdict: 'ok',
      text: `${formatSelectorPair(found)}  (${tunnel.name}${which})`,
    }
  }
  return {
    step: 'selector',
    verdict: 'stops',
    text: `${tunnel.name} does not take it: ${nearestMiss(packet, tunnel.networks)}`,
    fix: `add to networks of ${tunnel.name}:  ${packet.source} <-> ${packet.destination}`,
  }
}

/** The pair that lacks least, and what it lacks. */
function nearestMiss(packet: Packet, pairs: readonly SelectorPair[]): string {
  const { source, destination, protocol, sourcePort, destinationPort } = packet
  const misses = pairs.map((pair) => {
    const { local, remote } = pair
    const outside = [
      ...(matchesPacket({ ...local, ...ANY }, source, 0, 0) ? [] : [`source ${source}`]),
      ...(matchesPacket({ ...remote, ...ANY }, destination, 0, 0)
        ? []
        : [`destination ${destination}`]),
    ]
    const exact =
      matchesPacket(local, source, protocol, sourcePort) &&
      matchesPacket(remote, destination, protocol, destinationPort)
    const traffic = outside.length > 0 || exact ? [] : [trafficText(packet)]
    return { pair, lacks: [...outside, ...traffic], distance: 2 * outside.length + traffic.length }
  })
  const [nearest] = misses.toSorted((a, b) => a.distance - b.distance)
  if (nearest === undefined) return 'it has no networks'
  const verb = nearest.lacks.length > 1 ? 'are' : 'is'
  return `${nearest.lacks.join(' and ')} ${verb} outside of ${formatSelectorPair(nearest.pair)}`
}

/** `tcp/443`, `tcp 49152 → 443` where the source port may be what is wrong. */
function trafficText({ protocol, sourcePort, destinationPort }: Packet): string {
  const name = formatIpProtocol(protocol)
  if (sourcePort === 0 && destinationPort === 0) return name
  return `${name} from port ${sourcePort} to ${destinationPort}`
}

function noSaStep(
  tunnel: TunnelConfig,
  pair: number,
  snapshot: TunnelSnapshot | undefined,
): TraceStep {
  const state = snapshot?.state ?? 'down'
  const up = `causeway up ${tunnel.name}`
  // Of a tunnel that is up, only the pair itself tells what is amiss with it.
  const failure =
    snapshot?.pairs[pair]?.failure ?? (state === 'up' ? undefined : snapshot?.lastFailure)
  if (tunnel.start === 'on-traffic' && state !== 'stopped') {
    const failed = failure === undefined ? '' : `; the last attempt failed (${failure.code})`
    const text = `none yet; this packet would ask for one and wait for it${failed}`
    return { step: 'sa', verdict: 'stops', text, fix: up }
  }
  const why = failure === undefined ? '' : ` (${failure.code})`
  const what =
    state === 'up' ? `pair ${pair + 1} of ${tunnel.name} is not up` : `${tunnel.name} is ${state}`
  return {
    step: 'sa',
    verdict: 'stops',
    text: `none: ${what}${why}; nothing leaves in clear`,
    fix: up,
  }
}

function saStep(
  child: ChildSaFacts,
  { name }: TunnelConfig,
  taken: boolean,
  now: number,
): TraceStep {
  const age = ageText(now - child.establishedAt)
  const text = `${hex(child.outboundSpi)} ${formatEspSuite(child.suite)}, ${age} old`
  if (taken) return { step: 'sa', verdict: 'ok', text: `${text}, usable` }
  return {
    step: 'sa',
    verdict: 'stops',
    text: `${text}, agreed on for ${formatSelectorPair(child.selectors)} only: the peer took less than was asked`,
    fix: `causeway status ${name}`,
  }
}

function sizeStep(packet: Packet, mtu: number, mss: number): TraceStep {
  const tcp = packet.protocol === IpProtocol.tcp
  const text = tcp
    ? `up to ${mtu} octets; MSS ${mss} is written into its SYN`
    : `up to ${mtu} octets; larger ones in fragments, or "too big" where they may not be cut`
  return { step: 'size', verdict: 'ok', text }
}

function backStep(child: ChildSaFacts, counters: DataPlaneCounters, now: number): TraceStep {
  const inbound = counters.sas.find(
    ({ direction, spi }) => direction === 'inbound' && spi === child.inboundSpi,
  )
  if (inbound === undefined || inbound.packets === 0) {
    return {
      step: 'back',
      verdict: 'note',
      text: `nothing has come back through this SA yet (${hex(child.inboundSpi)})`,
    }
  }
  return {
    step: 'back',
    verdict: 'ok',
    text: `last packet through this SA ${ageText(now - inbound.lastUsed)} ago`,
  }
}

function ending(steps: readonly TraceStep[]): Outcome {
  return { passes: false, steps: [...steps, stopped(steps)] }
}

function stopped(steps: readonly TraceStep[]): TraceStep {
  const last = steps.at(-1)?.step ?? 'route'
  return {
    step: 'result',
    verdict: 'stops',
    text: `does not get into a tunnel: ${STOPPED_BY[last]}`,
  }
}

function peerOf(tunnel: TunnelConfig, snapshot: TunnelSnapshot | undefined): string {
  const [newest] = (snapshot?.ikeSas ?? []).toSorted((a, b) => b.establishedAt - a.establishedAt)
  return newest?.remote.address ?? tunnel.peer
}

function hex(spi: number): string {
  return spi.toString(16).padStart(8, '0')
}

/** `0.2 s`, `37 s`, `12m`, `3h`. */
function ageText(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)}m`
  return `${Math.round(seconds / 3_600)}h`
}

const ANY = { protocol: 0, startPort: 0, endPort: 0xffff } as const

const STOPPED_BY: Readonly<Record<TraceStep['step'], string>> = {
  route: 'see route',
  selector: 'see selector',
  sa: 'there is no SA for it',
  size: 'see size',
  result: '',
  back: '',
}
