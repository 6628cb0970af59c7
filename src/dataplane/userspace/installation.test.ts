import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpiShare } from '#platform/spi-steering'
import { Events } from './events.ts'
import { Installation } from './installation.ts'
import { type FromWorker, GLOBAL_COUNTER_FIELDS } from './messages.ts'
import { nodeTransformFactory } from './node-transform.ts'
import { PacketMemory } from './packet-memory.ts'
import type { PlannedTunnel } from './routing-plan.ts'

test('before the ports are ours nothing is done to routes, whatever another lane plans: they may be another gateway’s', () => {
  const installation = installed({ index: 0, of: 2 })
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

test('the lane that lays routes is not asked again for what it has laid', () => {
  const posted: FromWorker[] = []
  const installation = installed({ index: 1, of: 2 }, (message) => posted.push(message))
  for (let i = 0; i < 2; i++) installation.release({ localAddresses: [], tunnels: [] })
  assert.deepEqual(posted, [{ kind: 'plan', tunnels: [] }])
  installation.close()
})

function installed(share: SpiShare, post: (message: FromWorker) => void = () => {}): Installation {
  const memory = new PacketMemory()
  const events = new Events(post, new Float64Array(GLOBAL_COUNTER_FIELDS))
  return new Installation(memory, nodeTransformFactory(memory.arena), events, share)
}
