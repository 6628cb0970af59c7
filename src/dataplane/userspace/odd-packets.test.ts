import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { PacketFields, readPacketFields } from '#esp/packet-fields'
import { ipPacket } from '../../../test/support/ip-packet.ts'
import { Events } from './events.ts'
import { type FromWorker, GLOBAL_COUNTER_FIELDS } from './messages.ts'
import { OddPackets } from './odd-packets.ts'
import type { Tunnel } from './tunnel.ts'

/** Of CW-504: the example that stands in the sentence. */
test('one packet a second is shown of each tunnel', () => {
  const posted: FromWorker[] = []
  const events = new Events(
    (message) => posted.push(message),
    new Float64Array(GLOBAL_COUNTER_FIELDS),
  )
  const odd = new OddPackets(events, 'outside')
  const octets = ipPacket({
    source: ip('10.9.0.4'),
    destination: ip('10.1.0.7'),
    payload: new Uint8Array(8),
  })
  const fields = new PacketFields()
  assert.ok(readPacketFields(new DataView(octets.buffer), 0, octets.length, fields))
  const [paris, tokyo] = ['paris', 'tokyo'].map((name) => ({ settings: { name } }) as Tunnel)
  assert.ok(paris && tokyo)
  for (const now of [0, 500, 999, 1_000]) odd.note(paris, fields, now)
  odd.note(tokyo, fields, 1_000)
  const told = posted.flatMap((message) => (message.kind === 'event' ? [message.event] : []))
  assert.deepEqual(
    told.map((event) => event.kind === 'odd-packet' && [event.tunnel, event.packet.source]),
    [
      ['paris', '10.9.0.4'],
      ['paris', '10.9.0.4'],
      ['tokyo', '10.9.0.4'],
    ],
  )
})
