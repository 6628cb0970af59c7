import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Secret } from '#bytes/secret'
import { messageOf } from '#bytes/thrown'
import { type Conversation, ConversationReader } from '#capture/conversation'
import { EspCounter, type EspFlow } from '#capture/esp-flows'
import { readKeyTable } from '#capture/key-table'
import { type NatFinding, natFinding } from '#capture/nat-finding'
import { type Traffic, TrafficReader } from '#capture/traffic'
import { type CaptureVerdict, captureVerdict, oneWayTraffic } from '#diagnosis/capture-verdict'
import type { Failure } from '#ike/events'
import { readCaptureFile } from '#wire/capture-file'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { captureDocument } from './explain-capture-document.ts'
import { captureLines } from './explain-capture-view.ts'
import type { Terminal } from './terminal.ts'

export type ExplainCaptureOptions = {
  readonly json?: boolean
  readonly payloads?: boolean
  readonly hex?: boolean
  /** A Wireshark profile, or its table of IKEv1 keys. */
  readonly keys?: string
}

/** What a capture file shows of tunnels. */
export type CaptureFindings = {
  readonly file: string
  readonly format: 'pcap' | 'pcapng'
  /** All frames, and those of IKE and ESP among them. */
  readonly frames: number
  readonly used: number
  readonly from: number
  readonly to: number
  readonly conversations: readonly JudgedConversation[]
  readonly flows: readonly EspFlow[]
  /** ESP packets of more SAs than are listed. */
  readonly espBeyond: number
  readonly oneWay: readonly Failure[]
  readonly icmp: readonly Extract<Traffic, { kind: 'icmp' }>[]
  /** Datagrams that are no IKE message. */
  readonly damaged: number
  /** IKE datagrams that were not captured whole. */
  readonly cut: number
  /** How many of the encrypted messages nothing could open. */
  readonly sealed: number
  readonly problem?: string
}

export type JudgedConversation = {
  readonly conversation: Conversation
  readonly nat: NatFinding | undefined
  /** Of IKEv1. */
  readonly verdict: CaptureVerdict | undefined
}

/** Whether a word names a file to look into. */
export function isCaptureFile(word: string): boolean {
  return statSync(word, { throwIfNoEntry: false })?.isFile() === true
}

/** `causeway explain FILE`: the negotiations and the ESP of a capture in words. Whatever the file holds, it does not fail. */
export function explainCapture(
  terminal: Terminal,
  file: string,
  options: ExplainCaptureOptions,
): ExitCode {
  const read = readWhole(file)
  if (typeof read === 'string') {
    terminal.err(`causeway: ${read}\n`)
    return EXIT.usage
  }
  const keys = options.keys === undefined ? new Map<string, Secret>() : keysIn(options.keys)
  if (typeof keys === 'string') {
    terminal.err(`causeway: ${keys}\n`)
    return EXIT.usage
  }
  const findings = findIn(read, file, keys)
  if (findings === undefined) {
    terminal.err(`causeway: ${file} is neither pcap nor pcapng\n`)
    return EXIT.usage
  }
  terminal.out(
    options.json === true
      ? `${captureDocument(findings, options)}\n`
      : `${captureLines(findings, options, terminal).join('\n')}\n`,
  )
  const failed = findings.conversations.some(({ verdict }) => verdict?.kind === 'failed')
  return failed ? EXIT.down : EXIT.ok
}

export function findIn(
  octets: Uint8Array,
  file: string,
  keys: ReadonlyMap<string, Secret>,
): CaptureFindings | undefined {
  const capture = readCaptureFile(octets)
  if (capture === undefined) return undefined
  const traffic = new TrafficReader()
  const conversations = new ConversationReader(keys)
  const esp = new EspCounter()
  const icmp: Extract<Traffic, { kind: 'icmp' }>[] = []
  let used = 0
  for (const frame of capture.frames) {
    const found = traffic.take(frame)
    if (found === undefined) continue
    used++
    if (found.kind === 'ike') conversations.take(found)
    if (found.kind === 'esp') esp.take(found)
    if (found.kind === 'icmp' && icmp.length < MOST_ICMP) icmp.push(found)
  }
  const { frames, format, problem } = capture
  const times = { from: frames[0]?.at ?? 0, to: frames.at(-1)?.at ?? 0 }
  const judged = conversations.conversations.map((conversation) => ({
    conversation,
    nat: natFinding(conversation),
    verdict: conversation.version === 1 ? captureVerdict(conversation, times.to, icmp) : undefined,
  }))
  return {
    ...{
      file,
      format,
      frames: frames.length,
      used,
      ...times,
      icmp,
      damaged: conversations.damaged,
    },
    conversations: judged,
    flows: esp.flows,
    espBeyond: esp.beyond,
    cut: conversations.cut,
    oneWay: oneWayOf(judged, esp.flows),
    sealed: judged.flatMap(({ conversation }) => conversation.messages).filter(isSealed).length,
    ...(problem === undefined ? {} : { problem }),
  }
}

const MOST_ICMP = 1_000
const MOST_OCTETS = 1 << 30

function isSealed({ content, encrypted }: Conversation['messages'][number]): boolean {
  return content.version === 1 && encrypted && content.payloads === undefined
}

/** Once for each pair of gateways. */
function oneWayOf(
  judged: readonly JudgedConversation[],
  flows: readonly EspFlow[],
): readonly Failure[] {
  const pairs = new Map(
    judged.map(({ conversation: { initiator, responder } }) => {
      const ends = [initiator.address, responder.address].sort()
      return [ends.join(' '), ends]
    }),
  )
  return [...pairs.values()].flatMap(([a = '', b = '']) => oneWayTraffic(flows, a, b) ?? [])
}

/** @returns why not, in words. */
function readWhole(file: string): Uint8Array | string {
  try {
    const opened = openSync(file, 'r')
    try {
      const { size } = fstatSync(opened)
      if (size > MOST_OCTETS)
        return `${file} has more than 1 GiB; cut it with: tcpdump -r ${file} -w part.pcap 'udp port 500 or udp port 4500'`
      const octets = new Uint8Array(size)
      let length = 0
      while (length < size) {
        const count = readSync(opened, octets, length, size - length, null)
        if (count === 0) break
        length += count
      }
      return octets.subarray(0, length)
    } finally {
      closeSync(opened)
    }
  } catch (error) {
    return `${file}: ${messageOf(error)}`
  }
}

function keysIn(path: string): ReadonlyMap<string, Secret> | string {
  try {
    const table = lstatSync(path).isDirectory() ? join(path, 'ikev1_decryption_table') : path
    const keys = readKeyTable(readFileSync(table, 'utf8'))
    return keys.size === 0 ? `${table} holds no key: a row is a cookie and a key, in hex` : keys
  } catch (error) {
    return `--keys: ${messageOf(error)}`
  }
}
