import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ENOBUFS, SystemError } from '#platform/errno'
import type { Link } from '#platform/links'
import { packetsAtFullQueues } from './queue-full.ts'

const interfaces = new Map([['cw-paris', 'paris']])
const link = { name: 'cw-paris', transmitDropped: 9 } as Link

test('what an interface lost at its full queue is told of its tunnel, and nothing of other interfaces', () => {
  const links = [{ ...link, name: 'eth0', transmitDropped: 4 }, link]
  assert.deepEqual([...packetsAtFullQueues(interfaces, () => links)], [['paris', 9]])
})

test('a host that does not list its interfaces costs only these numbers', () => {
  const refuses = () => {
    throw new SystemError('list links', ENOBUFS)
  }
  assert.deepEqual([...packetsAtFullQueues(interfaces, refuses)], [])
})

test('a mistake of ours is not taken for a host that does not answer', () => {
  const mistaken = () => {
    throw new RangeError('of ours')
  }
  assert.throws(() => packetsAtFullQueues(interfaces, mistaken), RangeError)
})
