import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { effectiveCapabilities, parseCapabilities } from './capabilities.ts'
import { clockState } from './clock.ts'
import { parseUdpTable, udpPortHolders } from './port-holders.ts'
import { forwardsPackets, readSysctl, reversePathFilter } from './sysctls.ts'

describe('capabilities', () => {
  it('are read from the effective set, bit by bit', () => {
    const status = (set: string) => `Name:\tnode\nCapPrm:\tffff\nCapEff:\t${set}\n`
    const none = { netAdmin: false, netRaw: false, netBindService: false }
    assert.deepEqual(parseCapabilities(status('0000000000000000')), none)
    assert.deepEqual(parseCapabilities(status('0000000000001000')), { ...none, netAdmin: true })
    assert.deepEqual(parseCapabilities(status('0000000000002000')), { ...none, netRaw: true })
    assert.deepEqual(parseCapabilities(status('0000000000000400')), {
      ...none,
      netBindService: true,
    })
  })

  it('of this very process can be read', () => {
    assert.deepEqual(Object.keys(effectiveCapabilities()), ['netAdmin', 'netRaw', 'netBindService'])
  })
})

describe('sysctls', () => {
  it('are numbers, and undefined where there is none', () => {
    assert.equal(typeof readSysctl('net.ipv4.conf.all.rp_filter'), 'number')
    assert.equal(readSysctl('net.ipv4.no_such_thing'), undefined)
    assert.equal(readSysctl('net.ipv4.conf.../../x.rp_filter'), undefined)
    assert.equal(forwardsPackets(4), readSysctl('net.ipv4.ip_forward') === 1)
    assert.match(reversePathFilter('lo'), /^(off|strict|loose)$/)
  })
})

describe('holders of a UDP port', () => {
  it('are named with address and process', async () => {
    const socket = createSocket('udp4')
    try {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      const { port } = socket.address()
      const holders = udpPortHolders(port)
      assert.equal(holders.length, 1)
      assert.equal(holders[0]?.address, '127.0.0.1')
      assert.equal(holders[0]?.pid, process.pid)
      assert.ok(holders[0]?.process?.startsWith('node'))
    } finally {
      socket.close()
    }
  })

  it('are read from lines of both families', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref',
      '  244: 0A0200C0:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0',
      '  245: B80D0120000000000000000001000000:1194 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4712 2 0 0',
      '  246: nonsense',
    ].join('\n')
    assert.deepEqual(parseUdpTable(table), [
      { address: '192.0.2.10', port: 500, inode: '4711' },
      { address: '2001:db8::1', port: 4500, inode: '4712' },
    ])
  })
})

describe('clock', () => {
  it('tells whether it is kept and how wrong it may be', () => {
    const { synchronised, maximumError } = clockState()
    assert.equal(typeof synchronised, 'boolean')
    assert.ok(maximumError >= 0)
  })
})
