import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ToldEvent } from '#control/schema'
import type { CloseReason, DropReason } from '#ike/events'

/** Types that have every member: the compiler asks for what is new. */
const KINDS: Readonly<Record<ToldEvent['event']['kind'], true>> = {
  state: true,
  message: true,
  'ike-sa-established': true,
  'child-sa-established': true,
  'ike-sa-closed': true,
  'child-sa-closed': true,
  'negotiation-failed': true,
  'message-unanswered': true,
  'refusal-hinted': true,
  'nat-detected': true,
  'peer-alive': true,
  dropped: true,
  'tunnel-proven': true,
  'traffic-degraded': true,
  recovered: true,
  'peer-habit': true,
  'proof-incomplete': true,
  'path-limited': true,
  'path-widened': true,
  incident: true,
  'clock-jumped': true,
  warning: true,
  defect: true,
  configured: true,
}
const CLOSE_REASONS: Readonly<Record<CloseReason, true>> = {
  operator: true,
  'peer-deleted': true,
  expired: true,
  rekeyed: true,
  'dead-peer': true,
  reconfigured: true,
  shutdown: true,
  'peer-restarted': true,
  failed: true,
}
const DROP_REASONS: Readonly<Record<DropReason, true>> = {
  malformed: true,
  'unknown-peer': true,
  'unknown-sa': true,
  admission: true,
  undecryptable: true,
  'bad-hash': true,
  replayed: true,
  'out-of-state': true,
  unauthenticated: true,
}

const page = readFileSync(join(import.meta.dirname, '../../docs/events-json.md'), 'utf8')

test('docs/events-json.md tells of every kind of event, and of every reason', () => {
  for (const kind of Object.keys(KINDS))
    assert.match(page, new RegExp(`^\\| \`${kind}\` \\| `, 'm'))
  for (const reason of [...Object.keys(CLOSE_REASONS), ...Object.keys(DROP_REASONS)]) {
    assert.ok(page.includes(`\`${reason}\``), reason)
  }
})
