import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Failure } from '#ike/events'
import {
  type CertificateLink,
  certifiedCausewaySide,
  certifiedStrongswanSide,
  givePapers,
} from '../support/certificate-link.ts'
import {
  causewaySide,
  childName,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanSide,
} from '../support/interop.ts'
import { type Authority, CausewayCa, pkiFolder, StrongswanCa } from '../support/pki.ts'

// What each end says when the other's certificate is no good, and when one end has a key and the other a certificate.

const REVOKED = numberedLink(1)
const WE_ARE_REVOKED = numberedLink(2)
const EXPIRED = numberedLink(3)
const WE_HAVE_A_KEY = numberedLink(4)
const THEY_HAVE_A_KEY = numberedLink(5)
const STRANGER = numberedLink(6)
const LATE = numberedLink(7, { ike: 'v1-aggressive' })

let encounter: Encounter
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  const ours = await CausewayCa.make(join(pki.folder, 'ours'), 'Example VPN CA', 'p256')
  const theirs = await StrongswanCa.make(join(pki.folder, 'theirs'), 'Example Root CA', 'ecdsa-256')
  const other = await StrongswanCa.make(join(pki.folder, 'other'), 'Another Root CA', 'ecdsa-256')
  const revoked = await papersOf(REVOKED, ours)
  const weAreRevoked = await papersOf(WE_ARE_REVOKED, ours)
  await ours.revoke(revoked.strongswan.id)
  await ours.revoke(weAreRevoked.causeway.id)
  const late = await papersOf(LATE, ours)
  await ours.revoke(late.causeway.id)
  const past = { from: '01.01.26 00:00:00', until: '01.02.26 00:00:00' }
  const expired = await papersOf(EXPIRED, theirs, past)
  const weHaveAKey = await papersOf(WE_HAVE_A_KEY, theirs)
  const theyHaveAKey = await papersOf(THEY_HAVE_A_KEY, theirs)
  const stranger = await papersOf(STRANGER, theirs)
  encounter = await meet(
    {
      [REVOKED.name]: certifiedCausewaySide(REVOKED, revoked, { crl: [ours.crl] }),
      [WE_ARE_REVOKED.name]: certifiedCausewaySide(WE_ARE_REVOKED, weAreRevoked),
      [LATE.name]: certifiedCausewaySide(LATE, late),
      [EXPIRED.name]: certifiedCausewaySide(EXPIRED, expired),
      [WE_HAVE_A_KEY.name]: causewaySide(WE_HAVE_A_KEY),
      [THEY_HAVE_A_KEY.name]: certifiedCausewaySide(THEY_HAVE_A_KEY, theyHaveAKey),
      [STRANGER.name]: certifiedCausewaySide(STRANGER, stranger, { trust: [other.certificate] }),
    },
    [
      certifiedStrongswanSide(REVOKED, revoked, {}, { revocation: 'relaxed' }),
      certifiedStrongswanSide(WE_ARE_REVOKED, weAreRevoked),
      certifiedStrongswanSide(LATE, late),
      certifiedStrongswanSide(EXPIRED, expired),
      certifiedStrongswanSide(WE_HAVE_A_KEY, weHaveAKey),
      strongswanSide(THEY_HAVE_A_KEY),
      certifiedStrongswanSide(STRANGER, stranger),
    ],
    {
      prepare: (topology) => giveAddresses(topology, 7),
      beforeLoad: (strongswan) => {
        for (const held of [revoked, weAreRevoked, late, expired, weHaveAKey, stranger])
          givePapers(strongswan, held)
        strongswan.give('x509crl', 'ours.crl', ours.crl)
      },
    },
  )
})
after(async () => {
  await encounter?.end()
  forget()
})

const ROLES = ['initiator', 'responder'] as const

for (const role of ROLES) {
  test(`Causeway refuses a revoked certificate, as ${role}`, async () => {
    const { failure, log } = await fails(REVOKED, role)
    assert.equal(failure.code, 'CW-309')
    assert.match(failure.summary, /revoked/)
    assert.match(log, /AUTHENTICATION_FAILED|AUTH_FAILED/)
  })

  test(`Causeway refuses an expired certificate, as ${role}`, async () => {
    const { failure, log } = await fails(EXPIRED, role)
    assert.equal(failure.code, 'CW-307')
    assert.match(failure.summary, /2026-02-01/)
    assert.match(log, /AUTHENTICATION_FAILED|AUTH_FAILED/)
  })

  test(`Causeway refuses a certificate of a CA it does not trust, as ${role}`, async () => {
    const { failure, log } = await fails(STRANGER, role)
    assert.equal(failure.code, 'CW-306')
    assert.match(failure.summary, /Example Root CA/)
    assert.match(log, /AUTHENTICATION_FAILED|AUTH_FAILED/)
  })
}

