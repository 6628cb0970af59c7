import assert from 'node:assert/strict'
import { test } from 'node:test'
import { established, initiatorEvents } from '../../test/support/ladder-samples.ts'
import { type LogOptions, openLog } from './log.ts'

const at = new Date('2026-11-23T12:02:11.204Z')

function logged(options: Partial<LogOptions>, use: (log: ReturnType<typeof openLog>) => void) {
  let written = ''
  const write = (text: string) => {
    written += text
  }
  use(
    openLog({
      format: 'human',
      level: 'info',
      columns: undefined,
      now: () => at,
      write,
      ...options,
    }),
  )
  return written
}

test('writes one line a fact with date and zone where there is no terminal', () => {
  assert.equal(
    logged({}, (log) => log.event(at, established)),
    '2026-11-23T12:02:11.204Z paris  phase 1 up with 198.51.100.7, strongSwan: Main mode, aes256-sha256-group14, no NAT\n',
  )
})

test('writes the time of day, wrapped, on a terminal', () => {
  const lines = logged({ columns: 80 }, (log) => log.event(at, established)).split('\n')
  assert.match(lines[0] ?? '', /^\d\d:\d\d:11\.204 paris {2}phase 1 up/)
  assert.match(lines[1] ?? '', /^ {20}\S/)
})

test('writes JSON with the fields log shippers filter by', () => {
  const record = JSON.parse(logged({ format: 'json' }, (log) => log.event(at, established)))
  assert.deepEqual(record, {
    level: 'info',
    time: '2026-11-23T12:02:11.204Z',
    event: 'ike-sa-established',
    tunnel: 'paris',
    phase: 1,
    initiatorSpi: '0123456789abcdef',
    responderSpi: 'fedcba9876543210',
    role: 'initiator',
    msg: 'phase 1 up with 198.51.100.7, strongSwan: Main mode, aes256-sha256-group14, no NAT',
  })
})

test('shows messages at level debug only, and their payloads never', () => {
  const [first] = initiatorEvents
  assert.ok(first !== undefined)
  for (const format of ['human', 'json'] as const) {
    assert.equal(
      logged({ format }, (log) => log.event(at, first.event)),
      '',
    )
    const debug = logged({ format, level: 'debug' }, (log) => log.event(at, first.event))
    assert.match(debug, /main 1 → 120 B: SA/)
  }
  assert.doesNotMatch(
    logged({ format: 'json', level: 'debug' }, (log) => log.event(at, first.event)),
    /payloads/,
  )
})

test('a defect comes with where it happened and what led to it', () => {
  const text = logged({}, (log) =>
    log.defect({ where: 'engine, input datagram', error: new Error('boom'), detail: 'a > b 0102' }),
  )
  assert.match(text, /defect in Causeway, engine, input datagram: Error: boom/)
  assert.match(text, /\[a > b 0102\]/)
})
