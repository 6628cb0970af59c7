import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plain } from '../../test/support/recording-terminal.ts'
import { changesText } from './changes.ts'

test('tells what is new, gone, opened anew or only watched otherwise, with both values of each key', () => {
  const text = changesText(
    {
      added: ['osaka'],
      changed: [{ tunnel: 'paris', keys: [{ key: 'phase1', before: 'a', after: 'b' }] }],
      adjusted: [{ tunnel: 'rome', keys: [{ key: 'watch', after: 'ping 10.2.0.1' }] }],
      removed: ['tokyo'],
      unchanged: ['lima', 'oslo'],
    },
    plain,
  )
  assert.deepEqual(text.split('\n'), [
    '+ osaka  new',
    '- tokyo  closed and removed',
    '~ paris  closed and opened anew',
    '    phase1              a → b',
    '~ rome  runs on',
    '    watch               (not written) → ping 10.2.0.1',
    '2 tunnels unchanged, running on without losing a packet',
    '',
  ])
})

test('long values stand one below the other, within the screen', () => {
  const before = 'aes256-sha384-group20, aes256-sha256-group14, aes128-sha256-group14'
  const text = changesText(
    {
      added: [],
      changed: [{ tunnel: 'paris', keys: [{ key: 'phase1.propose', before }] }],
      adjusted: [],
      removed: [],
      unchanged: [],
    },
    plain,
  )
  assert.ok(text.split('\n').every((line) => line.length <= 80))
  assert.match(text, /→ \(not written\)/)
})

test('a file that says what runs is told so', () => {
  const nothing = { added: [], changed: [], adjusted: [], removed: [], unchanged: ['paris'] }
  assert.equal(changesText(nothing, plain), 'The file says what runs: 1 tunnel.\n')
})