test('strongSwan refuses our revoked certificate, and Causeway tells what is known of it', async () => {
  const { failure, log } = await fails(WE_ARE_REVOKED, 'initiator')
  assert.match(log, /certificate was revoked/)
  assert.equal(failure.code, 'CW-306')
  assert.match(failure.summary, /refuses our certificate \(of CN=Example VPN CA, valid from/)
  assert.match(failure.evidence, /encrypted notify AUTHENTICATION-FAILED/)
})

test('the same when strongSwan initiates: it has proven itself then, and deletes the SA in answer to message 6', async () => {
  const { failure, log } = await fails(WE_ARE_REVOKED, 'responder')
  assert.match(log, /certificate was revoked/)
  assert.equal(failure.code, 'CW-306')
  assert.match(failure.evidence, /deleted the ISAKMP SA in answer to message 6/)
  assert.doesNotMatch(`${failure.summary} ${failure.remedy}`, /pre-shared key|start the tunnel/)
})

test('the same in Aggressive mode, where our certificate goes in the last message', async () => {
  const { failure, log } = await fails(LATE, 'initiator')
  assert.match(log, /certificate was revoked/)
  assert.equal(failure.code, 'CW-306')
  assert.match(failure.summary, /refuses our certificate/)
})

describe('one end with a key, the other with a certificate', () => {
  test('strongSwan offers a certificate: Causeway says what each end has', async () => {
    const { failure } = await fails(WE_HAVE_A_KEY, 'responder')
    assert.equal(failure.code, 'CW-204')
    assert.match(failure.summary, /both sides must prove themselves the same way/)
    assert.match(failure.summary, /ECDSA/)
    assert.match(failure.summary, /we have a pre-shared key/)
  })

  test('strongSwan offers a key: Causeway says what each end has', async () => {
    const { failure } = await fails(THEY_HAVE_A_KEY, 'responder')
    assert.equal(failure.code, 'CW-204')
    assert.match(failure.summary, /both sides must prove themselves the same way/)
    assert.match(failure.summary, /pre-shared key/)
    assert.match(failure.summary, /we have a certificate/)
  })
})

// strongSwan takes any method in message 2 and refuses later, when it looks for the proof.
test('we have a key, strongSwan waits for a certificate: the hint names both', async () => {
  const { causeway } = encounter
  const from = causeway.events.length
  await assert.rejects(causeway.up(WE_HAVE_A_KEY.name, 1_000))
  const { failure } = await causeway.waitFor('refusal-hinted', WE_HAVE_A_KEY.name, { from })
  await causeway.down(WE_HAVE_A_KEY.name)
  assert.equal(failure.code, 'CW-204')
  assert.match(failure.summary, /both sides must prove themselves the same way/)
  assert.match(failure.summary, /we have a pre-shared key, it may have a certificate/)
})

test('we have a certificate, strongSwan waits for a key: the refusal names both', async () => {
  const { failure } = await fails(THEY_HAVE_A_KEY, 'initiator')
  assert.equal(failure.code, 'CW-306')
  assert.match(failure.summary, /refuses our certificate/)
  assert.match(
    failure.summary,
    /expects a pre-shared key, while both sides must prove themselves the same way/,
  )
})

type Refusal = { readonly failure: Failure; readonly log: string }

async function fails(link: Link, role: (typeof ROLES)[number]): Promise<Refusal> {
  const { causeway, strongswan } = encounter
  const [from, mark] = [causeway.events.length, strongswan.mark()]
  if (role === 'initiator') await assert.rejects(causeway.up(link.name, 40_000))
  else {
    const outcome = await strongswan.initiate(childName(link), { ike: link.name, timeout: 3 })
    assert.notEqual(outcome.code, 0)
  }
  const { failure } = await causeway.waitFor('negotiation-failed', link.name, { from })
  const { childSas, state } = await causeway.tunnel(link.name)
  assert.deepEqual(childSas, [])
  assert.notEqual(state, 'up')
  await causeway.down(link.name)
  await strongswan.terminate({ ike: link.name }).catch(() => {})
  return { failure, log: strongswan.logSince(mark) }
}

async function papersOf(
  link: Link,
  ca: Authority,
  theirs: { readonly from?: string; readonly until?: string } = {},
): Promise<CertificateLink> {
  const side = async (gateway: string, options: object) => {
    const id = `${gateway}.${link.name}.example.net`
    return { ...(await ca.issue(id, { names: [id], ...options })), id }
  }
  return {
    causeway: await side('gw-a', {}),
    strongswan: await side('gw-b', theirs),
    trust: ca.certificate,
  }
}
