import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import { echoSource } from './echo-way.ts'
import { parseSelectorPair, type SelectorPair } from './traffic-selector.ts'

const TARGET = ip('10.2.0.1')
const pairs = (...texts: readonly string[]) =>
  texts.map((text) => parseSelectorPair(text) as SelectorPair)

test('the source is an address of this host in the local network of the pair that holds the target', () => {
  const networks = pairs('10.1.0.0/16 <-> 10.3.0.0/16', '10.7.0.0/16 <-> 10.2.0.0/16')
  const own = [ip('203.0.113.10'), ip('10.1.0.1'), ip('10.7.0.1')]
  assert.equal(echoSource(networks, TARGET, [], own), '10.7.0.1')
  assert.equal(echoSource(networks, TARGET, [ip('10.7.9.9')], own), '10.7.9.9')
  assert.equal(echoSource(networks, TARGET, [], [ip('203.0.113.10'), ip('10.1.0.1')]), undefined)
  assert.equal(echoSource(networks, ip('10.4.0.1'), [], own), undefined)
  assert.equal(echoSource(networks, ip('fd00::1'), [], own), undefined)
})

test('of everything only an address of the interface is answered into the tunnel', () => {
  const networks = pairs('0.0.0.0/0 <-> 0.0.0.0/0')
  const own = [ip('203.0.113.10')]
  assert.equal(echoSource(networks, TARGET, [], own), undefined)
  assert.equal(echoSource(networks, TARGET, [ip('169.254.10.1')], own), '169.254.10.1')
})

test('a pair for another protocol carries no echo', () => {
  const own = [ip('10.1.0.1')]
  const tcp = pairs('10.1.0.0/16 <-> 10.2.0.0/16 tcp/443')
  assert.equal(echoSource(tcp, TARGET, [], own), undefined)
  const icmp = pairs('10.1.0.0/16 <-> 10.2.0.0/16 icmp')
  assert.equal(echoSource(icmp, TARGET, [], own), '10.1.0.1')
})
