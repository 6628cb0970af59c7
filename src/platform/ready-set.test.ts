import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEventFd } from './eventfd.ts'
import { ReadySet } from './ready-set.ts'

test('tells which of many descriptors are ready, and no other', () => {
  const events = Array.from({ length: 100 }, () => openEventFd())
  const set = new ReadySet([-1, ...events.map(({ fd }) => fd)])
  try {
    assert.equal(set.wait(0), 0)
    events[7]?.signal()
    events[93]?.signal()
    assert.equal(set.wait(-1), 2)
    assert.deepEqual([set.index(0), set.index(1)].sort(), [8, 94])
    assert.deepEqual([set.readable(0), set.failed(0)], [true, false])
    events[7]?.clear()
    assert.equal(set.wait(1000), 1, 'still ready until it is read')
    assert.equal(set.index(0), 94)
    set.replace([events[7]?.fd ?? -1])
    assert.equal(set.wait(0), 0)
  } finally {
    set.close()
    for (const event of events) event.close()
  }
})

test('waits until something comes, however many are ready at once', () => {
  const events = Array.from({ length: 200 }, () => openEventFd())
  const set = new ReadySet(events.map(({ fd }) => fd))
  try {
    for (const event of events) event.signal()
    const seen = new Set<number>()
    for (let turn = 0; turn < 20 && seen.size < 200; turn++) {
      const ready = set.wait(1000)
      assert.ok(ready > 0)
      for (let place = 0; place < ready; place++) {
        seen.add(set.index(place))
        events[set.index(place)]?.clear()
      }
    }
    assert.equal(seen.size, 200)
  } finally {
    set.close()
    for (const event of events) event.close()
  }
})

test('of a descriptor that somebody else reads, errors only', () => {
  const event = openEventFd()
  const set = new ReadySet([])
  try {
    event.signal()
    set.replace([event.fd], new Set([event.fd]))
    assert.equal(set.wait(0), 0)
    set.replace([event.fd])
    assert.equal(set.wait(0), 1)
  } finally {
    set.close()
    event.close()
  }
})
