import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ControlClient } from '#control/client'
import type { DataPlaneEvent } from '#dataplane/port'
import { RecordingDataPlane } from '../../test/support/recording-data-plane.ts'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { type Ending, type RunOptions, runGateway } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-run-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const config = sampleConfig(sampleTunnel('paris'))
let sockets = 0

function rig(overrides: Partial<RunOptions> = {}) {
  const dataPlane = new RecordingDataPlane()
  const path = join(folder, `${sockets++}.sock`)
  let printed = ''
  let emit: (event: DataPlaneEvent) => void = () => {}
  const ending: Promise<Ending> = runGateway(path, config, {
    version: '1.0.0',
    file: 'causeway.yaml',
    log: {
      format: 'human',
      level: 'info',
      columns: undefined,
      write: (text) => {
        printed += text
      },
    },
    load: () => ({ config, problems: '', errors: 0 }),
    engine: { handle: () => [], snapshot: () => [] },
    makeDataPlane: (onEvent) => {
      emit = onEvent
      return dataPlane
    },
    ...overrides,
  })
  return {
    path,
    dataPlane,
    ending,
    printed: () => printed,
    emit: (event: DataPlaneEvent) => emit(event),
  }
}

/** Answered only once the gateway has started. */
async function client(path: string): Promise<ControlClient> {
  for (let i = 0; !existsSync(path) && i < 500; i++)
    await new Promise((resolve) => setTimeout(resolve, 2))
  const connected = await ControlClient.connect(path)
  await connected.request({ command: 'status' })
  return connected
}

test('runs until it is told to stop, and leaves neither socket nor data plane', async () => {
  const { path, dataPlane, ending } = rig()
  const connected = await client(path)
  await connected.request({ command: 'shutdown' })
  assert.equal(await ending, 'stopped')
  connected.close()
  assert.deepEqual(dataPlane.calls, ['configure paris', 'close'])
  assert.equal(existsSync(path), false)
})

test('ends when nothing carries packets any more', async () => {
  const { path, ending, emit, printed } = rig()
  const connected = await client(path)
  emit({ kind: 'failed', message: 'the packet thread ended' })
  assert.equal(await ending, 'defect')
  connected.close()
  assert.match(printed(), /data plane: the packet thread ended/)
})

test('tells missing rights from other reasons not to start, and cleans up after either', async () => {
  for (const [message, expected] of [
    ['open /dev/net/tun: not permitted (EPERM)', 'not-permitted'],
    ['bind 203.0.113.10:500: taken (EADDRINUSE)', 'not-started'],
  ] as const) {
    const refusing = new RecordingDataPlane()
    refusing.refusal = new Error(message)
    const { ending, path, printed } = rig({ makeDataPlane: () => refusing })
    assert.equal(await ending, expected)
    assert.deepEqual(refusing.calls, ['configure paris', 'close'])
    assert.equal(existsSync(path), false)
    assert.ok(printed().includes(`not started: ${message}`))
  }
})

test('does not touch the host when another gateway answers on its socket', async () => {
  const first = rig()
  const connected = await client(first.path)
  const dataPlane = new RecordingDataPlane()
  const options = { ...rigOptions, makeDataPlane: () => dataPlane }
  assert.equal(await runGateway(first.path, config, options), 'not-started')
  assert.deepEqual(dataPlane.calls, [])
  await connected.request({ command: 'shutdown' })
  await first.ending
  connected.close()
})

const rigOptions: RunOptions = {
  version: '1.0.0',
  file: 'causeway.yaml',
  log: { format: 'human', level: 'error', columns: undefined, write: () => {} },
  load: () => ({ config, problems: '', errors: 0 }),
  engine: { handle: () => [], snapshot: () => [] },
  makeDataPlane: () => new RecordingDataPlane(),
}
