import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Config } from '#config/config'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { RunningConfiguration } from './running-configuration.ts'

const [paris, rome, tokyo] = ['paris', 'rome', 'tokyo'].map((name) =>
  sampleConfig(sampleTunnel(name)),
) as [Config, Config, Config]

/** `runs()` names the tunnels of what was put in place, in order; `settle` lets what was begun come to its end. */
function rig(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const file: { config: Config | undefined } = { config: paris }
  const refusal: { error: Error | undefined } = { error: undefined }
  const put: string[] = []
  const lookup: { over: Promise<void> } = { over: Promise.resolve() }
  const notes: string[] = []
  const configuration = new RunningConfiguration({
    load: () => ({
      config: file.config,
      problems: file.config === undefined ? 'line 3 is wrong' : '',
      errors: file.config === undefined ? 1 : 0,
    }),
    resolve: async (config) => {
      await lookup.over
      return config
    },
    replace: async (_from, to, taken) => {
      if (refusal.error !== undefined) throw refusal.error
      taken()
      put.push(...to.tunnels.map(({ name }) => name))
      return undefined
    },
    note: (_level, text) => notes.push(text),
    now: () => new Date(),
  })
  const tick = async (seconds: number) => {
    context.mock.timers.tick(seconds * 1_000)
    // Lets what the timer began come to its end.
    await configuration.serialised(async () => {})
  }
  return { configuration, file, refusal, lookup, put, notes, tick }
}

test('a change on trial that nobody confirms is taken back, and the status says so', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  const result = await configuration.reload(60)
  assert.equal(result.outcome === 'applied' && result.confirmBy, '1970-01-01T00:01:00.000Z')
  assert.equal(configuration.status().confirmBy, '1970-01-01T00:01:00.000Z')
  await tick(59)
  assert.deepEqual(put, ['paris', 'rome'])
  await tick(1)
  assert.deepEqual(put, ['paris', 'rome', 'paris'])
  const { confirmBy, undone, loadedAt } = configuration.status()
  assert.deepEqual([confirmBy, undone?.why], [undefined, 'not-confirmed'])
  assert.equal(loadedAt, '1970-01-01T00:00:00.000Z')
})

test('a change that is confirmed stays', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload(60)
  assert.deepEqual(configuration.confirm(), { outcome: 'confirmed' })
  await tick(120)
  assert.deepEqual(put, ['paris', 'rome'])
  assert.deepEqual(configuration.confirm(), { outcome: 'nothing-to-confirm' })
})

test('once it is being taken back, which may wait for host names, it is too late to confirm', async (context) => {
  const { configuration, file, lookup, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload(60)
  let answer = () => {}
  lookup.over = new Promise((resolve) => {
    answer = resolve
  })
  const undone = tick(60)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  assert.deepEqual(configuration.confirm(), { outcome: 'nothing-to-confirm' })
  assert.equal(configuration.status().confirmBy, undefined)
  answer()
  await undone
  assert.deepEqual(put, ['paris', 'rome', 'paris'])
  assert.equal(configuration.status().undone?.why, 'not-confirmed')
})

test('an undo that cannot be done leaves the trial as it was', async (context) => {
  const { configuration, file, refusal, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload(60)
  refusal.error = new Error('cw-paris: interface exists')
  assert.equal((await configuration.undo()).outcome, 'refused')
  assert.equal(configuration.status().confirmBy, '1970-01-01T00:01:00.000Z')
  refusal.error = undefined
  await tick(60)
  assert.equal(configuration.config, paris)
})

test('while one is on trial no other takes its place for good', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload(60)
  file.config = tokyo
  const refused = await configuration.reload()
  assert.match(refused.outcome === 'refused' ? refused.problems : '', /confirm or causeway undo/)
  await tick(60)
  assert.deepEqual(put, ['paris', 'rome', 'paris'])
})

test('of several trials in a row, what was before the first comes back', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  for (const config of [rome, tokyo]) {
    file.config = config
    await configuration.reload(60)
  }
  await tick(60)
  assert.deepEqual(put, ['paris', 'rome', 'tokyo', 'paris'])
})

