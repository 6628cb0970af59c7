import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ToldEvent } from '#control/schema'
import { type ControlHandlers, ControlServer, RequestRefused } from '#control/server'
import type { TunnelStatus } from '#control/status'
import type { TimedEvent } from '#diagnosis/ladder'
import type { Event, Failure } from '#ike/events'
import { initiatorEvents, refusedEvents } from '../../test/support/ladder-samples.ts'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { statusSample } from '../../test/support/status-sample.ts'
import { EXIT } from './exit-codes.ts'
import { explain } from './explain.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-tell-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const failure: Failure = {
  code: 'CW-201',
  summary: 'paris refuses every proposal of phase 1',
  evidence: 'clear-text notify NO-PROPOSAL-CHOSEN',
  certainty: 'very likely',
  key: 'phase1',
  remedy: 'compare the proposals',
}
const failed: Event = { kind: 'negotiation-failed', tunnel: 'paris', phase: 1, failure }

test('tells the last negotiation of a tunnel that is up, each message with what it achieved', async () => {
  const { code, out } = await told('up', [...refusedEvents, [1, failed], ...later(initiatorEvents)])
  assert.equal(code, EXIT.ok)
  assert.match(out, /^Negotiation of 2026-11-23 12:00:\d\d UTC$/m)
  assert.match(out, /6 ← {2}I am 198\.51\.100\.7, hash correct/)
  assert.match(out, /encrypted; both sides have proven who they are/)
  assert.match(out, /^✓ paris is up/m)
  assert.equal(out.includes('NO-PROPOSAL'), false)
})

test('gives the diagnosis with its line under a negotiation that failed', async () => {
  const { code, out } = await told('down', [...refusedEvents, [4_100, failed]])
  assert.equal(code, EXIT.down)
  assert.match(
    out,
    /NO-PROPOSAL-CHOSEN \(unauthenticated\)[\s\S]*✗ paris is down[\s\S]*CW-201[\s\S]*causeway\.yaml:12:13/,
  )
})

test('tells the attempt that failed while the next one has said nothing yet', async () => {
  const { out } = await told('connecting', [
    ...refusedEvents,
    [4_100, failed],
    ...later(initiatorEvents.slice(0, 1)),
  ])
  assert.match(out, /NO-PROPOSAL-CHOSEN[\s\S]*CW-201/)
})

test('shows every payload on request', async () => {
  const { out } = await told('up', initiatorEvents, { payloads: true })
  assert.match(out, /transform \d+ KEY_IKE: Encryption Algorithm AES-CBC/)
})

test('prints one document with --json', async () => {
  const { out } = await told('down', [...refusedEvents, [4_100, failed]], { json: true })
  const { schema, tunnel, state, messages, failure } = JSON.parse(out)
  assert.deepEqual([schema, tunnel, state, messages.length], [1, 'paris', 'down', 3])
  assert.equal(failure.code, 'CW-201')
})

test('a word that no tunnel has is looked up in the pages of failures', async () => {
  const { code, out } = await told('up', initiatorEvents, {}, 'PAYLOAD-MALFORMED')
  assert.equal(code, EXIT.ok)
  assert.match(out, /CW-301/)
})

type Told = TimedEvent | readonly [number, Event]

let sockets = 0

async function told(
  state: TunnelStatus['state'],
  events: readonly Told[],
  options: { json?: boolean; payloads?: boolean } = {},
  word = 'paris',
) {
  const [sample] = statusSample.tunnels
  assert.ok(sample !== undefined)
  const tunnel = { ...sample, name: 'paris', state }
  const handlers: ControlHandlers = {
    ready: Promise.resolve(),
    async handle(request) {
      const { tunnels } = request as { tunnels?: readonly string[] }
      if (tunnels?.includes('paris') !== true) throw new RequestRefused('unknown-tunnel', 'none')
      if (request.command === 'status') return { ...statusSample, tunnels: [tunnel] }
      return { events: events.map(toldEvent) }
    },
    select: (patterns) => patterns ?? [],
  }
  const control = join(folder, `${sockets++}.sock`)
  const server = new ControlServer(control, handlers)
  await server.listen()
  const { terminal, said } = recordingTerminal()
  try {
    const code = await explain(terminal, { control }, [word], options)
    return { code, ...said }
  } finally {
    await server.close()
  }
}

function toldEvent(told: Told, index: number): ToldEvent {
  const { at, event } = 'event' in told ? told : { at: told[0], event: told[1] }
  const line = { file: 'causeway.yaml', line: 12, column: 13 }
  return {
    sequence: index + 1,
    at: new Date(Date.UTC(2026, 10, 23, 12) + at).toISOString(),
    event,
    ...('failure' in event ? { line } : {}),
  }
}

function later(events: readonly TimedEvent[]): readonly TimedEvent[] {
  return events.map(({ at, event }) => ({ at: at + 10_000, event }))
}
