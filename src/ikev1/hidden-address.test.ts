import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { sites } from '../../test/support/sites.ts'
import { leftHalfOpen } from './half-open-failures.ts'
import { unanswered } from './silence-failures.ts'

const INSIDE = ip('192.168.7.10')
const MESSAGE_5 = {
  message: 5,
  octets: 108,
  udp: true,
  cutByIp: false,
  natAtPeer: true,
  sent: 6,
  waited: 31_000,
  repeatedByPeer: 0,
  port4500Passes: false,
}

test('CW-104: the peer is told of a port between addresses that it knows, and each end what its NAT has to hand on', () => {
  const calling = unanswered(tunnelAt(INSIDE), MESSAGE_5)
  assert.match(calling.remedy, /a NAT is before .* must hand on UDP 4500 to it, as it does UDP 500/)
  assert.match(calling.forPeer ?? '', /between our gateway \(behind a NAT\) and 198\.51\.100\.7/)
  const called = leftHalfOpen(tunnelAt(INSIDE), {
    kind: 'ke-answered',
    repeatedByPeer: 0,
    udp: true,
  })
  assert.match(called?.remedy ?? '', /the NAT before us must hand on UDP 4500 to 192\.168\.7\.10/)
  for (const failure of [calling, called]) assert.doesNotMatch(failure?.forPeer ?? '', /192\.168/)
})

test('an address that the peer sees is told as it is, and no NAT is spoken of where none is', () => {
  const { remedy, forPeer } = unanswered(tunnelAt(ip('203.0.113.10')), {
    ...MESSAGE_5,
    natAtPeer: false,
  })
  assert.doesNotMatch(`${remedy}${forPeer}`, /a NAT/)
  assert.match(forPeer ?? '', /between 203\.0\.113\.10 and 198\.51\.100\.7/)
})

function tunnelAt(local: IpAddress): TunnelConfig {
  const [tunnel] = sites({ local }).a.tunnels
  assert.ok(tunnel !== undefined)
  return tunnel
}
