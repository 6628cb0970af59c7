import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { sampleInboundSa } from '../../../test/support/sample-sa.ts'
import type { DataPlaneEvent } from '../port.ts'
import { plainSa, saFromPlain } from './messages.ts'
import { UserspaceDataPlane } from './userspace-data-plane.ts'

const NOTHING = { localAddresses: [], tunnels: [] }
const sa = sampleInboundSa({ encapsulation: 'udp' })

test('starts and ends without touching a host it was not configured for', async () => {
  const events: DataPlaneEvent[] = []
  const plane = new UserspaceDataPlane({ onEvent: (event) => events.push(event) })
  plane.installSa(sa)
  assert.deepEqual(
    plane.counters().sas.map(({ spi, packets }) => [spi, packets]),
    [[0x1000, 0]],
  )
  plane.removeSa(sa)
  assert.deepEqual(plane.counters().sas, [])
  await plane.close()
  await plane.close()
  assert.deepEqual(events, [])
  await assert.rejects(plane.configure(NOTHING), /closed/)
})

test('says so when its thread dies, and leaves nobody waiting', async () => {
  const events: DataPlaneEvent[] = []
  const plane = new UserspaceDataPlane({
    onEvent: (event) => events.push(event),
    workerFile: new URL('data:text/javascript,throw new Error("no memory")'),
  })
  await assert.rejects(plane.configure(NOTHING), /the packet thread failed: no memory/)
  await plane.close()
  assert.deepEqual(events, [{ kind: 'failed', message: 'the packet thread failed: no memory' }])
})

test('every thread knows the peers of all lanes: their IKE comes to the first', async () => {
  const heard: string[] = []
  const plane = new UserspaceDataPlane({
    onEvent: () => {},
    onWarning: (text) => heard.push(text),
    workers: 4,
    workerFile: answering("message.kind === 'release' && message.peers.join(' ')"),
  })
  const tunnels = [tunnelTo('198.51.100.1'), tunnelTo('198.51.100.2')]
  await plane.configure({ localAddresses: [], tunnels })
  await plane.close()
  assert.deepEqual(heard, new Array(4).fill('198.51.100.1 198.51.100.2'))
})

test('of tunnels that should be carried together and are not is said once', async () => {
  const heard: string[] = []
  const plane = new UserspaceDataPlane({
    onEvent: () => {},
    onWarning: (text) => heard.push(text),
    workers: 4,
    workerFile: answering("''"),
  })
  const [paris, tokyo] = [tunnelTo('198.51.100.1'), tunnelTo('198.51.100.2')]
  await plane.configure({ localAddresses: [], tunnels: [paris, tokyo] })
  const moved = { ...tokyo, remote: paris.remote }
  for (let i = 0; i < 2; i++) {
    await plane.configure({ localAddresses: [], tunnels: [paris, moved] })
  }
  await plane.close()
  assert.equal(heard.length, 1)
  assert.match(heard[0] ?? '', /198\.51\.100\.2 and 198\.51\.100\.1 have one peer/)
})

function tunnelTo(remote: string) {
  return {
    name: remote,
    interfaceName: `cw${remote}`,
    local: ip('192.0.2.1'),
    remote: ip(remote),
    mode: 'tunnel' as const,
    pairs: [],
    acquire: false,
  }
}

/** A thread that does nothing, says yes to everything, and what `told` makes of each message. */
function answering(told: string): URL {
  const code = `
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', (message) => {
      const text = ${told}
      if (text) parentPort.postMessage({ kind: 'warning', text })
      if (message.id) parentPort.postMessage({ kind: 'configured', id: message.id })
      if (message.kind === 'close') parentPort.close()
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}

test('an SA survives the way to the thread with its keys, which JSON does not show', () => {
  const copy = saFromPlain(structuredClone(plainSa(sa)))
  assert.deepEqual(copy.encryptionKey.reveal(), sa.encryptionKey.reveal())
  assert.equal(JSON.stringify(copy), JSON.stringify(sa))
})
