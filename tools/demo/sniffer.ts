// Runs inside the middle namespace: counts the frames of one interface by kind until its input ends, then prints a report.
import { PacketCapture } from '#platform/packet-capture'
import { FRAME_KINDS, type FrameKind, frameKind } from '../../test/support/frame.ts'
import { plaintextFilter } from './plaintext-filter.ts'

export type SniffReport = {
  /** Frames that crossed the interface, and how many of them were too fast to be looked at one by one. */
  readonly frames: number
  readonly uncounted: number
  readonly kinds: Readonly<Record<FrameKind, number>>
  /** Frames that are neither IKE nor ESP nor neighbour discovery; never lost behind others. */
  readonly plaintext: number
  /** The first few of them, as hexadecimal digits. */
  readonly samples: readonly string[]
}

const device = process.argv[2] ?? ''
const everything = PacketCapture.open(device)
const leaks = PacketCapture.open(device, plaintextFilter())
const kinds = Object.fromEntries(FRAME_KINDS.map((kind) => [kind, 0])) as Record<FrameKind, number>
const samples: string[] = []
let plaintext = 0

const looking = setInterval(look, 4)
process.stdin.on('end', () => {
  clearInterval(looking)
  look()
  const { frames, lost } = everything.totals()
  const missed = leaks.totals().lost
  const report: SniffReport = {
    frames,
    uncounted: lost,
    kinds,
    plaintext: plaintext + missed,
    samples,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  everything.close()
  leaks.close()
})
process.stdin.resume()
process.stdout.write('ready\n')

function look(): void {
  for (let frame = everything.next(); frame !== undefined; frame = everything.next()) {
    kinds[frameKind(frame)] += 1
  }
  for (let frame = leaks.next(); frame !== undefined; frame = leaks.next()) {
    plaintext += 1
    if (samples.length < 5) samples.push(Buffer.from(frame).toString('hex'))
  }
}
