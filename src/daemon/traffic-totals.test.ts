import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_COUNTS } from '../../test/support/sample-counters.ts'
import { TrafficLedger, type TunnelTotals } from './traffic-totals.ts'

function carried(inbound: number, outbound: number): TunnelTotals {
  return {
    ...new TrafficLedger().totals('paris', NO_COUNTS),
    in: { packets: 1, octets: inbound },
    out: { packets: 1, octets: outbound },
  }
}

test('a rate is bits a second since the last sample but one, and needs no further look', () => {
  const ledger = new TrafficLedger()
  ledger.sample('paris', carried(9_000_000, 0), 0)
  ledger.sample('paris', carried(10_000_000, 0), 5_000)
  ledger.sample('paris', carried(10_000_000, 0), 10_000)
  assert.deepEqual(ledger.rate('paris', carried(10_000_000, 1_000), 13_000), { in: 0, out: 1_000 })
})

test('there is no rate before a sample, for another tunnel, or once the tunnel is forgotten', () => {
  const ledger = new TrafficLedger()
  assert.deepEqual(ledger.rate('paris', carried(5, 5), 1_000), { in: 0, out: 0 })
  ledger.sample('paris', carried(0, 0), 1_000)
  assert.deepEqual(ledger.rate('paris', carried(1_000, 0), 2_000), { in: 8_000, out: 0 })
  assert.deepEqual(ledger.rate('plant', carried(1_000, 0), 2_000), { in: 0, out: 0 })
  ledger.forget(['paris'])
  assert.deepEqual(ledger.rate('paris', carried(1_000, 0), 2_000), { in: 0, out: 0 })
})
