import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Question } from '#ike/effects'
import { gatewayExtensions } from '#pki/issue'
import {
  GATEWAY_NAME,
  sampleAuthority,
  sampleGateway,
  sampleKey,
  TODAY,
} from '../../test/support/sample-pki.ts'
import { KeyAgreementPool } from './key-agreement-pool.ts'
import { answerWithFetches } from './peer-verification.ts'

const URL_OF_CRL = 'http://crl.example.net/ca.crl'
const root = sampleAuthority('Root')
const extensions = gatewayExtensions(
  sampleKey('gw').publicKey,
  root.key.publicKey,
  [GATEWAY_NAME],
  ['1.3.6.1.5.5.7.3.17'],
  URL_OF_CRL,
)
const gateway = sampleGateway('gw', root, { extensions })
const scheme = { kind: 'ecdsa-bare', curve: 'P-256' } as const
const data = new Uint8Array(32).fill(3)

test('signs and verifies in a thread, and fetches in between', async () => {
  const pool = new KeyAgreementPool({ threads: 1 })
  const fetched: string[] = []
  const parts = {
    ask: (question: Question, verification?: Parameters<typeof pool.ask>[1]) =>
      pool.ask(question, verification),
    fetch: async ({ url }: { readonly url: string }) => {
      fetched.push(url)
      return { problem: 'no answer in time' }
    },
    now: () => TODAY,
    clockIsKept: () => false,
  }
  try {
    const signed = await answerWithFetches({ kind: 'sign', key: gateway.key, scheme, data }, parts)
    assert.equal(signed.kind, 'signed')
    if (signed.kind !== 'signed') return
    assert.equal(signed.at, TODAY)
    const question: Question = {
      kind: 'verify-peer',
      demands: {
        trust: [root.certificate],
        intermediates: [],
        remoteId: { kind: 'fqdn', name: 'gw.example.net' },
        revocation: { crl: 'if-present', ocsp: 'off' },
        crls: [],
      },
      evidence: {
        certificates: [gateway.certificate.der],
        identity: { kind: 'fqdn', name: 'gw.example.net' },
        scheme,
        data,
        signature: signed.signature,
      },
    }
    const verified = await answerWithFetches(question, parts)
    assert.equal(verified.kind, 'peer-verified')
    if (verified.kind === 'peer-verified') assert.match(verified.notes.join(), /no answer in time/)
    assert.deepEqual(fetched, [URL_OF_CRL])
    const required = { ...question.demands, revocation: { crl: 'required', ocsp: 'off' } } as const
    const refused = await answerWithFetches({ ...question, demands: required }, parts)
    assert.equal(refused.kind, 'peer-refused')
  } finally {
    await pool.close()
  }
})

test('gives up on revocation that never comes to an end', async () => {
  const wanted = [{ kind: 'crl', key: 'k', url: URL_OF_CRL }] as const
  const answer = await answerWithFetches({ kind: 'verify-peer' } as Question, {
    ask: async () => ({ kind: 'fetch', wanted }),
    fetch: async () => ({ problem: 'x' }),
    now: () => TODAY,
    clockIsKept: () => false,
  })
  assert.deepEqual(answer, { kind: 'refused', reason: 'revocation could not be checked in time' })
})
