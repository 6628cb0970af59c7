import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat } from '#bytes/concat'
import { readCaptureFile } from './capture-file.ts'
import { pcapngHeader, pcapngPacket } from './pcapng.ts'

const AT = Date.UTC(2026, 10, 23, 12) + 345.678
const FRAME = Uint8Array.of(1, 2, 3, 4, 5)

test('reads back what was written as pcapng: time, link type, octets and comment', () => {
  const file = concat(
    pcapngHeader('causeway', [
      { name: 'eth0', linkType: 1 },
      { name: 'kept', linkType: 101 },
    ]),
    pcapngPacket({ interface: 1, at: AT, octets: FRAME, comment: 'Main mode 1 →' }),
    pcapngPacket({ interface: 0, at: AT + 1, octets: FRAME, originalOctets: 1_500 }),
  )
  const read = readCaptureFile(file)
  assert.equal(read?.format, 'pcapng')
  assert.equal(read?.problem, undefined)
  assert.deepEqual(
    read?.frames.map(({ number, linkType, originalOctets, comment }) => [
      number,
      linkType,
      originalOctets,
      comment,
    ]),
    [
      [1, 101, 5, 'Main mode 1 →'],
      [2, 1, 1_500, undefined],
    ],
  )
  assert.deepEqual(read?.frames[0]?.octets, FRAME)
  assert.equal(Math.abs((read?.frames[0]?.at ?? 0) - AT) < 0.001, true)
})

for (const little of [true, false]) {
  for (const [magic, fraction] of [
    [0xa1b2c3d4, 345_678],
    [0xa1b23c4d, 345_678_000],
  ] as const) {
    const order = little ? 'little' : 'big'
    test(`reads pcap with magic ${magic.toString(16)}, ${order}-endian`, () => {
      const file = pcap(little, magic, 113, [Math.floor(AT / 1_000), fraction, 5, 60], FRAME)
      const read = readCaptureFile(file)
      assert.equal(read?.format, 'pcap')
      const [frame] = read?.frames ?? []
      assert.deepEqual([frame?.linkType, frame?.originalOctets], [113, 60])
      assert.deepEqual(frame?.octets, FRAME)
      assert.equal(Math.abs((frame?.at ?? 0) - AT) < 0.001, true)
    })
  }
}

test('reads pcapng of the other byte order, nanoseconds and packets without time', () => {
  const u16 = (value: number) => Uint8Array.of(value >> 8, value & 0xff)
  const u32 = (value: number) => concat(u16(Math.floor(value / 65_536)), u16(value % 65_536))
  const block = (type: number, body: Uint8Array) => {
    const length = u32(12 + body.length)
    return concat(u32(type), length, body, length)
  }
  const nanoseconds = concat(u16(9), u16(1), Uint8Array.of(9, 0, 0, 0), u32(0))
  const stamp = BigInt(Math.floor(AT / 1_000)) * 1_000_000_000n + 345_678_000n
  const file = concat(
    block(0x0a0d0d0a, concat(u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff))),
    block(1, concat(u16(228), u16(0), u32(0), nanoseconds)),
    block(
      6,
      concat(
        u32(0),
        u32(Number(stamp >> 32n)),
        u32(Number(stamp & 0xffff_ffffn)),
        u32(5),
        u32(5),
        FRAME,
        new Uint8Array(3),
      ),
    ),
    block(3, concat(u32(5), FRAME, new Uint8Array(3))),
    block(0xbad, u32(0)),
  )
  const read = readCaptureFile(file)
  assert.equal(read?.problem, undefined)
  assert.equal(Math.abs((read?.frames[0]?.at ?? 0) - AT) < 0.001, true)
  assert.deepEqual(
    read?.frames.map(({ at, linkType }) => [at > 0, linkType]),
    [
      [true, 228],
      [false, 228],
    ],
  )
  assert.deepEqual(read?.frames[1]?.octets, FRAME)
})

test('gives the frames before the place where a file is cut or damaged', () => {
  const whole = concat(
    pcapngHeader('causeway', [{ name: 'eth0', linkType: 1 }]),
    pcapngPacket({ interface: 0, at: AT, octets: FRAME }),
    pcapngPacket({ interface: 0, at: AT, octets: FRAME }),
  )
  const cut = readCaptureFile(whole.subarray(0, whole.length - 6))
  assert.equal(cut?.frames.length, 1)
  assert.match(cut?.problem ?? '', /cut short or damaged behind frame 1/)
  const noInterface = readCaptureFile(
    concat(pcapngHeader('causeway', []), pcapngPacket({ interface: 0, at: AT, octets: FRAME })),
  )
  assert.match(noInterface?.problem ?? '', /names no interface/)
  const classic = pcap(true, 0xa1b2c3d4, 1, [0, 0, 50, 50], FRAME)
  assert.match(readCaptureFile(classic)?.problem ?? '', /cut short/)
})

test('knows what is no capture', () => {
  assert.equal(readCaptureFile(new Uint8Array(0)), undefined)
  assert.equal(readCaptureFile(new TextEncoder().encode('version: 1\ngateway: {}\n')), undefined)
})

function pcap(
  little: boolean,
  magic: number,
  linkType: number,
  record: readonly number[],
  frame: Uint8Array,
): Uint8Array {
  const octets = new Uint8Array(40)
  const view = new DataView(octets.buffer)
  view.setUint32(0, magic, little)
  view.setUint32(20, linkType, little)
  for (const [i, value] of record.entries()) view.setUint32(24 + 4 * i, value, little)
  return concat(octets, frame)
}
