import assert from 'node:assert/strict'
import { test } from 'node:test'
import { espSpi } from '#esp/sa'
import { SaAttribute } from '#iana/ipsec-doi'
import type { Transform, TransformAttribute } from '#wire/v1/payloads'
import { sites } from '../../test/support/sites.ts'
import { noChildProposal, phase2Line } from './quick-failures.ts'
import { type ChildWish, offerChild } from './quick-proposals.ts'

const CBC = { encryption: 'aes256-cbc', integrity: 'hmac-sha256-128', esn: false } as const
const WISH: ChildWish = {
  suites: [CBC],
  pfs: 'none',
  mode: 'tunnel',
  udp: 'rfc3947',
  lifetime: { seconds: 3_600 },
}
const ESP_NULL = 11

test('an algorithm that does not exist here is named, and nobody is told to write it into phase2', () => {
  const failure = told((one) => ({ ...one, id: ESP_NULL, attributes: one.attributes.slice(0, -1) }))
  assert.equal(failure.theirs, 'null-sha256')
  assert.match(failure.summary, /offers phase 2 with null, we accept aes256/)
  assert.match(failure.remedy, /^have berlin-paris set aes256: what it offers does not exist here$/)
})

test('HMAC-SHA-256 cut to 96 bits, which has no number and is offered as none, is told with what to set on both sides', () => {
  const isIntegrity = ({ type }: TransformAttribute) =>
    type === SaAttribute.number('Authentication Algorithm')
  const failure = told((one) => ({
    ...one,
    attributes: one.attributes.filter((attribute) => !isIntegrity(attribute)),
  }))
  assert.match(failure.remedy, /^have berlin-paris set sha256; .* quirks: \[sha256-96\] here$/)
})

test('both sides’ modes are said in the same words, so that inside UDP they look the same where they are', () => {
  const { ours, theirs } = noChildProposal(
    tunnel(),
    offerChild({ ...WISH, suites: [{ ...CBC, encryption: 'aes128-cbc' }] }, espSpi(0x1000)),
    WISH,
    undefined,
  )
  assert.equal(ours, 'aes256-sha256, no PFS, tunnel in UDP')
  assert.equal(theirs, 'aes128-sha256, no PFS, tunnel in UDP')
})

function told(change: (transform: Transform) => Transform) {
  const offer = offerChild(WISH, espSpi(0x1000))
  const proposals = offer.proposals.map((one) => ({
    ...one,
    transforms: one.transforms.map(change),
  }))
  return noChildProposal(tunnel(), { ...offer, proposals }, WISH, undefined)
}

function tunnel() {
  const [one] = sites().a.tunnels
  assert.ok(one !== undefined)
  return one
}

test('the line to write for what a peer takes is one the file accepts, with what is to be said against it', () => {
  const lines = [
    'aes128-sha256, PFS group14, tunnel',
    'aes128-sha256, PFS group14, tunnel in UDP',
    'aes256gcm16-esn, no PFS, tunnel',
    '3des-md5, PFS group2, tunnel',
    'null-sha256, no PFS, tunnel',
    'aes128-sha256, no PFS, transport',
    'aes128-sha256, no PFS, tunnel; aes128-sha1, no PFS, tunnel',
  ].map(phase2Line)
  assert.deepEqual(lines, [
    'write here phase2: aes128-sha256, pfs group14',
    'write here phase2: aes128-sha256, pfs group14',
    'write here phase2: aes256gcm16-esn, pfs none',
    'write here phase2: 3des-md5, pfs group2 (weak: 3des, md5, group2)',
    undefined,
    undefined,
    undefined,
  ])
})
