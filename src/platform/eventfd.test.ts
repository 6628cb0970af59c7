import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openEventFd } from './eventfd.ts'
import { PollSet } from './poll.ts'

describe('eventfd and poll', () => {
  it('is not readable before a signal, is after it, and not after being cleared', () => {
    const event = openEventFd()
    try {
      const set = new PollSet([event.fd])
      assert.equal(set.wait(0), 0)
      assert.equal(set.readable(0), false)
      event.signal()
      event.signal()
      assert.equal(set.wait(1000), 1)
      assert.equal(set.readable(0), true)
      assert.equal(set.failed(0), false)
      assert.equal(event.clear(), true)
      assert.equal(event.clear(), false)
      assert.equal(set.wait(0), 0)
    } finally {
      event.close()
    }
  })

  it('tells which of several descriptors is ready', () => {
    const events = [openEventFd(), openEventFd(), openEventFd()]
    try {
      const set = new PollSet(events.map(({ fd }) => fd))
      events[1]!.signal()
      assert.equal(set.wait(1000), 1)
      assert.deepEqual(
        events.map((_, index) => set.readable(index)),
        [false, true, false],
      )
    } finally {
      for (const event of events) event.close()
    }
  })

  it('reports a descriptor that is not open as failed instead of waiting for it', () => {
    const set = new PollSet([1_000_000])
    assert.equal(set.wait(1000), 1)
    assert.equal(set.failed(0), true)
  })
})
