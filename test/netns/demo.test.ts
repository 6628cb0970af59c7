import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { DemoDocument } from '../../tools/demo/document.ts'
import { eventually, run, start } from '../support/process.ts'
import { namespacesOf } from '../support/topology.ts'

/** The demo keeps its files here and nowhere else, so that what it leaves can be seen. */
const scratch = mkdtempSync(join(tmpdir(), 'cw-demo-test-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const env = { TMPDIR: scratch }
const DEMO = [process.execPath, join(import.meta.dirname, '..', '..', 'tools', 'demo', 'demo.ts')]

test('the demo brings up a tunnel, moves traffic, shows nothing in clear and says so in one JSON document', async () => {
  const { code, stdout, stderr } = await run([...DEMO, '--json'], { env, timeout: 120_000 })
  assert.equal(code, 0, stderr)
  const document = JSON.parse(stdout) as DemoDocument
  assert.deepEqual(Object.keys(document), [
    'tunnel',
    'messages',
    'ping',
    'tcp',
    'plaintextOnWire',
    'ok',
  ])
  assert.equal(document.ok, true)
  assert.equal(document.tunnel?.state, 'up')
  assert.deepEqual(
    document.messages.map(
      ({ exchange, number, direction }) => `${exchange} ${number} ${direction}`,
    ),
    [
      'main 1 sent',
      'main 2 received',
      'main 3 sent',
      'main 4 received',
      'main 5 sent',
      'main 6 received',
      'quick 1 sent',
      'quick 2 received',
      'quick 3 sent',
    ],
  )
  assert.deepEqual(
    document.messages.map(({ encrypted }) => encrypted),
    [false, false, false, false, true, true, true, true, true],
  )
  assert.equal(document.ping.received, document.ping.sent)
  assert.ok(document.ping.sent > 0 && (document.ping.rttMs ?? 0) > 0)
  assert.equal(document.tcp.bytes, 32 * 1024 * 1024)
  assert.ok(document.tcp.bitsPerSecond > 0)
  assert.equal(document.plaintextOnWire, 0)
  assert.deepEqual(readdirSync(scratch), [])
})

test('the demo for people tells the nine messages and its verdict', async () => {
  const { code, stdout, stderr } = await run(DEMO, { env, timeout: 120_000 })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /first exchange[\s\S]*second exchange[\s\S]*third exchange[\s\S]*Phase 2/)
  assert.match(stdout, /Everything held/)
})

test('the demo interrupted midway leaves no namespace, process or file behind', async () => {
  const demo = start(DEMO, { env })
  const ended = new Promise<number | null>((resolve) => demo.once('exit', resolve))
  const pid = demo.pid ?? 0
  demo.stdout?.resume()
  await eventually('the demo has built its namespaces', () => namespacesOf(pid).length === 5)
  await eventually('a gateway runs in one of them', async () => {
    const gateway = namespacesOf(pid).find((name) => name.endsWith('gw-b'))
    const { stdout } = await run(['ip', 'netns', 'pids', gateway ?? ''])
    return stdout.trim() !== ''
  })
  const inside = await processesIn(namespacesOf(pid))
  demo.kill('SIGINT')
  assert.equal(await ended, 130)
  assert.deepEqual(namespacesOf(pid), [])
  await eventually('its processes are gone', () => !inside.some(isRunning))
  assert.deepEqual(readdirSync(scratch), [])
})

async function processesIn(namespaces: readonly string[]): Promise<readonly number[]> {
  const lists = await Promise.all(namespaces.map((name) => run(['ip', 'netns', 'pids', name])))
  return lists.flatMap(({ stdout }) =>
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number),
  )
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
