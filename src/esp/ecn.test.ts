import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { ipPacket } from '../../test/support/ip-packet.ts'
import { mergeEcn } from './ecn.ts'

/** RFC 6040 §4.2, figure 4: rows are the inner field, columns the outer; undefined is a drop. */
const [NOT, ECT1, ECT0, CE] = [0, 1, 2, 3]
const FIGURE_4: readonly (readonly [number, readonly (number | undefined)[]])[] = [
  [NOT, [NOT, NOT, NOT, undefined]],
  [ECT0, [ECT0, ECT0, ECT1, CE]],
  [ECT1, [ECT1, ECT1, ECT1, CE]],
  [CE, [CE, CE, CE, CE]],
]
for (const [source, destination] of [
  [ip('10.1.0.5'), ip('10.2.0.7')],
  [ip('fd00:1::5'), ip('fd00:2::7')],
] as const) {
  test(`merges congestion marks as RFC 6040 says, and nothing else: ${source}`, () => {
    for (const [inner, row] of FIGURE_4) {
      for (const [column, expected] of row.entries()) {
        const outer = [NOT, ECT0, ECT1, CE][column]!
        const packet = ipPacket({ source, destination, trafficClass: 0xb8 | inner })
        const view = new DataView(packet.buffer)
        const kept = mergeEcn(view, 0, 0xb8 | inner, 0x28 | outer)
        assert.equal(kept, expected !== undefined)
        const after = ipPacket({ source, destination, trafficClass: 0xb8 | (expected ?? inner) })
        assert.deepEqual(packet, after, `inner ${inner}, outer ${outer}`)
      }
    }
  })
}
