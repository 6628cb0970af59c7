import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { concat } from '#bytes/concat'
import { udpFrame } from '#capture/ike-frame'
import { readCaptureFile } from '#wire/capture-file'
import { recordNegotiation } from '../../test/support/capture-sample.ts'
import { ADDRESS_A, ADDRESS_B } from '../../test/support/sites.ts'
import { TunnelCaptureFile } from './capture-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-comments-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('says of each packet what it is and who sent it, in a file that is its owner’s alone', () => {
  const path = join(folder, 'paris.pcapng')
  const file = new TunnelCaptureFile(path, 'paris', ADDRESS_A, 'eth0')
  for (const { side, octets, local, remote } of recordNegotiation().rehearsal.sent) {
    const sent = side === 'a'
    file.addKept({
      at: '2026-11-23T03:00:00.000Z',
      tunnel: 'paris',
      direction: sent ? 'sent' : 'received',
      local: sent ? local : remote,
      remote: sent ? remote : local,
      octets,
    })
  }
  const [us, peer] = [ADDRESS_A, ADDRESS_B].map((address) => ({ address, port: 4_500 }))
  assert.ok(us !== undefined && peer !== undefined)
  const esp = concat(Uint8Array.of(0xc1, 0xf0, 0xa2, 0xb3, 0, 0, 0, 7), new Uint8Array(24))
  file.add(Date.UTC(2026, 10, 23, 9), udpFrame(peer, us, esp))
  file.add(Date.UTC(2026, 10, 23, 9), udpFrame(us, peer, Uint8Array.of(0xff)))
  file.close()
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual([file.packets, file.counts], [11, { ike: 9, esp: 1, other: 1 }])
  const comments = readCaptureFile(readFileSync(path))?.frames.map(({ comment }) => comment)
  assert.deepEqual(comments, [
    ...[1, 2, 3, 4, 5, 6].map(
      (number) => `paris: ${who(number)}, Main mode message ${number} (kept by the gateway)`,
    ),
    ...[1, 2, 3].map(
      (number) => `paris: ${who(number)}, Quick mode message ${number} (kept by the gateway)`,
    ),
    'paris: peer sends, ESP c1f0a2b3 number 7',
    'paris: we send, NAT keepalive',
  ])
})

function who(number: number): string {
  return number % 2 === 1 ? 'we send' : 'peer sends'
}
