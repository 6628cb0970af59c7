import assert from 'node:assert/strict'
import { once } from 'node:events'
import { it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { allocateArena } from './arena.ts'
import { openEventFd } from './eventfd.ts'
import { PollSet } from './poll.ts'

/** Blocks in poll until it is woken, then writes into the shared memory and wakes the other side. */
const SLEEPER = `
  const { workerData } = require('node:worker_threads')
  const { buffer, wakeUp, answer, folder } = workerData
  Promise.all(['arena', 'eventfd', 'poll'].map((name) => import(folder + name + '.ts'))).then(
    ([{ arenaOver }, { EventFd }, { PollSet }]) => {
      const arena = arenaOver(buffer)
      const set = new PollSet([wakeUp])
      new EventFd(answer).signal()
      if (set.wait(10_000) === 1 && new EventFd(wakeUp).clear()) arena.octets[5] = 42
      arena.view.setFloat64(8, arena.address)
      new EventFd(answer).signal()
    },
  )
`

it('one thread wakes another that waits in poll, and both see one packet arena', async () => {
  const arena = allocateArena(4096)
  const wakeUp = openEventFd()
  const answer = openEventFd()
  const folder = new URL('.', import.meta.url).href
  const worker = new Worker(SLEEPER, {
    eval: true,
    workerData: { buffer: arena.octets.buffer, wakeUp: wakeUp.fd, answer: answer.fd, folder },
  })
  const ended = once(worker, 'exit')
  try {
    const set = new PollSet([answer.fd])
    await heard(set)
    assert.equal(answer.clear(), true)
    assert.equal(arena.octets[5], 0)
    wakeUp.signal()
    await heard(set)
    assert.equal(arena.octets[5], 42)
    assert.equal(arena.view.getFloat64(8), arena.address)
    assert.deepEqual(await ended, [0])
  } finally {
    await worker.terminate()
    wakeUp.close()
    answer.close()
  }
})

/** Lets this thread's event loop turn meanwhile: the worker is started by it. */
async function heard(set: PollSet): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (set.wait(0) === 1) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail('the other thread did not answer')
}
