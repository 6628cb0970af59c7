// What other makers' gateways do that the RFCs allow, or that they have always done: none of it may cost the tunnel.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Payload } from '#wire/v1/payloads'
import { vendorIdOctets } from '#wire/v1/vendor-id'
import { scene } from '../support/attack.ts'
import { snapshot } from '../support/exchange.ts'

const DPD: Payload = { type: 'VID', data: vendorIdOctets('dpd') }

for (const message of [1, 3, 5] as const) {
  test(`a vendor ID for dead peer detection counts in message ${message} too: routers of Cisco send it late`, () => {
    const { rehearsal, peer } = scene()
    peer.mainMode({ [message]: [DPD] })
    const told = snapshot(rehearsal, 'b')
    assert.equal(told.ikeSas.length, 1)
    peer.receive()
    rehearsal.runFor(60_000)
    const probes = peer
      .receive()
      .flatMap((one) => peer.read(one))
      .filter((payload) => payload.type === 'N' && payload.notifyType === R_U_THERE)
    assert.ok(probes.length > 0, 'the peer is asked whether it is there')
  })
}

const R_U_THERE = 36136
