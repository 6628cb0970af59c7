import { type IpAddress, parseIp } from '#bytes/ip'
import type { ControlClient } from '#control/client'
import type { ToldEvent } from '#control/schema'
import type { TunnelStatus } from '#control/status'
import { icmpText } from '#diagnosis/icmp-text'
import { listAddresses } from '#platform/addresses'
import { SystemError } from '#platform/errno'
import { withNetlink } from '#platform/netlink'
import { matchesPacket } from '#policy/traffic-selector'
import { type Subject, subjectsOfStatus } from './doctor-subject.ts'
import { type EchoResult, echo } from './echo.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type Addressing, withGateway } from './gateway-connection.ts'
import { hostIn, isEverything } from './selector-host.ts'
import { peerText } from './status-view.ts'
import { type StepLine, stepLines } from './step-lines.ts'
import type { Terminal } from './terminal.ts'

export type PingOptions = { readonly json?: boolean; readonly count: number }

type Measured = {
  readonly sent: number
  readonly received: number
  /** Milliseconds. */
  readonly roundTrips: readonly number[]
}

type Part = StepLine & {
  readonly measured?: Measured
  readonly host?: string
  readonly octets?: number
}

/** `causeway ping`: how long both phases take to the peer and back, what is lost, and how large packets may be. */
export function ping(
  terminal: Terminal,
  addressing: Addressing,
  [name, host]: readonly [string, string | undefined],
  { json = false, count }: PingOptions,
): Promise<ExitCode> {
  return withGateway(addressing, terminal, async (client) => {
    const to = host === undefined ? undefined : parseIp(host)
    if (host !== undefined && to === undefined) {
      terminal.err(`causeway: ${host} is not an IP address\n`)
      return EXIT.usage
    }
    const status = await client.request({ command: 'status', tunnels: [name] })
    const [subject] = subjectsOfStatus(status)
    const running = subject?.running
    if (subject === undefined || running === undefined) return EXIT.usage
    const parts =
      running.state === 'up' && running.ikeSas.length + running.childSas.length > 0
        ? [
            await ikePart(client, subject.name, count),
            ...(await espParts(client, { subject, running, wanted: to, count })),
          ]
        : [notUp(running)]
    const fine = parts.every(({ verdict }) => verdict !== 'wrong')
    if (json) {
      const document = { schema: 1, tunnel: subject.name, ok: fine, parts: parts.map(partDocument) }
      terminal.out(`${JSON.stringify(document, null, 2)}\n`)
    } else {
      const head = `${subject.name}  ${subject.local} → ${peerText(running)}  ${running.state}`
      terminal.out(`${[head, ...stepLines(parts, terminal)].join('\n')}\n`)
    }
    return fine ? EXIT.ok : EXIT.down
  })
}

function notUp({ name, state }: TunnelStatus): Part {
  const text = `is ${state}: there is nothing to go through`
  return { label: 'tunnel', verdict: 'wrong', text, fix: `causeway up ${name}` }
}

/** By R-U-THERE and its answer, one after the other. */
async function ikePart(client: ControlClient, tunnel: string, count: number): Promise<Part> {
  const label = 'phase 1'
  const roundTrips: number[] = []
  let asked = 0
  let heard: ((told: ToldEvent) => void) | undefined
  await client.subscribe((told) => heard?.(told), [tunnel])
  for (let sent = 0; sent < count; sent++) {
    if (sent > 0) await pause(ASK_PACE)
    const answer = new Promise<number | undefined>((resolve) => {
      const late = setTimeout(() => resolve(undefined), ANSWER_PATIENCE)
      heard = ({ event }) => {
        if (event.kind === 'message' && event.direction === 'sent') asked++
        if (event.kind !== 'peer-alive') return
        clearTimeout(late)
        resolve(event.roundTrip)
      }
    })
    await client.request({ command: 'ask-peer', tunnels: [tunnel] })
    const roundTrip = await answer
    if (roundTrip !== undefined) roundTrips.push(roundTrip)
    if (asked === 0 && roundTrip === undefined) {
      const text = 'the peer knows no dead peer detection: IKE cannot be asked'
      return { label, verdict: 'note', text }
    }
  }
  const measured = { sent: count, received: roundTrips.length, roundTrips }
  const text = `IKE ${measuredText(measured)}`
  return { label, verdict: roundTrips.length === 0 ? 'wrong' : 'ok', text, measured }
}

type EspQuestion = {
  readonly subject: Subject
  readonly running: TunnelStatus
  readonly wanted: IpAddress | undefined
  readonly count: number
}

