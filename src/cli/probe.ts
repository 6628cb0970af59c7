import { lookup } from 'node:dns/promises'
import { type Endpoint, formatEndpoint, type IpAddress, ip, ipFamily, parseIp } from '#bytes/ip'
import { nodeCrypto } from '#crypto/node'
import { nodeKeyAgreement } from '#crypto/node-key-agreement'
import { wrap } from '#diagnosis/wrap'
import { type Arena, allocateArena } from '#platform/arena'
import type { DatagramSocket } from '#platform/datagram-socket'
import { EACCES, EADDRINUSE, SystemError } from '#platform/errno'
import { withNetlink } from '#platform/netlink'
import { PollSet } from '#platform/poll'
import { routeTo } from '#platform/routes'
import { type Destination, prepareDestination } from '#platform/socket-address'
import { openUdpSocket } from '#platform/udp-socket'
import { type Identity, parseIdentity } from '#policy/identity'
import { isTextProblem } from '#policy/text-problem'
import { matchesOf } from '#probe/advice'
import { MOST_QUESTIONS, PACE, PeerProbe } from '#probe/peer-probe'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type ProbeResult, probeDocument, probeText } from './probe-view.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Terminal } from './terminal.ts'

export type ProbeOptions = {
  readonly json?: boolean
  readonly from?: string
  readonly sourcePort?: number
  readonly aggressive?: boolean
  readonly id?: string
}

/** `causeway probe`: asks one host, in few messages and without credentials, what it would negotiate. No gateway need run. */
export async function probe(
  terminal: Terminal,
  host: string,
  options: ProbeOptions,
): Promise<ExitCode> {
  const refuse = (why: string, code: ExitCode = EXIT.usage): ExitCode => {
    terminal.err(`causeway: ${why}\n`)
    return code
  }
  const peer = parseIp(host) ?? (await firstAddress(host))
  if (peer === undefined) return refuse(`${host} is no address, and no name that can be resolved`)
  const from = options.from === undefined ? sourceFor(peer) : parseIp(options.from)
  if (from === undefined) {
    return options.from === undefined
      ? refuse(`this host has no route to ${peer}:  ip route get ${peer}`, EXIT.down)
      : refuse(`${options.from} is not an IP address`)
  }
  if (ipFamily(from) !== ipFamily(peer)) return refuse(`${from} cannot send to ${peer}`)
  const identity = options.aggressive === true ? identityOf(options.id, from) : undefined
  if (identity !== undefined && isTextProblem(identity)) return refuse(identity.message)
  const arena = allocateArena(2 * ROOM)
  let socket: DatagramSocket
  try {
    // From port 500 to port 500 of one address we would hear ourselves.
    socket = openSocket(arena, from, options.sourcePort ?? (from === peer ? 0 : undefined))
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    return refuse(error.message, error.errno === EACCES ? EXIT.permission : EXIT.down)
  }
  try {
    const where = `asking ${peer} from ${formatEndpoint(socket.local)}:`
    const pace = `at most ${MOST_QUESTIONS} questions, ${1_000 / PACE} a second`
    terminal.err(`${wrap(`${where} ${pace}`, terminal.columns).join('\n')}\n`)
    const result = ask({ arena, socket, peer, identity })
    terminal.out(
      options.json === true
        ? `${JSON.stringify(probeDocument(result), null, 2)}\n`
        : probeText(result, terminal),
    )
    return codeOf(result)
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    return refuse(error.message, EXIT.down)
  } finally {
    socket.close()
  }
}

type Asking = {
  readonly arena: Arena
  readonly socket: DatagramSocket
  readonly peer: IpAddress
  readonly identity: Identity | undefined
}

/** Nothing else goes on in this process: it waits where it stands. */
function ask({ arena, socket, peer, identity }: Asking): ProbeResult {
  const work = new PeerProbe({
    random: (octets) => nodeCrypto.random(octets),
    keyAgreement: nodeKeyAgreement,
    aggressive: identity,
  })
  const destination = prepareDestination({ address: peer, port: IKE_PORT })
  const ready = new PollSet([socket.fd])
  const bar = new ProgressBar(MOST_QUESTIONS)
  const began = performance.now()
  while (!work.done) {
    const octets = work.poll(performance.now())
    if (octets !== undefined) send(octets, { arena, socket, destination })
    bar.show(work.questions)
    const wait = work.deadline(performance.now()) - performance.now()
    if (work.done || ready.wait(Math.max(0, wait)) === 0) continue
    receive(work, { arena, socket, destination })
  }
  bar.clear()
  return {
    peer,
    from: socket.local,
    milliseconds: performance.now() - began,
    findings: work.findings(),
  }
}

type Link = {
  readonly arena: Arena
  readonly socket: DatagramSocket
  readonly destination: Destination
}

function send(octets: Uint8Array, { arena, socket, destination }: Link): void {
  arena.octets.set(octets, 0)
  const sent = socket.send(0, octets.length, destination)
  if (sent < 0) throw new SystemError('send', -sent, 'UDP 500')
}

function receive(work: PeerProbe, { arena, socket, destination }: Link): void {
  for (;;) {
    const length = socket.receive(ROOM, ROOM)
    if (length < 0) break
    if (!socket.isFrom(destination)) continue
    work.take(arena.octets.slice(ROOM, ROOM + length), performance.now())
  }
  for (let error = socket.receiveError(); error !== undefined; error = socket.receiveError()) {
    if (error.origin === 'local') continue
    const { icmpType, icmpCode, reporter } = error
    work.unreachable({ icmpType, icmpCode, reporter })
  }
}

/** Some gateways answer only to port 500: it is used where nobody has it. */
function openSocket(arena: Arena, address: IpAddress, port: number | undefined): DatagramSocket {
  const open = (local: Endpoint) => openUdpSocket(arena, local, { pathMtuDiscovery: 'dont' })
  if (port !== undefined) return open({ address, port })
  try {
    return open({ address, port: IKE_PORT })
  } catch (error) {
    if (!(error instanceof SystemError) || ![EACCES, EADDRINUSE].includes(error.errno)) throw error
    return open({ address, port: 0 })
  }
}

function sourceFor(peer: IpAddress): IpAddress | undefined {
  const loopback = ipFamily(peer) === 4 ? ip('127.0.0.1') : ip('::1')
  return withNetlink((netlink) => {
    const path = routeTo(netlink, peer)
    return path === undefined ? undefined : (path.source ?? loopback)
  })
}

async function firstAddress(host: string): Promise<IpAddress | undefined> {
  try {
    return parseIp((await lookup(host)).address)
  } catch {
    return undefined
  }
}

function identityOf(text: string | undefined, from: IpAddress) {
  return text === undefined ? ({ kind: 'address', address: from } as const) : parseIdentity(text)
}

function codeOf({ findings }: ProbeResult): ExitCode {
  if (!findings.heard) return findings.icmp === undefined ? EXIT.timeout : EXIT.down
  const usable = matchesOf(findings).length > 0 || findings.saInit?.kind === 'taken'
  return usable ? EXIT.ok : EXIT.down
}

const IKE_PORT = 500
const ROOM = 16_384
