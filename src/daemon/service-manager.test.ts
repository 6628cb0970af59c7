import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceManager } from './service-manager.ts'

function rig(watchdog: string | undefined, notify?: (lines: readonly string[]) => boolean) {
  const told: string[] = []
  const problems: string[] = []
  const manager = new ServiceManager({
    status: () => '2 of 3 tunnels up',
    watchdog,
    notify:
      notify ??
      ((lines) => {
        told.push(lines.join(' '))
        return true
      }),
    onProblem: (text) => problems.push(text),
  })
  return { manager, told, problems }
}

test('says when it is ready, reads again and stops, with how many tunnels are up', () => {
  const { manager, told } = rig(undefined)
  manager.ready()
  manager.reloading()
  manager.ready()
  manager.stopping()
  assert.deepEqual(told, [
    'READY=1 STATUS=2 of 3 tunnels up',
    'RELOADING=1',
    'READY=1 STATUS=2 of 3 tunnels up',
    'STOPPING=1',
  ])
})

test('shows signs of life twice as often as the manager asks, until it stops', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const { manager, told } = rig('2000000')
  manager.ready()
  context.mock.timers.tick(2_000)
  assert.equal(told.filter((line) => line.endsWith('WATCHDOG=1')).length, 2)
  manager.stopping()
  context.mock.timers.tick(10_000)
  assert.equal(told.at(-1), 'STOPPING=1')
})

test('a manager that cannot be reached is said once and stops nothing', () => {
  const { manager, problems } = rig(undefined, () => {
    throw new Error('ENOENT')
  })
  manager.ready()
  manager.reloading()
  manager.stopping()
  assert.equal(problems.length, 1)
})

test('where nobody listens no timer runs', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  let calls = 0
  const { manager } = rig('2000000', () => {
    calls++
    return false
  })
  manager.ready()
  context.mock.timers.tick(10_000)
  assert.equal(calls, 1)
})
