import assert from 'node:assert/strict'
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
  assertAlgorithms,
  assertPing,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  strongswanInitiates,
} from '../support/interop.ts'
import {
  type Authority,
  CausewayCa,
  pkiFolder,
  StrongswanCa,
  type SwanKeyType,
} from '../support/pki.ts'
import { eventually } from '../support/process.ts'

// strongSwan's net2net-cert, ecdsa-certs and rw-cert-aggressive, with CAs of both makers.

type Row = {
  readonly what: string
  readonly link: Link
  /** Rows with the same kind of key share a CA. */
  readonly key: 'rsa3072' | 'p256' | 'p384' | SwanKeyType
  readonly identities: 'host names' | 'addresses' | 'distinguished names'
}

const AGGRESSIVE = { ike: 'v1-aggressive' } as const

const ROWS: readonly Row[] = [
  ...(['rsa3072', 'p256', 'p384'] as const).flatMap((key, index): readonly Row[] => [
    {
      what: `${key} of \`causeway pki\`, Main mode`,
      link: numberedLink(2 * index + 1),
      key,
      identities: 'host names',
    },
    {
      what: `${key} of \`causeway pki\`, Aggressive mode`,
      link: numberedLink(2 * index + 2, AGGRESSIVE),
      key,
      identities: 'addresses',
    },
  ]),
  ...(['rsa-2048', 'ecdsa-256', 'ecdsa-384'] as const).map(
    (key, index): Row => ({
      what: `${key} of strongSwan’s pki, distinguished names, ${index === 1 ? 'Aggressive' : 'Main'} mode`,
      link: numberedLink(7 + index, index === 1 ? AGGRESSIVE : {}),
      key,
      identities: 'distinguished names',
    }),
  ),
]

let encounter: Encounter
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  const authorities = new Map<Row['key'], Promise<Authority>>()
  const authorityOf = ({ key }: Row): Promise<Authority> => {
    const made = authorities.get(key) ?? makeAuthority(join(pki.folder, key), key)
    authorities.set(key, made)
    return made
  }
  const papers = await Promise.all(ROWS.map(async (row) => papersOf(row, await authorityOf(row))))
  const both = ROWS.flatMap(({ link }, index) => {
    const held = papers[index]
    return held === undefined ? [] : [{ link, held }]
  })
  encounter = await meet(
    Object.fromEntries(
      both.map(({ link, held }) => [link.name, certifiedCausewaySide(link, swapped(held))]),
    ),
    both.map(({ link, held }) => certifiedStrongswanSide(link, held)),
    {
      prepare: (topology) => giveAddresses(topology, ROWS.length),
      beforeLoad: (strongswan) => {
        for (const { held } of both) givePapers(strongswan, held)
      },
    },
  )
})
after(async () => {
  await encounter?.end()
  forget()
})

for (const [index, { what, link }] of ROWS.entries()) {
  for (const role of ['initiator', 'responder'] as const) {
    test(`${what}, Causeway as ${role}`, async () => {
      const { topology, causeway, strongswan } = encounter
      if (role === 'initiator') await causeway.up(link.name)
      else await strongswanInitiates(link, causeway, strongswan)
      assertAlgorithms(link, await agreement(link, causeway, strongswan), role)
      const source = `10.1.${index + 1}.2`
      await assertPing(topology.hostA, `10.2.${index + 1}.2`, { count: 2, interval: 0.01, source })
      await causeway.down(link.name)
      await eventually('strongSwan has been told', async () =>
        (await strongswan.ikeSas()).every(({ name }) => name !== link.name),
      )
    })
  }
}

test('nothing was dropped or went wrong on the way', async () => {
  const { defects, dropped } = await encounter.causeway.status()
  assert.equal(defects, 0)
  assert.deepEqual(
    Object.entries(dropped).filter(([, count]) => count > 0),
    [],
  )
})

function makeAuthority(folder: string, key: Row['key']): Promise<Authority> {
  if (key === 'rsa3072' || key === 'p256' || key === 'p384')
    return CausewayCa.make(folder, 'Example VPN CA', key)
  return StrongswanCa.make(folder, 'Example Root CA', key)
}

async function papersOf({ link, identities }: Row, authority: Authority): Promise<CertificateLink> {
  const side = async (name: string, address: string) => {
    // strongSwan finds its key by the identity alone, so none may be there twice.
    const host = `${name}.${link.name}.example.net`
    const papers = await authority.issue(host, { names: [host, address] })
    const id = {
      'host names': host,
      addresses: address,
      'distinguished names': `C=CH, O=Example, CN=${host}`,
    }[identities]
    return { ...papers, id }
  }
  return {
    causeway: await side('gw-a', link.causeway),
    strongswan: await side('gw-b', link.strongswan),
    trust: authority.certificate,
  }
}

/** Causeway writes distinguished names as RFC 4514 does: the last part first. */
function swapped(link: CertificateLink): CertificateLink {
  const turn = <T extends { readonly id: string }>(side: T): T => ({
    ...side,
    id: side.id.includes('=') ? side.id.split(', ').reverse().join(', ') : side.id,
  })
  return { ...link, causeway: turn(link.causeway), strongswan: turn(link.strongswan) }
}
