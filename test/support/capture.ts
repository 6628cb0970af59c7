import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FRAME_KINDS, type FrameKind, frameKind } from './frame.ts'
import { undoAtExit } from './leftovers.ts'
import { eventually, stop } from './process.ts'
import type { Namespace } from './topology.ts'

export type FrameCounts = Readonly<Record<FrameKind, number>>

/** tcpdump on one interface of a namespace, from `start` to `frames`. */
export class Capture {
  readonly #stop: () => Promise<Uint8Array>

  private constructor(stop: () => Promise<Uint8Array>) {
    this.#stop = stop
  }

  /** `octets` of each frame are kept; `direction` as the namespace sees it. */
  static async start(
    namespace: Namespace,
    device: string,
    octets = 256,
    direction: 'in' | 'out' | 'inout' = 'inout',
  ): Promise<Capture> {
    const folder = mkdtempSync(join(tmpdir(), 'cw-capture-'))
    const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'frames.pcap')
    const tcpdump = namespace.start(
      [
        'tcpdump',
        '-n',
        '-U',
        '--immediate-mode',
        '-s',
        String(octets),
        '-B',
        '16384',
        '-i',
        device,
        '-Q',
        direction,
        '-Z',
        'root',
        '-w',
        file,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    tcpdump.stderr?.on('data', (chunk) => {
      said += chunk
    })
    await eventually('tcpdump listens', () => {
      if (tcpdump.exitCode !== null) throw new Error(`tcpdump ended: ${said}`)
      return said.includes('listening on')
    })
    return new Capture(async () => {
      // The last frames reach tcpdump a moment after those who waited for them.
      await new Promise((resolve) => setTimeout(resolve, 200))
      await stop(tcpdump)
      const captured = readFileSync(file)
      forget()
      if (!/\b0 packets dropped by kernel/.test(said)) throw new Error(`frames were lost: ${said}`)
      return captured
    })
  }

  /** Ends the capture. @returns the file, in the classic pcap format. */
  pcap(): Promise<Uint8Array> {
    return this.#stop()
  }

  /** Ends the capture. @returns the frames, each cut as `start` was told. */
  async frames(): Promise<readonly Uint8Array[]> {
    return readPcap(await this.#stop())
  }
}

/** A later fragment of an IPv4 datagram counts as what its first fragment is. */
export function countFrames(frames: readonly Uint8Array[]): FrameCounts {
  const counts = Object.fromEntries(FRAME_KINDS.map((kind) => [kind, 0])) as Record<
    FrameKind,
    number
  >
  const datagrams = new Map<string, FrameKind>()
  for (const frame of frames) {
    const datagram = fragmentOf(frame)
    const kind = (datagram?.later === true && datagrams.get(datagram.key)) || frameKind(frame)
    if (datagram !== undefined) datagrams.set(datagram.key, kind)
    counts[kind] += 1
  }
  return counts
}

/** @returns undefined unless the frame holds a fragment of an IPv4 datagram. */
function fragmentOf(frame: Uint8Array): { key: string; later: boolean } | undefined {
  if (frame.length < 34 || frame[12] !== 0x08 || frame[13] !== 0x00) return undefined
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const flagsAndOffset = view.getUint16(20)
  if ((flagsAndOffset & 0x3fff) === 0) return undefined
  // Identification, protocol, and both addresses (RFC 791 §3.2).
  const key = Buffer.from([
    ...frame.subarray(18, 20),
    ...frame.subarray(23, 24),
    ...frame.subarray(26, 34),
  ])
  return { key: key.toString('hex'), later: (flagsAndOffset & 0x1fff) !== 0 }
}

/** Frames of a classic pcap file (little-endian, as tcpdump writes here); a record cut short ends the list. */
export function readPcap(file: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 24 || view.getUint32(0, true) !== 0xa1b2c3d4) throw new Error('not a pcap file')
  const frames: Uint8Array[] = []
  let at = 24
  while (at + 16 <= file.length) {
    const octets = view.getUint32(at + 8, true)
    if (at + 16 + octets > file.length) break
    frames.push(file.subarray(at + 16, at + 16 + octets))
    at += 16 + octets
  }
  return frames
}
