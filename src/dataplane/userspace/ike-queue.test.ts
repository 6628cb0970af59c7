import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { IkeDatagram } from '../port.ts'
import { IkeQueue } from './ike-queue.ts'

test('what belongs to an SA overtakes everything that waits; the rest keeps its order, and lets others work between', async () => {
  const heard: string[] = []
  const queue = new IkeQueue(({ octets }) => heard.push(`${octets[0]}`))
  let taken = 0
  const add = (number: number, trusted: boolean) =>
    queue.add(datagram(number), trusted, () => taken++)
  for (let i = 0; i < 40; i++) add(i, false)
  add(100, true)
  assert.deepEqual([heard, taken], [['100'], 1])
  while (heard.length < 41) {
    await new Promise((resolve) => setImmediate(resolve))
    if (heard.at(-1) !== 'else') heard.push('else')
    assert.ok(heard.length < 60)
  }
  const order = heard.slice(1).filter((one) => one !== 'else')
  assert.deepEqual(
    order,
    order.map((_, i) => `${i}`),
  )
  assert.ok(heard.indexOf('else') < heard.indexOf('39'))
})

test('closed, it hands nothing on', async () => {
  const heard: number[] = []
  const queue = new IkeQueue(({ octets }) => heard.push(octets[0] ?? 0))
  queue.add(datagram(1), false, () => {})
  queue.close()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(heard, [])
})

function datagram(number: number): IkeDatagram {
  const endpoint = { address: ip('192.0.2.1'), port: 500 }
  return {
    kind: 'ike-datagram',
    octets: Uint8Array.of(number),
    local: endpoint,
    remote: endpoint,
  }
}
