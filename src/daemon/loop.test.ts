import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Effect, Input } from '#ike/effects'
import { type Defect, EngineLoop } from './loop.ts'

const keepalive: Effect = {
  kind: 'tell',
  event: { kind: 'warning', tunnel: 'paris', text: 'x' },
}

function rig(handle: (input: Input, submit: (input: Input) => void) => readonly Effect[]) {
  const executed: Effect[] = []
  const defects: Defect[] = []
  const inputs: Input[] = []
  const loop: EngineLoop = new EngineLoop({
    engine: {
      handle(input) {
        inputs.push(input)
        return handle(input, (next) => loop.submit(next))
      },
      snapshot: () => [],
    },
    clock: { now: () => performance.now(), wall: () => new Date(0) },
    execute: (effect) => executed.push(effect),
    onDefect: (defect) => defects.push(defect),
  })
  return { loop, executed, defects, inputs }
}

test('carries out the effects of one input before it takes the next', () => {
  const seen: string[] = []
  let inside = false
  const { loop } = rig((input, submit) => {
    assert.equal(inside, false)
    inside = true
    seen.push(input.kind)
    if (input.kind === 'command') submit({ kind: 'timer' })
    inside = false
    return []
  })
  loop.submit({ kind: 'command', command: { kind: 'up', tunnel: 'paris' } })
  assert.deepEqual(seen, ['command', 'timer'])
  loop.stop()
})

test('drops and reports an input the engine throws at, and goes on with the next', () => {
  const { loop, defects, executed } = rig((input) => {
    if (input.kind === 'datagram') throw new Error('boom')
    return [keepalive]
  })
  const end = { address: '192.0.2.1' as never, port: 500 }
  loop.submit({ kind: 'datagram', octets: Uint8Array.of(0xab), local: end, remote: end })
  loop.submit({ kind: 'timer' })
  assert.equal(defects.length, 1)
  assert.match(defects[0]!.detail, /192\.0\.2\.1:500 > 192\.0\.2\.1:500 ab$/)
  assert.deepEqual(executed, [keepalive])
  loop.stop()
})

test('goes on with the other effects when one cannot be carried out', () => {
  const executed: Effect[] = []
  const defects: Defect[] = []
  let calls = 0
  const loop = new EngineLoop({
    engine: { handle: () => [keepalive, keepalive], snapshot: () => [] },
    clock: { now: () => 0, wall: () => new Date(0) },
    execute(effect) {
      calls++
      if (calls === 1) throw new Error('no socket')
      executed.push(effect)
    },
    onDefect: (defect) => defects.push(defect),
  })
  loop.submit({ kind: 'timer' })
  assert.equal(executed.length, 1)
  assert.equal(defects[0]?.where, 'effect tell')
  loop.stop()
})

test('wakes the engine when it asked for it, and keeps only the last wish', async () => {
  const { loop, inputs } = rig((input) =>
    input.kind === 'command' ? [{ kind: 'wake-at', at: performance.now() + 5 }] : [],
  )
  loop.submit({ kind: 'command', command: { kind: 'up', tunnel: 'a' } })
  loop.submit({ kind: 'command', command: { kind: 'up', tunnel: 'b' } })
  while (inputs.length < 3) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.deepEqual(
    inputs.map(({ kind }) => kind),
    ['command', 'command', 'timer'],
  )
  loop.stop()
})

test('takes nothing more once stopped', () => {
  const { loop, inputs } = rig(() => [])
  loop.stop()
  loop.submit({ kind: 'timer' })
  assert.deepEqual(inputs, [])
})
