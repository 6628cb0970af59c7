import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip } from '#bytes/ip'
import { espSpi } from '#esp/sa'
import { pair } from '../../../test/support/sites.ts'
import type { DataPlaneTunnel } from '../port.ts'
import { assignLanes, markedSpi } from './lane-assignment.ts'

const NEW = new Map<string, number>()

describe('the lanes of tunnels', () => {
  test('tunnels to different peers are spread', () => {
    const tunnels = [1, 2, 3, 4, 5].map((peer) => tunnel(`t${peer}`, peer, `10.${peer}`))
    assert.deepEqual(lanesOf(assignLanes(tunnels, NEW, 2)), [0, 1, 0, 1, 0])
  })

  test('tunnels to one peer stay together', () => {
    const tunnels = [tunnel('a', 1, '10.1'), tunnel('b', 2, '10.2'), tunnel('c', 1, '10.3')]
    assert.deepEqual(lanesOf(assignLanes(tunnels, NEW, 2)), [0, 0, 1])
  })

  test('tunnels whose peers may come from anywhere stay together', () => {
    const anywhere = ['10.1', '10.2'].map((net) => tunnel(net, undefined, net))
    const { lanes } = assignLanes([...anywhere, tunnel('c', 1, '10.3')], NEW, 2)
    assert.deepEqual(lanes, new Map(Object.entries({ '10.1': 0, '10.2': 0, c: 1 })))
  })

  test('tunnels whose remote networks overlap stay together, be it by way of a third', () => {
    const wide = { ...tunnel('wide', 3, '10.1'), pairs: [networks('10.1.0.0', '10.2.0.255')] }
    const tunnels = [tunnel('a', 1, '10.1'), tunnel('b', 2, '10.2'), wide, tunnel('d', 4, '10.4')]
    const { lanes, apart } = assignLanes(tunnels, NEW, 2)
    assert.deepEqual(lanes, new Map(Object.entries({ a: 0, b: 0, wide: 0, d: 1 })))
    assert.deepEqual(apart, [])
  })

  test('a range inside one that began long before still counts', () => {
    const wide = { ...tunnel('wide', 1, '10.1'), pairs: [networks('10.0.0.0', '10.9.255.255')] }
    const tunnels = [wide, tunnel('a', 2, '10.2'), tunnel('b', 3, '10.7'), tunnel('c', 4, '10.10')]
    assert.deepEqual(lanesOf(assignLanes(tunnels, NEW, 2)), [0, 0, 0, 1])
  })

  test('networks of route-based tunnels are no reason: only routes lead there', () => {
    const based = ['a', 'b'].map((name, index) => ({
      ...tunnel(name, index + 1, '10.1'),
      pairs: [networks('0.0.0.0', '255.255.255.255')],
      routes: [],
    }))
    assert.deepEqual(lanesOf(assignLanes(based, NEW, 2)), [0, 1])
  })

  test('who has a lane keeps it, and a new one goes where the fewest are', () => {
    const before = new Map([
      ['a', 1],
      ['b', 1],
      ['gone', 0],
    ])
    const tunnels = [tunnel('b', 2, '10.2'), tunnel('a', 1, '10.1'), tunnel('c', 3, '10.3')]
    const { lanes } = assignLanes(tunnels, before, 2)
    assert.deepEqual(lanes, new Map(Object.entries({ b: 1, a: 1, c: 0 })))
  })

  test('what should be together and cannot is named', () => {
    const before = new Map([
      ['a', 0],
      ['b', 1],
    ])
    const wide = { ...tunnel('wide', 3, '10.1'), pairs: [networks('10.1.0.0', '10.2.0.255')] }
    const tunnels = [tunnel('a', 1, '10.1'), tunnel('b', 2, '10.2'), wide]
    const { lanes, apart } = assignLanes(tunnels, before, 2)
    assert.deepEqual(lanes, new Map(Object.entries({ a: 0, b: 1, wide: 0 })))
    assert.deepEqual(apart, [['b', 'a']])
  })

  test('one that is drawn to two lanes goes where its peer is', () => {
    const before = new Map([
      ['a', 0],
      ['b', 1],
    ])
    const wide = { ...tunnel('wide', 1, '10.1'), pairs: [networks('10.2.0.0', '10.2.0.255')] }
    const tunnels = [tunnel('b', 2, '10.2'), tunnel('a', 1, '10.1'), wide]
    const { lanes, apart } = assignLanes(tunnels, before, 2)
    assert.deepEqual(lanes, new Map(Object.entries({ b: 1, a: 0, wide: 0 })))
    assert.deepEqual(apart, [
      ['a', 'b'],
      ['wide', 'b'],
    ])
  })
})

describe('the SPI of an inbound SA', () => {
  test('leaves the index of its lane as the remainder, and what was drawn nearly as it was', () => {
    for (const drawn of [256, 0x1234_5678, 0xffff_fffe, 0xffff_ffff]) {
      for (const index of [0, 1, 2]) {
        const spi = markedSpi(espSpi(drawn), { index, of: 3 })
        assert.equal(spi % 3, index)
        assert.ok(Math.abs(spi - drawn) <= 3 && spi <= 0xffff_ffff)
      }
    }
  })

  test('is what was drawn where there is one lane', () => {
    assert.equal(markedSpi(espSpi(0xdead_beef), { index: 0, of: 1 }), 0xdead_beef)
  })
})

function tunnel(name: string, peer: number | undefined, remote: string): DataPlaneTunnel {
  return {
    name,
    interfaceName: name,
    local: ip('203.0.113.1'),
    ...(peer === undefined ? {} : { remote: ip(`198.51.100.${peer}`) }),
    mode: 'tunnel',
    pairs: [networks(`${remote}.0.0`, `${remote}.0.255`)],
    acquire: false,
  }
}

function networks(from: string, to: string) {
  return pair('172.16.0.0', '172.16.255.255', from, to)
}

function lanesOf({ lanes }: { readonly lanes: ReadonlyMap<string, number> }): readonly number[] {
  return [...lanes.values()]
}
