import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ControlHandlers, ControlServer } from '#control/server'
import type { NetworkStatus } from '#control/status'
import type { Event, Failure } from '#ike/events'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { EXIT } from './exit-codes.ts'
import { up } from './up.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-up-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const NETWORKS: readonly NetworkStatus[] = [2, 3, 4].map((net) => ({
  local: '10.1.0.0/16',
  remote: `10.${net}.0.0/16`,
  state: 'connecting',
}))

const FAILURE: Failure = {
  code: 'CW-101',
  summary: 'nothing comes back',
  evidence: 'silence',
  certainty: 'possible',
  remedy: 'ask the peer',
}
const FAILED: Event = { kind: 'negotiation-failed', tunnel: 'paris', phase: 1, failure: FAILURE }

test('what silence means is told once, and of other network pairs no more than their names', async () => {
  const waiting = NETWORKS.map((_, pair) => unanswered(pair))
  const { code, out } = await upWith([...waiting, FAILED])
  assert.equal(code, EXIT.down)
  assert.equal(out.split(/Should\s+none\s+come/).length, 2, out)
  assert.match(out, /CW-401 {2}no answer for pair 0 /)
  assert.ok(
    out.includes(
      '\n  CW-401  the same for 10.1.0.0/16 ↔ 10.3.0.0/16\n  CW-401  the same for 10.1.0.0/16 ↔ 10.4.0.0/16\n',
    ),
    out,
  )
})

/** `causeway up paris` at a gateway that then tells of these. */
async function upWith(events: readonly Event[]): Promise<{ code: number; out: string }> {
  const path = join(folder, 'control.sock')
  const at = new Date().toISOString()
  const handlers: ControlHandlers = {
    ready: Promise.resolve(),
    async handle({ command }) {
      if (command !== 'up') return { events: [] }
      setImmediate(() => {
        events.forEach((event, i) => {
          server.publish({ sequence: i + 1, at, event })
        })
      })
      return { tunnels: [{ tunnel: 'paris', state: 'connecting', since: at, networks: NETWORKS }] }
    },
    select: (patterns) => patterns ?? [],
  }
  const server = new ControlServer(path, handlers)
  await server.listen()
  const { terminal, said } = recordingTerminal()
  const code = await up(terminal, { control: path }, ['paris'], { timeout: 60 })
  await server.close()
  return { code, out: said.out }
}

function unanswered(pair: number): Event {
  return {
    kind: 'message-unanswered',
    tunnel: 'paris',
    phase: 2,
    pair,
    exchange: 'quick',
    message: 1,
    sent: 3,
    waited: 3_000,
    remaining: 28_000,
    failure: { ...FAILURE, code: 'CW-401', summary: `no answer for pair ${pair}` },
  }
}
