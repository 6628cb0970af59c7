import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  type CertificateLink,
  certifiedCausewaySide,
  certifiedStrongswanSide,
  givePapers,
} from '../support/certificate-link.ts'
import {
  agreement,
  assertPing,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
} from '../support/interop.ts'
import { CausewayCa, pkiFolder } from '../support/pki.ts'

// Hybrid authentication, and XAUTH behind certificates of both sides, in both roles.

const LOGIN = numberedLink(1)
const HOST = numberedLink(2)
const BOTH_LOGIN = numberedLink(3)
const BOTH_HOST = numberedLink(4)
const AGGRESSIVE = numberedLink(5, { ike: 'v1-aggressive' })
const LINKS = [LOGIN, HOST, BOTH_LOGIN, BOTH_HOST, AGGRESSIVE]

const USER = { user: 'branch', password: 'open sesame' }

let encounter: Encounter
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  const ca = await CausewayCa.make(join(pki.folder, 'ca'), 'Example VPN CA', 'rsa3072')
  const users = join(pki.folder, 'users')
  writeFileSync(users, `${USER.user}:${USER.password}\n`, { mode: 0o600 })
  const client = { xauth: { role: 'client', ...USER } } as const
  const server = { xauth: { role: 'server', users } } as const
  const papers = async (link: Link): Promise<CertificateLink> => {
    const issue = async (name: string) => {
      const id = `${name}.${link.name}.example.net`
      return { ...(await ca.issue(id, { names: [id] })), id }
    }
    return { causeway: await issue('gw-a'), strongswan: await issue('gw-b'), trust: ca.certificate }
  }
  const [login, host, bothLogin, bothHost, aggressive] = await Promise.all(LINKS.map(papers))
  assert.ok(login && host && bothLogin && bothHost && aggressive)
  const unsigned = { own: undefined, key: undefined }
  encounter = await meet(
    {
      [LOGIN.name]: certifiedCausewaySide(LOGIN, login, unsigned, client),
      [HOST.name]: certifiedCausewaySide(HOST, host, { trust: [] }, server),
      [BOTH_LOGIN.name]: certifiedCausewaySide(BOTH_LOGIN, bothLogin, {}, client),
      [BOTH_HOST.name]: certifiedCausewaySide(BOTH_HOST, bothHost, {}, server),
      [AGGRESSIVE.name]: certifiedCausewaySide(AGGRESSIVE, aggressive, unsigned, client),
    },
    [
      certifiedStrongswanSide(LOGIN, login, { xauth: { role: 'server', hybrid: true, ...USER } }),
      certifiedStrongswanSide(HOST, host, { xauth: { role: 'client', hybrid: true, ...USER } }),
      certifiedStrongswanSide(BOTH_LOGIN, bothLogin, { xauth: { role: 'server', ...USER } }),
      certifiedStrongswanSide(BOTH_HOST, bothHost, { xauth: { role: 'client', ...USER } }),
      certifiedStrongswanSide(AGGRESSIVE, aggressive, {
        xauth: { role: 'server', hybrid: true, ...USER },
      }),
    ],
    {
      prepare: (topology) => giveAddresses(topology, LINKS.length),
      beforeLoad: (strongswan) => {
        for (const one of [login, host, bothLogin, bothHost, aggressive])
          givePapers(strongswan, one)
      },
    },
  )
})
after(async () => {
  await encounter?.end()
  forget()
})

for (const [link, what, begins] of [
  [LOGIN, 'strongSwan signs, Causeway logs in', 'Causeway'],
  [AGGRESSIVE, 'strongSwan signs, Causeway logs in, in Aggressive mode', 'Causeway'],
  [HOST, 'Causeway signs, strongSwan logs in', 'strongSwan'],
  [BOTH_LOGIN, 'both sign, and Causeway logs in', 'Causeway'],
  [BOTH_HOST, 'both sign, and strongSwan logs in', 'strongSwan'],
] as const) {
  test(what, async () => {
    const { topology, causeway, strongswan } = encounter
    if (begins === 'Causeway') await causeway.up(link.name)
    else await strongswanInitiates(link, causeway, strongswan)
    const { tunnel } = await agreement(link, causeway, strongswan)
    const host = begins === 'strongSwan'
    assert.equal(tunnel.ikeSas[0]?.user, host ? USER.user : undefined)
    const n = link.name.slice(4)
    await assertPing(topology.hostA, `10.2.${n}.2`, { source: `10.1.${n}.2` })
  })
}