async function espParts(
  client: ControlClient,
  { subject, running, wanted, count }: EspQuestion,
): Promise<readonly Part[]> {
  const label = 'phase 2'
  const way = wayThrough(subject, wanted)
  if (typeof way === 'string') return [{ label, verdict: 'note', text: way }]
  const mtu = running.mtu ?? USUAL_MTU
  let result: EchoResult
  try {
    result = echo({ ...way, count, octets: SMALL, interval: 200, patience: 1_500 })
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    return [
      {
        label,
        verdict: 'note',
        text: `ESP was not asked: ${error.message}`,
        fix: 'sudo causeway ping …',
      },
    ]
  }
  const named = wanted === undefined ? `${way.to} (the first address there)` : way.to
  const { sent, received, roundTrips, icmp } = result
  const part = { label, measured: { sent, received, roundTrips }, host: way.to }
  if (received === 0) {
    const why =
      icmp === undefined ? await silenceText(client, subject, way, running) : icmpText(icmp, way.to)
    const text = `${named} does not answer ${sent} echoes through the tunnel; ${why}`
    const verdict = wanted === undefined ? 'note' : 'wrong'
    return [
      {
        ...part,
        verdict,
        text,
        fix:
          wanted === undefined
            ? `causeway ping ${subject.name} HOST`
            : `causeway trace ${way.from} ${way.to}`,
      },
    ]
  }
  return [
    { ...part, verdict: 'ok', text: `${named} ${measuredText(part.measured)}` },
    sizePart(way, mtu),
  ]
}

type Way = { readonly from: IpAddress; readonly to: IpAddress }

/** The largest that comes back in one piece: the tunnel's MTU, or by halves what is below. */
function sizePart(way: Way, mtu: number): Part {
  const label = 'size'
  const passes = (octets: number) =>
    echo({ ...way, count: 2, octets, whole: true, interval: 150, patience: 700 }).received > 0
  if (passes(mtu)) {
    return {
      label,
      verdict: 'ok',
      text: `${mtu} octets pass, which is the tunnel's MTU`,
      octets: mtu,
    }
  }
  let [fits, fails] = [SMALL, mtu]
  while (fails - fits > EXACT_TO) {
    const middle = Math.floor((fits + fails) / 2)
    if (passes(middle)) fits = middle
    else fails = middle
  }
  const text = `of packets up to the tunnel's MTU of ${mtu} octets those above ${fits} do not come back`
  return { label, verdict: 'wrong', text, fix: `mtu: ${fits}   # in the tunnel`, octets: fits }
}

/** Only what a network pair takes goes through: this host needs an address in ours. @returns why not, as a sentence */
function wayThrough({ networks, name }: Subject, wanted: IpAddress | undefined): Way | string {
  const own = withNetlink((netlink) => listAddresses(netlink).map(({ address }) => address))
  for (const { local, remote } of networks) {
    const protocol = local.family === 4 ? 1 : 58
    const from = own.find((address) => matchesPacket(local, address, protocol, 0))
    const to = wanted ?? (isEverything(remote) ? undefined : hostIn(remote))
    if (from === undefined || to === undefined || !matchesPacket(remote, to, protocol, 0)) continue
    return { from, to }
  }
  if (wanted === undefined) {
    return `ESP was not asked: this host has no address that ${name} takes, or no host is named:  causeway ping ${name} HOST`
  }
  return `ESP was not asked: no network pair of ${name} takes echoes from this host to ${wanted}; ping from a host behind it`
}

/** Whether it is that host, or the way: another one is asked, and the counters tell what went and what came. */
async function silenceText(
  client: ControlClient,
  { name, networks }: Subject,
  way: Way,
  before: TunnelStatus,
): Promise<string> {
  const pair = networks.find(({ remote }) => matchesPacket({ ...remote, ...ANY }, way.to, 0, 0))
  const other = pair === undefined || isEverything(pair.remote) ? way.to : hostIn(pair.remote)
  if (other !== way.to) {
    const asked = {
      from: way.from,
      to: other,
      count: 2,
      octets: SMALL,
      interval: 200,
      patience: 1_000,
    }
    if (echo(asked).received > 0) return `${other} does, so it is that host or its firewall`
  }
  const { tunnels } = await client.request({ command: 'status', tunnels: [name] })
  const { out, in: back } = tunnels[0]?.traffic ?? before.traffic
  const went = out.packets - before.traffic.out.packets
  if (went === 0) return 'none of them went into it'
  return back.packets > before.traffic.in.packets
    ? 'other packets came back through it meanwhile, so it is that host or its firewall'
    : `${went} packets went into it and nothing came back: ESP is filtered on the way, the way back is missing, or nobody is there`
}

function measuredText({ sent, received, roundTrips }: Measured): string {
  if (received === 0) return `did not answer ${sent} questions`
  const mean = roundTrips.reduce((sum, one) => sum + one, 0) / roundTrips.length
  const times = [Math.min(...roundTrips), mean, Math.max(...roundTrips)].map(milliseconds)
  return `answers in ${times.join('/')} ms (min/mean/max), ${sent - received} of ${sent} lost`
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0)
}

function partDocument({ label, verdict, text, fix, measured, host, octets }: Part): object {
  return {
    part: label,
    verdict,
    text,
    ...(fix === undefined ? {} : { fix }),
    ...(host === undefined ? {} : { host }),
    ...(octets === undefined ? {} : { octets }),
    ...(measured === undefined
      ? {}
      : { ...measured, roundTrips: measured.roundTrips.map((one) => Math.round(one * 10) / 10) }),
  }
}

function pause(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration))
}

const ASK_PACE = 200
const ANSWER_PATIENCE = 2_000
const SMALL = 84
const USUAL_MTU = 1_400
/** Octets; nearer than what makes a difference. */
const EXACT_TO = 8
const ANY = { protocol: 0, startPort: 0, endPort: 0xffff } as const
