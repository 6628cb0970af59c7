import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PathSearch, type SearchLimits } from './path-search.ts'

const ANY = { floor: 576, base: 1280, top: 1500, fit: (octets: number) => octets }
/** What a padded IKE message with AES can be on UDP 500 and IPv4. */
const blocks = (octets: number) => octets - ((octets - 56) % 16)

/** @returns the search, over, and what was sent */
function search(width: number, limits: SearchLimits = ANY): readonly [PathSearch, number[]] {
  const one = new PathSearch(limits)
  const sent: number[] = []
  while (one.result === undefined) {
    sent.push(one.size)
    if (one.size <= width) one.passed(one.size)
    else one.vanished(one.size)
    assert.ok(sent.length < 32, `no end: ${sent}`)
  }
  return [one, sent]
}

test('a path as wide as the host says costs two probes', () => {
  const [{ result }, sent] = search(1500)
  assert.deepEqual(result, { kind: 'found', octets: 1500, blackHole: false })
  assert.deepEqual(sent, [1280, 1500])
})

test('finds the width of a narrower path to a few octets, and calls it a black hole', () => {
  for (let width = 1280; width < 1500; width++) {
    const [{ result }, sent] = search(width)
    assert.ok(result?.kind === 'found' && result.blackHole)
    assert.ok(result.octets <= width && result.octets > width - 4, `${width}: ${result.octets}`)
    assert.ok(sent.length <= 12, `${sent}`)
  }
})

test('a path narrower than the base is found from the floor on', () => {
  const [{ result }] = search(1000)
  assert.ok(result?.kind === 'found' && result.octets > 996 && result.octets <= 1000)
})

test('without any answer nothing is concluded', () => {
  const [{ result }, sent] = search(0)
  assert.deepEqual(result, { kind: 'silent' })
  assert.deepEqual(sent, [1280, 576])
  const [ipv6] = search(0, { ...ANY, floor: 1280 })
  assert.deepEqual(ipv6.result, { kind: 'silent' })
})

test('a jumbo interface on a path of Ethernet width tries that first', () => {
  const [{ result }, sent] = search(1500, { ...ANY, top: 9000 })
  assert.ok(result?.kind === 'found' && result.octets === 1500)
  assert.deepEqual(sent.slice(0, 3), [1280, 9000, 1500])
})

test('what an earlier search found is tried before anything else in between', () => {
  const [{ result }, sent] = search(1402, { ...ANY, known: 1400 })
  assert.ok(result?.kind === 'found' && result.octets >= 1400)
  assert.deepEqual(sent.slice(0, 3), [1280, 1500, 1400])
})

test('the top has a second chance, so that a burst of loss makes no black hole', () => {
  const one = new PathSearch(ANY)
  one.passed(1280)
  one.vanished(1500)
  assert.ok(one.topVanished)
  while (one.result === undefined) one.passed(one.size)
  assert.deepEqual(one.result, { kind: 'found', octets: 1500, blackHole: false })
})

test('where probes come in blocks, the largest that fits stands for the top', () => {
  const limits = { ...ANY, fit: blocks }
  const [whole, sent] = search(1500, limits)
  assert.deepEqual(whole.result, { kind: 'found', octets: 1500, blackHole: false })
  assert.deepEqual(sent, [1272, 1496])
  const [narrow] = search(1492, limits)
  assert.deepEqual(narrow.result, { kind: 'found', octets: 1480, blackHole: true })
})

test('answers to other sizes than the one that is asked for change nothing', () => {
  const one = new PathSearch(ANY)
  one.passed(1500)
  one.vanished(1400)
  assert.deepEqual([one.size, one.result], [1280, undefined])
})
