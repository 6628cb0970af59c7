import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import type { Failure } from '#ike/events'
import { CLEAN_NETWORK } from '#rehearsal/network'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { events, rehearse } from '../support/exchange.ts'
import { A_BEGINS, ADDRESS_A, ADDRESS_B, sites } from '../support/sites.ts'

const ROUTER = ip('192.0.2.254')

test('CW-101: port unreachable from the peer itself means that no IKE daemon is there', () => {
  const failure = failureAfter([3, 3], ADDRESS_B)
  assert.match(
    failure.summary,
    /^198\.51\.100\.7 is there, and no IKE daemon listens on its UDP 500/,
  )
  assert.match(failure.evidence, /"port unreachable" \(type 3, code 3\) from 198\.51\.100\.7/)
  assert.match(failure.forPeer ?? '', /no IKE service listens there/)
})

test('CW-101: administratively prohibited from another address is a firewall on the way', () => {
  const failure = failureAfter([3, 13], ROUTER)
  assert.match(failure.summary, /a firewall on the way to 198\.51\.100\.7, 192\.0\.2\.254, rejects/)
  assert.match(failure.evidence, /"administratively prohibited" .* from 192\.0\.2\.254/)
})

test('CW-101: the same from the peer is its own packet filter', () => {
  assert.match(failureAfter([3, 13], ADDRESS_B).summary, /in its own packet filter/)
})

test('CW-101: host unreachable from a router, or from our own host', () => {
  assert.match(failureAfter([3, 1], ROUTER).summary, /192\.0\.2\.254 cannot reach 198\.51\.100\.7/)
  assert.match(failureAfter([3, 1], ADDRESS_A).summary, /does not answer on our own network/)
  assert.match(failureAfter([11, 0], ROUTER).summary, /round in circles/)
})

for (const [error, reporter, words] of [
  [[3, 13], ROUTER, /rejects UDP 4500/],
  [[3, 3], ADDRESS_B, /^nothing listens on UDP 4500 of 198\.51\.100\.7/],
] as const) {
  test(`an error for UDP 4500 is CW-104: ${words.source}`, () => {
    const rehearsal = rehearse(sites({ encapsulation: 'force' }, {}, A_BEGINS))
    rehearsal.intercept = ({ remote, octets }) => (remote.port === 4_500 ? undefined : octets)
    rehearsal.runFor(1_000)
    unreachable(rehearsal, error, reporter, 4_500)
    rehearsal.runFor(40_000)
    const [failed] = events(rehearsal, 'a', 'negotiation-failed')
    assert.equal(failed?.failure.code, 'CW-104')
    assert.match(failed?.failure.summary ?? '', words)
  })
}

test('the operator sees it at once, and once for each negotiation; the negotiation waits for its time', () => {
  const rehearsal = silent()
  for (const _ of [1, 2, 3]) {
    unreachable(rehearsal, [3, 3], ADDRESS_B)
    rehearsal.runFor(500)
  }
  assert.equal(events(rehearsal, 'a', 'refusal-hinted').length, 1)
  assert.equal(events(rehearsal, 'a', 'negotiation-failed').length, 0)
})

test('what was said of an earlier negotiation is no evidence for the next', () => {
  const rehearsal = silent()
  unreachable(rehearsal, [3, 3], ADDRESS_B)
  rehearsal.runFor(120_000)
  const told = events(rehearsal, 'a', 'negotiation-failed')
  assert.match(told[0]?.failure.summary ?? '', /no IKE daemon/)
  assert.match(told[1]?.failure.evidence ?? '', /no ICMP error/)
})

function silent(): Rehearsal {
  const conditions = { ...CLEAN_NETWORK, partitioned: true }
  const rehearsal = rehearse(sites({}, {}, A_BEGINS), { conditions })
  rehearsal.runFor(100)
  return rehearsal
}

function failureAfter(error: readonly [number, number], reporter: IpAddress): Failure {
  const rehearsal = silent()
  unreachable(rehearsal, error, reporter)
  rehearsal.runFor(40_000)
  const [failed] = events(rehearsal, 'a', 'negotiation-failed')
  assert.ok(failed !== undefined)
  assert.equal(failed.failure.code, 'CW-101')
  return failed.failure
}

function unreachable(
  rehearsal: Rehearsal,
  [icmpType, icmpCode]: readonly [number, number],
  reporter: IpAddress,
  port = 500,
): void {
  const remote = { address: ADDRESS_B, port }
  rehearsal.input('a', { kind: 'unreachable', remote, reporter, icmpType, icmpCode })
}
