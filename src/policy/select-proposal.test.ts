import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EspSuite, type IkeSuite, parseIkeSuite, parsePhase2 } from './proposal.ts'
import { describeMiss, nearestMiss, selectEspSuite, selectIkeSuite } from './select-proposal.ts'
import { isTextProblem } from './text-problem.ts'

test('takes the first suite of the offer that is acceptable, whatever our own order', () => {
  const offered = ike('3des-md5-group2', 'aes128-sha256-group14', 'aes256-sha256-group14')
  const acceptable = ike('aes256-sha256-group14', 'aes128-sha256-group14')
  assert.equal(selectIkeSuite(offered, acceptable), offered[1])
})

test('selects nothing when no suite is in both', () => {
  assert.equal(selectIkeSuite(ike('aes256-sha1-group2'), ike('aes256-sha256-group14')), undefined)
  assert.equal(selectIkeSuite([], ike('aes256-sha256-group14')), undefined)
  assert.equal(selectIkeSuite(ike('aes256-sha256-group14'), []), undefined)
})

test('a suite of ESP with extended sequence numbers is not the one without', () => {
  assert.equal(selectEspSuite(esp('aes256gcm16-esn'), esp('aes256gcm16')), undefined)
  assert.deepEqual(selectEspSuite(esp('aes256gcm16'), esp('aes256gcm16')), esp('aes256gcm16')[0])
})

for (const [offered, differs, words] of [
  ['aes256-sha256-group2', ['DH group'], 'only DH group differs'],
  ['aes256-sha1-group2', ['hash', 'DH group'], 'only hash and DH group differ'],
  ['3des-sha1-group2', ['encryption', 'hash', 'DH group'], 'encryption, hash and DH group differ'],
] as const) {
  test(`says of ${offered} against aes256-sha256-group14: ${words}`, () => {
    const miss = nearestMiss(ike(offered), ike('aes256-sha256-group14'))
    assert.deepEqual(miss, { offered, acceptable: 'aes256-sha256-group14', differs })
    assert.equal(miss && describeMiss(miss), words)
  })
}

test('finds the closest of all pairs, the first of equals', () => {
  const miss = nearestMiss(
    ike('3des-md5-group2', 'aes256-sha256-group2', 'aes256-sha256-group5'),
    ike('aes128-sha512-group14', 'aes256-sha256-group14'),
  )
  assert.equal(miss?.offered, 'aes256-sha256-group2')
  assert.equal(miss?.acceptable, 'aes256-sha256-group14')
})

test('there is no miss when something matches or nothing was offered', () => {
  assert.equal(nearestMiss(ike('aes256-sha256-group14'), ike('aes256-sha256-group14')), undefined)
  assert.equal(nearestMiss([], ike('aes256-sha256-group14')), undefined)
})

test('compares suites of ESP attribute by attribute', () => {
  assert.deepEqual(nearestMiss(esp('aes256-sha256'), esp('aes256-sha1'))?.differs, ['hash'])
  assert.deepEqual(nearestMiss(esp('aes256gcm16-esn'), esp('aes256gcm16'))?.differs, [
    'extended sequence numbers',
  ])
})

function ike(...texts: readonly string[]): readonly IkeSuite[] {
  return texts.map((text) => {
    const suite = parseIkeSuite(text)
    if (isTextProblem(suite)) throw new Error(suite.message)
    return suite
  })
}

function esp(text: string): readonly EspSuite[] {
  const found = parsePhase2(text)
  if (isTextProblem(found)) throw new Error(found.message)
  return [found.suite]
}
