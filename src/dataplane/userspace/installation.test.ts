import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Events } from './events.ts'
import { Installation } from './installation.ts'
import { GLOBAL_COUNTER_FIELDS } from './messages.ts'
import { nodeTransformFactory } from './node-transform.ts'
import { PacketMemory } from './packet-memory.ts'
import type { PlannedTunnel } from './routing-plan.ts'

test('before the ports are ours nothing is done to routes, whatever another lane plans: they may be another gateway’s', () => {
  const memory = new PacketMemory()
  const events = new Events(() => {}, new Float64Array(GLOBAL_COUNTER_FIELDS))
  const factory = nodeTransformFactory(memory.arena)
  const installation = new Installation(memory, factory, events, { index: 0, of: 2 })
  let looks = 0
  const planned = new Proxy({} as PlannedTunnel, {
    get() {
      looks++
      throw new Error('routes are being laid')
    },
  })
  installation.planFor(1, [planned])
  assert.equal(looks, 0)
  installation.close()
})
