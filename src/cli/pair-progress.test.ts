import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ToldEvent } from '#control/schema'
import type { NetworkStatus } from '#control/status'
import { espSpi } from '#esp/sa'
import type { Failure } from '#ike/events'
import { plain } from '../../test/support/recording-terminal.ts'
import { PairProgress } from './pair-progress.ts'
import { codeOf, resultLines, type UpResult } from './up-result.ts'

const failure: Failure = {
  code: 'CW-404',
  summary: 'paris offers aes256gcm16, we accept aes128gcm16',
  evidence: 'the offer',
  certainty: 'certain',
  remedy: 'agree on one',
}
const THREE = [2, 3, 4].map((net) => pairTo(net))

test('all are up when each of them is', () => {
  const pairs = new PairProgress([pairTo(2, 'up'), pairTo(3)])
  assert.equal(pairs.areUp, false)
  pairs.take(established(1))
  assert.equal(pairs.areUp, true)
})

test('a pair that failed before it was asked for is on its way again', () => {
  const pairs = new PairProgress([pairTo(2, 'up'), { ...pairTo(3, 'failed'), failure }])
  assert.equal(pairs.areSettled, false)
  assert.deepEqual(pairs.networks[1], pairTo(3, 'connecting'))
})

test('one that is refused is waited for no more, the others are', () => {
  const pairs = new PairProgress(THREE)
  pairs.take(refused(1))
  pairs.take(established(0))
  assert.equal(pairs.areSettled, false)
  pairs.take(refused(2))
  assert.equal(pairs.areSettled, true)
  assert.deepEqual(states(pairs), ['up', 'failed', 'failed'])
})

test('one that was refused and comes up all the same is up', () => {
  const pairs = new PairProgress(THREE)
  pairs.take(refused(0))
  pairs.take(established(0))
  assert.deepEqual(pairs.networks[0], pairTo(2, 'up'))
})

test('one whose SA is closed again is not up, unless a newer SA has replaced it', () => {
  const pairs = new PairProgress(THREE)
  pairs.take(established(0, 1))
  pairs.take(established(0, 2))
  pairs.take(closed(0, 1))
  assert.equal(states(pairs)[0], 'up')
  pairs.take(closed(0, 2))
  assert.equal(states(pairs)[0], 'connecting')
})

test('what is no single pair’s failure stops those that are under way, and leaves those that are up', () => {
  const pairs = new PairProgress(THREE)
  pairs.take(established(0))
  pairs.failRest(failure)
  assert.deepEqual(states(pairs), ['up', 'failed', 'failed'])
})

test('pairs that a reload brought meanwhile were not asked for', () => {
  const pairs = new PairProgress(THREE)
  pairs.take(established(7))
  assert.equal(pairs.networks.length, 3)
})

test('up says how many pairs are up, and of each reason which pairs it keeps from being up', () => {
  const networks = [
    pairTo(2, 'up'),
    ...[3, 4].map((net) => ({ ...pairTo(net, 'failed'), failure })),
  ]
  const lines = shown({ kind: 'failed', milliseconds: 48, failure, networks })
  assert.deepEqual(lines.slice(0, 5), [
    '✗ paris: 1 of 3 network pairs is up (48 ms); the gateway goes on trying',
    '',
    '  10.1.0.0/16 ↔ 10.3.0.0/16 is not up',
    '  10.1.0.0/16 ↔ 10.4.0.0/16 is not up',
    '  CW-404  paris offers aes256gcm16, we accept aes128gcm16                certain',
  ])
  assert.equal(lines.filter((line) => line.includes('CW-404  ')).length, 1)
  assert.equal(codeOf({ kind: 'failed', milliseconds: 48, failure, networks }), 1)
})

test('up names what is missing without a reason when its time is over', () => {
  const networks = [pairTo(2, 'up'), pairTo(3, 'up'), pairTo(4, 'connecting')]
  assert.deepEqual(shown({ kind: 'timeout', networks }), [
    '✗ paris: 2 of 3 network pairs are up after 30 s; the gateway goes on trying',
    '  causeway status paris',
    '',
    '  10.1.0.0/16 ↔ 10.4.0.0/16 is not up',
  ])
})

test('up of a tunnel with one pair speaks of the tunnel alone', () => {
  const networks = [{ ...pairTo(2, 'failed'), failure }]
  const lines = shown({ kind: 'failed', milliseconds: 48, failure, networks })
  assert.equal(lines[0], '✗ paris is not up (48 ms); the gateway goes on trying')
  assert.match(lines[2] ?? '', /^ {2}CW-404/)
})

function shown(result: UpResult): readonly string[] {
  const before = { tunnel: 'paris', state: 'down', since: '2026-11-23T15:12:03.000Z' } as const
  return resultLines({ ...before, networks: THREE }, result, plain, 30)
}

function pairTo(net: number, state: NetworkStatus['state'] = 'idle'): NetworkStatus {
  return { local: '10.1.0.0/16', remote: `10.${net}.0.0/16`, state }
}

function states(pairs: PairProgress): readonly NetworkStatus['state'][] {
  return pairs.networks.map(({ state }) => state)
}

function told(event: object): ToldEvent {
  return { sequence: 1, at: '2026-11-23T15:12:03.000Z', event } as ToldEvent
}

function established(pair: number, spi = 1): ToldEvent {
  const childSa = { child: { tunnel: 'paris', pair }, inboundSpi: espSpi(spi) }
  return told({ kind: 'child-sa-established', tunnel: 'paris', childSa })
}

function closed(pair: number, spi: number): ToldEvent {
  const child = { tunnel: 'paris', pair }
  return told({ kind: 'child-sa-closed', tunnel: 'paris', child, inboundSpi: espSpi(spi) })
}

function refused(pair: number): ToldEvent {
  return told({ kind: 'negotiation-failed', tunnel: 'paris', phase: 2, pair, failure })
}
