import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidPublicValue, type KeyAgreement } from '#crypto/port'
import { answerQuestion } from './answer-question.ts'

const own = { privateValue: Uint8Array.of(1), publicValue: Uint8Array.of(2) }
const fixed: KeyAgreement = {
  generateKeyPair: () => own,
  agree: (_group, _own, peerPublic) => {
    if (peerPublic.length === 0) throw new InvalidPublicValue('public value of 0 octets')
    if (peerPublic.length > 5) throw new RangeError('out of memory')
    return Uint8Array.of(9)
  },
}

test('does both steps of a responder in one', () => {
  const answer = answerQuestion(
    { kind: 'generate-and-agree', group: 'modp2048', peerPublic: Uint8Array.of(7) },
    { keyAgreement: fixed },
  )
  assert.deepEqual(answer, { kind: 'agreed', own, sharedSecret: Uint8Array.of(9) })
})

test('agrees with a key pair made before', () => {
  const answer = answerQuestion(
    { kind: 'agree', group: 'ecp256', own, peerPublic: Uint8Array.of(7) },
    { keyAgreement: fixed },
  )
  assert.deepEqual(answer, { kind: 'agreed', own, sharedSecret: Uint8Array.of(9) })
})

test('refuses a peer’s bad value with the reason, and never throws', () => {
  const ask = (peerPublic: Uint8Array) =>
    answerQuestion({ kind: 'agree', group: 'ecp256', own, peerPublic }, { keyAgreement: fixed })
  assert.deepEqual(ask(new Uint8Array(0)), {
    kind: 'refused',
    reason: 'public value of 0 octets',
    by: 'peer',
  })
  assert.deepEqual(ask(new Uint8Array(6)), {
    kind: 'refused',
    reason: 'key agreement failed: out of memory',
  })
})
