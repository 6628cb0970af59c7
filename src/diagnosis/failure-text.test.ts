import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureDetail, failureText, positionOf } from './failure-text.ts'
import { columnsOf } from './wrap.ts'

const failure = {
  code: 'CW-201',
  summary: 'phase 1 proposal refused',
  ours: 'aes256-sha256-group14',
  evidence: 'clear-text notify 14 from 203.0.113.200 in answer to message 1',
  certainty: 'very likely',
  remedy: 'have tokyo start the tunnel: as responder we see what it offers',
} as const

const line = { file: '/etc/causeway/causeway.yaml', line: 52, column: 13 }

test('says code, sentence, certainty, both values, evidence, remedy and the line', () => {
  assert.deepEqual(failureText({ ...failure, line }), [
    '  CW-201  phase 1 proposal refused                                   very likely',
    '  We have      aes256-sha256-group14',
    '  Evidence     clear-text notify 14 from 203.0.113.200 in answer to message 1',
    '  Remedy       have tokyo start the tunnel: as responder we see what it offers',
    '  Line         /etc/causeway/causeway.yaml:52:13',
    '  More         causeway explain CW-201',
  ])
})

test('says what to write to the peer, what else it could be, and what tells more', () => {
  const told = {
    ...failure,
    forPeer: 'We offer aes256-sha256-group14. Which do you accept?',
    otherCauses: ['the peer has no tunnel for us', 'word '.repeat(14)],
    findOut: 'causeway probe 203.0.113.200',
  }
  assert.deepEqual(failureText(told).slice(4), [
    '  To the peer  "We offer aes256-sha256-group14. Which do you accept?"',
    '  Or else      – the peer has no tunnel for us',
    '               – word word word word word word word word word word word word',
    '                 word word',
    '  Find out     causeway probe 203.0.113.200',
    '  More         causeway explain CW-201',
  ])
})

test('says in one paragraph for a log what the block says of evidence and remedy', () => {
  assert.equal(
    failureDetail({ ...failure, line }),
    'very likely. Evidence: clear-text notify 14 from 203.0.113.200 in answer to message 1. Remedy: have tokyo start the tunnel: as responder we see what it offers (/etc/causeway/causeway.yaml:52:13). More: causeway explain CW-201',
  )
})

test('wraps long sentences under themselves', () => {
  const lines = failureText({ ...failure, summary: 'word '.repeat(40), remedy: 'do '.repeat(60) })
  assert.ok(lines.length > 5)
  assert.deepEqual(
    lines.filter((line) => columnsOf(line) > 80),
    [],
  )
})

test('finds the deciding line, the nearest above it, or the tunnel’s own', () => {
  const [own, phase2] = [
    { file: 'a.yaml', line: 10, column: 3 },
    { file: 'a.yaml', line: 14, column: 5 },
  ]
  const tunnel = { name: 'paris', positions: { '': own, phase2 } }
  assert.equal(positionOf({ key: 'phase2.pfs' }, tunnel), phase2)
  assert.equal(positionOf({ key: 'psk' }, tunnel), own)
  assert.equal(positionOf({}, tunnel), own)
  const absolute = { name: 'paris', positions: { 'tunnels.paris.psk': phase2 } }
  assert.equal(positionOf({ key: 'psk' }, absolute), phase2)
  assert.equal(positionOf({ key: 'mode' }, { name: 'paris', positions: {} }), undefined)
})
