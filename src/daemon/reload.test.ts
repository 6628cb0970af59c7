import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { RecordingDataPlane } from '../../test/support/recording-data-plane.ts'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { replaceConfig } from './reload.ts'

const [paris, tokyo] = [sampleTunnel('paris'), sampleTunnel('tokyo')]

async function replaced(
  from: ReturnType<typeof sampleConfig> | undefined,
  to: ReturnType<typeof sampleConfig>,
) {
  const dataPlane = new RecordingDataPlane()
  const configureEngine = () => void dataPlane.calls.push('engine')
  await replaceConfig({ from, to, dataPlane, configureEngine })
  return dataPlane
}

test('a new tunnel has its policies before the engine knows it', async () => {
  const { calls } = await replaced(sampleConfig(paris), sampleConfig(paris, tokyo))
  assert.deepEqual(calls, ['configure paris+tokyo', 'engine'])
})

test('a tunnel that goes keeps its policies and sockets until its peer was told', async () => {
  const away = sampleTunnel('rome', { local: ip('192.0.2.9') })
  const { calls, settings } = await replaced(sampleConfig(paris, away), sampleConfig(paris))
  assert.deepEqual(calls, ['configure paris+rome', 'engine', 'configure paris'])
  assert.deepEqual(settings[0]?.localAddresses, ['203.0.113.10', '192.0.2.9'])
  assert.deepEqual(settings[1]?.localAddresses, ['203.0.113.10'])
})

test('a tunnel that only changed its name hands its interface on', async () => {
  const renamed = sampleTunnel('lutetia', { interfaceName: 'cw-paris' })
  const { calls } = await replaced(sampleConfig(paris), sampleConfig(renamed))
  assert.deepEqual(calls, ['configure lutetia', 'engine'])
})

test('a tunnel that moves to another local address keeps the old one until its peer was told', async () => {
  const moved = sampleTunnel('paris', { local: ip('192.0.2.9') })
  const { settings } = await replaced(sampleConfig(paris), sampleConfig(moved))
  assert.deepEqual(
    settings.map(({ localAddresses }) => localAddresses),
    [['192.0.2.9', '203.0.113.10'], ['192.0.2.9']],
  )
})

test('what the data plane cannot do is undone, and the engine never hears of it', async () => {
  const dataPlane = new RecordingDataPlane()
  dataPlane.refusal = new Error('cannot bind 192.0.2.9')
  const configureEngine = () => void dataPlane.calls.push('engine')
  const replacement = {
    from: sampleConfig(paris),
    to: sampleConfig(tokyo),
    dataPlane,
    configureEngine,
  }
  await assert.rejects(replaceConfig(replacement), /cannot bind/)
  assert.deepEqual(dataPlane.calls, ['configure tokyo+paris', 'configure paris'])
})
