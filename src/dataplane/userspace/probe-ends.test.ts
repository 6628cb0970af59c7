import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { parseSelectorPair, type SelectorPair } from '#policy/traffic-selector'
import type { DataPlaneTunnel } from '../port.ts'
import { probeEnds } from './probe-ends.ts'

const OUTER = { local: ip('203.0.113.10'), remote: ip('198.51.100.7') }

function pairOf(text: string): SelectorPair {
  const pair = parseSelectorPair(text)
  assert.ok('local' in pair)
  return pair
}

function ends(pair: string, own: readonly string[] = [], more: Partial<DataPlaneTunnel> = {}) {
  const selectors = pairOf(pair)
  const tunnel = {
    name: 'paris',
    interfaceName: 'cw-paris',
    local: OUTER.local,
    mode: 'tunnel' as const,
    pairs: [selectors],
    acquire: true,
    ...more,
  }
  return probeEnds(tunnel, { selectors, ...OUTER }, own.map(ip))
}

test('between networks: from our address in ours to the first host of theirs, no further than its gateway', () => {
  assert.deepEqual(ends('10.1.0.0/16 <-> 10.2.0.0/16', ['203.0.113.10', '10.1.0.254']), {
    source: '10.1.0.254',
    target: '10.2.0.1',
    hops: 1,
  })
  assert.deepEqual(ends('fd00:1::/64 <-> fd00:2::/64', ['fd00:1::9']), {
    source: 'fd00:1::9',
    target: 'fd00:2::1',
    hops: 1,
  })
})

test('without an address of ours in the network, from one of the network', () => {
  assert.equal(ends('10.1.0.0/16 <-> 10.2.0.0/16')?.source, '10.1.0.1')
  assert.equal(ends('10.1.0.7 <-> 10.2.0.8')?.source, '10.1.0.7')
  assert.equal(ends('10.1.0.7 <-> 10.2.0.8')?.target, '10.2.0.8')
})

test('the peer itself where it is inside', () => {
  assert.equal(ends('10.1.0.0/16 <-> 198.51.100.7')?.target, '198.51.100.7')
  assert.equal(ends('10.1.0.0/16 <-> 0.0.0.0/0', ['10.1.0.1'])?.target, '198.51.100.7')
})

test('the other end of a network of two', () => {
  const any = '0.0.0.0/0 <-> 0.0.0.0/0'
  const addresses = (text: string, bits: number) => ({ addresses: [{ address: ip(text), bits }] })
  assert.deepEqual(ends(any, [], addresses('169.254.10.1', 30)), {
    source: '169.254.10.1',
    target: '169.254.10.2',
    hops: 1,
  })
  assert.equal(ends(any, [], addresses('169.254.10.7', 31))?.target, '169.254.10.6')
  assert.equal(ends(any, [], addresses('10.9.0.1', 24))?.target, '198.51.100.7')
})

test('everything from nowhere is asked nothing: the answer would not come back this way', () => {
  assert.equal(ends('0.0.0.0/0 <-> 0.0.0.0/0', ['203.0.113.10', '10.1.0.1']), undefined)
})

test('transport mode asks the peer', () => {
  assert.deepEqual(ends('203.0.113.10 <-> 198.51.100.7', [], { mode: 'transport' }), {
    source: '203.0.113.10',
    target: '198.51.100.7',
    hops: 1,
  })
})

test('selectors that take no ICMP are asked nothing, those that take only that are', () => {
  assert.equal(ends('10.1.0.0/16 <-> 10.2.0.0/16 tcp/443'), undefined)
  assert.equal(ends('10.1.0.0/16 <-> 10.2.0.0/16 tcp'), undefined)
  assert.equal(ends('10.1.0.0/16 icmp <-> 10.2.0.0/16 icmp')?.target, '10.2.0.1')
})
