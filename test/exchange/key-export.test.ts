import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '#bytes/hex'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import type { Effect } from '#ike/effects'
import { decodeHeader } from '#wire/ike-header'
import { recorded, rehearse, rehearseUp } from '../support/exchange.ts'
import { A_BEGINS, type Sites, sites } from '../support/sites.ts'

/** The effect that lets an operator read IKE messages: one for each SA, before the first message under its keys. */

const KEY_OCTETS = 32
const FLAG_ENCRYPTION = 1

for (const ike of ['v1-main', 'v1-aggressive'] as const) {
  test(`${ike}: each side gives its keys out once, and both give the same`, () => {
    const { engines, options } = recorded()
    rehearseUp(pairOf({ ike }), options)
    const keys = engines.map((effects) => effects.filter(isIkeKeys))
    assert.deepEqual(
      keys.map(({ length }) => length),
      [1, 1],
    )
    const [[a], [b]] = keys as [[IkeKeys], [IkeKeys]]
    assert.equal(a.cipherKey.octetLength, KEY_OCTETS)
    assert.equal(a.cipherKey.equals(b.cipherKey), true)
    assert.equal(toHex(a.initiatorSpi), toHex(b.initiatorSpi))
  })

  test(`${ike}: the keys come before the first message that needs them`, () => {
    const { engines, options } = recorded()
    rehearseUp(pairOf({ ike }), options)
    for (const effects of engines) {
      const keys = effects.findIndex(isIkeKeys)
      const sealed = effects.findIndex(
        (effect) =>
          effect.kind === 'send' && (decodeHeader(effect.octets).flags & FLAG_ENCRYPTION) !== 0,
      )
      assert.ok(keys >= 0 && keys < sealed, `${keys} < ${sealed}`)
    }
  })
}

test('a peer with another pre-shared key: each side’s own keys are given out nevertheless', () => {
  const { engines, options } = recorded()
  const psk = new Secret(new TextEncoder().encode('another key than that of side a'))
  const authentication = { kind: 'psk', psk } as const
  rehearse(sites({}, {}, { ...A_BEGINS, authentication }), options).runFor(2_000)
  const [a, b] = engines.map((effects) => effects.find(isIkeKeys))
  assert.ok(a !== undefined && b !== undefined)
  assert.equal(a.cipherKey.equals(b.cipherKey), false)
})

test('no event of a negotiation holds a key', () => {
  const { engines, options } = recorded()
  rehearseUp(pairOf({}), options)
  const told = JSON.stringify(
    engines.flat().filter(({ kind }) => kind === 'tell'),
    (_, value) => (value instanceof Uint8Array ? toHex(value) : value),
  )
  assert.match(told, /ike-sa-established/)
  for (const { cipherKey } of engines.flat().filter(isIkeKeys)) {
    assert.equal(told.includes(toHex(cipherKey.reveal())), false)
  }
})

type IkeKeys = Extract<Effect, { kind: 'ike-keys' }>

function isIkeKeys(effect: Effect): effect is IkeKeys {
  return effect.kind === 'ike-keys'
}

function pairOf(changes: Partial<TunnelConfig>): Sites {
  return sites(changes, {}, A_BEGINS)
}
