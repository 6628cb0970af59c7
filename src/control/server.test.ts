import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Event } from '#ike/events'
import { CommandRefused, ControlClient, GatewayUnreachable } from './client.ts'
import { type ControlHandlers, ControlServer, RequestRefused } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-control-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const handlers: ControlHandlers = {
  ready: Promise.resolve(),
  async handle(request) {
    if (request.command === 'reload') throw new Error('file vanished')
    if (request.command === 'shutdown') return new Promise(() => {})
    return { asked: request.command }
  },
  select(patterns) {
    if (patterns?.includes('rome')) throw new RequestRefused('unknown-tunnel', 'no tunnel "rome"')
    return patterns ?? ['paris', 'tokyo']
  },
}

let sockets = 0
async function serve(): Promise<{ path: string; server: ControlServer }> {
  const path = join(folder, `${sockets++}.sock`)
  const server = new ControlServer(path, handlers)
  await server.listen()
  return { path, server }
}

test('answers requests under their own ids, to root and its group only', async () => {
  const { path, server } = await serve()
  assert.equal(statSync(path).mode & 0o777, 0o660)
  const client = await ControlClient.connect(path)
  const answers = await Promise.all([
    client.request({ command: 'status' }),
    client.request({ command: 'up', tunnels: ['paris'] }),
  ])
  assert.deepEqual(answers, [{ asked: 'status' }, { asked: 'up' }])
  client.close()
  await server.close()
})

test('tells a subscriber of its tunnels only, octets unharmed', async () => {
  const { path, server } = await serve()
  const client = await ControlClient.connect(path)
  const heard: unknown[] = []
  await client.subscribe(({ event }) => heard.push(event), ['paris'])
  const warning = (tunnel: string): Event => ({ kind: 'warning', tunnel, text: 'x' })
  for (const tunnel of ['tokyo', 'paris']) {
    server.publish({ sequence: 1, at: '2026-11-23T00:00:00.000Z', event: warning(tunnel) })
  }
  await client.request({ command: 'status' })
  assert.deepEqual(heard, [warning('paris')])
  client.close()
  await server.close()
})

test('passes on a refusal with its code, and any other failure as internal', async () => {
  const { path, server } = await serve()
  const client = await ControlClient.connect(path)
  const refusal = (code: string) => (error: unknown) =>
    error instanceof CommandRefused && error.code === code
  await assert.rejects(
    client.subscribe(() => {}, ['rome']),
    refusal('unknown-tunnel'),
  )
  await assert.rejects(client.request({ command: 'reload' }), refusal('internal'))
  client.close()
  await server.close()
})

for (const [what, line, expected] of [
  ['no JSON', 'hello', /"id":null.*one JSON object/],
  ['an unknown command', '{"id":7,"command":"dance"}', /"id":7.*bad-request/],
  ['an unknown key', '{"id":8,"command":"reload","now":true}', /"id":8.*bad-request/],
  ['a tunnel that is no text', '{"id":9,"command":"up","tunnels":[1]}', /tunnels\.0/],
  ['a request without id', '{"command":"status"}', /"id":null.*bad-request/],
] as const) {
  test(`answers ${what} with an error and stays`, async () => {
    const { path, server } = await serve()
    const reply = await raw(path, `${line}\n{"id":1,"command":"status"}\n`, 2)
    assert.match(reply[0] ?? '', expected)
    assert.match(reply[1] ?? '', /"id":1,"result"/)
    await server.close()
  })
}

test('hangs up on a request that does not end', async () => {
  const { path, server } = await serve()
  const reply = await raw(path, 'x'.repeat(70_000), 100)
  assert.match(reply.join(''), /at most 65536 octets/)
  await server.close()
})

test('respects a gateway that answers, and replaces a socket nobody answers', async () => {
  const { path, server } = await serve()
  await assert.rejects(new ControlServer(path, handlers).listen(), /another gateway is running/)
  await server.close()
  const text = join(folder, 'file')
  writeFileSync(text, '')
  await assert.rejects(new ControlServer(text, handlers).listen(), /is not a socket/)
})

test('a client learns at once that no gateway is there, or that it went', async () => {
  await assert.rejects(
    ControlClient.connect(join(folder, 'nobody.sock')),
    (error) => error instanceof GatewayUnreachable && error.reason === 'not-running',
  )
  const { path, server } = await serve()
  const client = await ControlClient.connect(path)
  const lost = new Promise<void>((resolve) => client.onLost(resolve))
  const unanswered = client.request({ command: 'shutdown' })
  await client.request({ command: 'status' })
  await Promise.all([
    server.close(),
    assert.rejects(unanswered, (error) => error instanceof GatewayUnreachable),
    lost,
  ])
})

test('leaves no socket behind', async () => {
  const { path, server } = await serve()
  await server.close()
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined)
})

/** Writes as a stranger would; collects at most `count` lines, or what comes until the other side hangs up. */
function raw(path: string, text: string, count: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let heard = ''
    const lines = () => heard.split('\n').slice(0, -1)
    socket.on('connect', () => socket.write(text))
    socket.on('data', (chunk) => {
      heard += chunk
      if (lines().length < count) return
      socket.destroy()
      resolve(lines())
    })
    socket.on('close', () => resolve(lines()))
    socket.on('error', reject)
  })
}