test('undo goes back, and undo again goes forth', async (context) => {
  const { configuration, file, put } = rig(context)
  await configuration.start(paris)
  assert.equal((await configuration.undo()).outcome, 'refused')
  file.config = rome
  await configuration.reload()
  await configuration.undo()
  assert.equal(configuration.status().undone?.why, 'operator')
  await configuration.undo()
  assert.deepEqual(put, ['paris', 'rome', 'paris', 'rome'])
})

test('undone twice, the file says what runs, and the status does not say otherwise', async (context) => {
  const { configuration, file } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload()
  await configuration.undo()
  await configuration.undo()
  assert.equal(configuration.status().undone, undefined)
  await configuration.undo()
  assert.equal(configuration.status().undone?.why, 'operator')
})

test('a file that says what runs is nothing to try or to undo: undo still goes back to what was before', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload()
  const again = await configuration.reload(60)
  assert.equal(again.outcome === 'applied' && again.confirmBy, undefined)
  await tick(60)
  assert.deepEqual(put, ['paris', 'rome', 'rome'])
  await configuration.undo()
  assert.deepEqual(put, ['paris', 'rome', 'rome', 'paris'])
})

test('undo during a trial ends the trial', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload(60)
  await configuration.undo()
  await tick(60)
  assert.deepEqual(put, ['paris', 'rome', 'paris'])
})

test('a file that is wrong, or cannot be applied, changes nothing and starts no trial', async (context) => {
  const { configuration, file, refusal, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = undefined
  assert.equal((await configuration.reload(60)).outcome, 'refused')
  file.config = rome
  refusal.error = new Error('cw-rome: interface exists')
  assert.equal((await configuration.reload(60)).outcome, 'refused')
  assert.equal(configuration.status().refused?.problems, 'cw-rome: interface exists')
  refusal.error = undefined
  await tick(60)
  assert.deepEqual(put, ['paris'])
  assert.equal(configuration.config, paris)
})

test('another address of a peer changes nothing else: not when it was loaded, not what undo goes back to', async (context) => {
  const { configuration, file, put, refusal } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload()
  file.config = undefined
  await configuration.reload()
  await configuration.renew(() => tokyo)
  await configuration.renew((config) => config)
  assert.deepEqual(put, ['paris', 'rome', 'tokyo'])
  assert.equal(configuration.status().refused?.problems, 'line 3 is wrong')
  refusal.error = new Error('cw-paris: interface exists')
  await configuration.renew(() => paris)
  assert.equal(configuration.config, tokyo)
  refusal.error = undefined
  await configuration.undo()
  assert.deepEqual(put.at(-1), 'paris')
})

test('why an address cannot be changed is told once, and again after it could', async (context) => {
  const { configuration, refusal, notes } = rig(context)
  await configuration.start(paris)
  const told = 'the address of a peer could not be changed: cw-paris: interface exists'
  refusal.error = new Error('cw-paris: interface exists')
  assert.equal(await configuration.renew(() => tokyo), false)
  assert.equal(await configuration.renew(() => tokyo), false)
  assert.deepEqual(notes, [told])
  refusal.error = undefined
  assert.equal(await configuration.renew(() => tokyo), true)
  refusal.error = new Error('cw-paris: interface exists')
  await configuration.renew(() => paris)
  assert.deepEqual(notes, [told, told])
})

test('diff reads the file and changes nothing', async (context) => {
  const { configuration, file, put } = rig(context)
  await configuration.start(paris)
  file.config = rome
  const result = await configuration.diff()
  assert.deepEqual(result.outcome === 'read' && [result.changes.added, result.changes.removed], [
    ['rome'],
    ['paris'],
  ])
  file.config = undefined
  assert.equal((await configuration.diff()).outcome, 'refused')
  assert.deepEqual(put, ['paris'])
})

test('a gateway that stops takes nothing back any more', async (context) => {
  const { configuration, file, put, tick } = rig(context)
  await configuration.start(paris)
  file.config = rome
  await configuration.reload(60)
  await configuration.stop()
  await tick(60)
  assert.deepEqual(put, ['paris', 'rome'])
})
