import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  type CertificateLink,
  certifiedCausewaySide,
  certifiedStrongswanSide,
  givePapers,
} from '../support/certificate-link.ts'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import {
  agreement,
  assertAlgorithms,
  assertPing,
  causewaySide,
  type Encounter,
  giveAddresses,
  type Link,
  meet,
  numberedLink,
  PSK,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'
import { type Authority, pkiFolder, StrongswanCa } from '../support/pki.ts'
import { eventually } from '../support/process.ts'
import { StrongSwan } from '../support/strongswan.ts'
import type { SwanConnection } from '../support/swan-conf.ts'

// strongSwan's rw-psk-ipv4, rw-psk-aggressive, rw-psk-fqdn, rw-cert, rw-cert-aggressive, dynamic-initiator and dynamic-responder: one end
// does not know where the other will come from.

const AGGRESSIVE = { ike: 'v1-aggressive' } as const
/** All that call Causeway call this address, so that only what they say tells them apart. */
const HEAD = { causeway: '203.0.113.101' }

const KEY_CALLS = numberedLink(1, { ...AGGRESSIVE, ...HEAD })
const KEY_IS_CALLED = numberedLink(2, AGGRESSIVE)
const FIRST = numberedLink(3, HEAD)
const SECOND = numberedLink(4, HEAD)
const CERTIFICATE_IS_CALLED = numberedLink(5)
const WILDCARD = numberedLink(6, { ...AGGRESSIVE, ...HEAD })
const NAMES = numberedLink(7)
/** Called at its address first; then it calls from another. */
const STRONGSWAN_MOVES = numberedLink(8)
const CAUSEWAY_MOVES = numberedLink(9)
/** A key in Main mode, where it is chosen before the peer can be known. */
const ONE_KEY = numberedLink(10, HEAD)
/** Whoever has a certificate of the CA. */
const ANYONE = numberedLink(11, HEAD)
const CALLS = [KEY_CALLS, FIRST, SECOND, WILDCARD, ONE_KEY, ANYONE]
const IS_CALLED = [KEY_IS_CALLED, CERTIFICATE_IS_CALLED]

let encounter: Encounter
let strongswan: StrongSwan
let connections: readonly SwanConnection[]
let papers: ReadonlyMap<Link, CertificateLink>
let forget: () => void = () => {}

before(async () => {
  const pki = pkiFolder()
  forget = pki.forget
  const ca = await StrongswanCa.make(join(pki.folder, 'ca'), 'Example Root CA', 'ecdsa-256')
  const certified = [
    FIRST,
    SECOND,
    CERTIFICATE_IS_CALLED,
    WILDCARD,
    ANYONE,
    STRONGSWAN_MOVES,
    CAUSEWAY_MOVES,
  ]
  papers = new Map(
    await Promise.all(certified.map(async (link) => [link, await papersOf(link, ca)] as const)),
  )
  connections = swanConnections()
  encounter = await meet(causewayTunnels(), connections, {
    prepare: (topology) => giveAddresses(topology, 11),
    beforeLoad: giveAll,
  })
  strongswan = encounter.strongswan
})
after(async () => {
  await strongswan?.stop()
  await encounter?.end()
  forget()
})

for (const link of CALLS) {
  const what = new Map([
    [KEY_CALLS, 'a key, Aggressive mode'],
    [FIRST, 'a certificate, Main mode'],
    [SECOND, 'a certificate, Main mode, another peer at the same address of ours'],
    [WILDCARD, 'a certificate, Aggressive mode, any name of one organisation'],
    [ONE_KEY, 'a key, Main mode, one of several that share it'],
    [ANYONE, 'a certificate, Main mode, any of the CA'],
  ]).get(link)
  test(`strongSwan calls from an address Causeway does not know: ${what}`, async () => {
    await strongswanInitiates(link, encounter.causeway, strongswan)
    await assertUp(link, 'responder')
    const [ikeSa] = (await encounter.causeway.tunnel(link.name)).ikeSas
    assert.ok(ikeSa?.remoteId.includes(nameOf('gw-b', link)))
  })
}

for (const link of IS_CALLED) {
  const what = link === KEY_IS_CALLED ? 'a key, Aggressive mode' : 'a certificate, Main mode'
  test(`Causeway calls a strongSwan that does not know its address: ${what}`, async () => {
    await encounter.causeway.up(link.name)
    await assertUp(link, 'initiator')
  })
}

for (const role of ['initiator', 'responder'] as const) {
  test(`host names as identities with a key in Main mode, Causeway as ${role}`, async () => {
    const { causeway } = encounter
    if (role === 'initiator') await causeway.up(NAMES.name)
    else await strongswanInitiates(NAMES, causeway, strongswan)
    await assertUp(NAMES, role)
    await causeway.down(NAMES.name)
    await eventually('strongSwan has been told', async () =>
      (await strongswan.ikeSas()).every(({ name }) => name !== NAMES.name),
    )
  })
}

test('both ends call the other at its address, before that moves', async () => {
  await encounter.causeway.up(STRONGSWAN_MOVES.name)
  await assertUp(STRONGSWAN_MOVES, 'initiator')
  await strongswanInitiates(CAUSEWAY_MOVES, encounter.causeway, strongswan)
  await assertUp(CAUSEWAY_MOVES, 'responder')
})

test('strongSwan dies and calls again from another address: the new SA takes the place of the old', async () => {
  const { topology, causeway } = encounter
  await strongswan.crash()
  strongswan = await StrongSwan.start(topology.gatewayB)
  giveAll(strongswan)
  const moved = '198.51.100.20'
  const callers = [...CALLS, STRONGSWAN_MOVES]
  const calling = (one: SwanConnection) => callers.some(({ name }) => name === one.name)
  await strongswan.load(connections.map((one) => (calling(one) ? { ...one, local: moved } : one)))
  for (const link of [KEY_CALLS, FIRST, STRONGSWAN_MOVES]) {
    await strongswanInitiates(link, causeway, strongswan)
    await assertUp(link, 'responder')
    const { ikeSas, childSas } = await causeway.tunnel(link.name)
    assert.ok(ikeSas.some(({ remote }) => remote.startsWith(moved)))
    // strongSwan says INITIAL-CONTACT in Main mode only.
    if (link !== KEY_CALLS)
      await eventually('the old IKE SA is gone', async () => {
        const now = await causeway.tunnel(link.name)
        return now.ikeSas.length === 1 && now.childSas.length === 1
      })
    assert.equal(childSas.filter(({ state }) => state === 'active').length, 1)
  }
})

test('Causeway is killed and calls again from another address: strongSwan serves it there', async () => {
  const { topology } = encounter
  const calling = [...IS_CALLED, CAUSEWAY_MOVES]
  process.kill(encounter.causeway.pid, 'SIGKILL')
  const tunnels = Object.fromEntries(
    Object.entries(causewayTunnels())
      .filter(([name]) => calling.some((link) => link.name === name))
      .map(([name, tunnel]) => [name, { ...tunnel, address: '203.0.113.10' }]),
  )
  const causeway = await GatewayProcess.start(topology.gatewayA, { name: 'gw-a', tunnels })
  encounter = { ...encounter, causeway }
  try {
    for (const link of calling) {
      await causeway.up(link.name)
      await assertUp(link, 'initiator')
      const sas = (await strongswan.ikeSas()).filter(({ name }) => name === link.name)
      if (link !== KEY_IS_CALLED) assert.equal(sas.length, 1)
    }
  } finally {
    await causeway.stop()
  }
})

async function assertUp(link: Link, role: 'initiator' | 'responder'): Promise<void> {
  const { topology, causeway } = encounter
  assertAlgorithms(link, await agreement(link, causeway, strongswan), role)
  const [, n = ''] = /^link(\d+)$/.exec(link.name) ?? []
  await assertPing(topology.hostA, `10.2.${n}.2`, { source: `10.1.${n}.2`, interval: 0.01 })
  await assertPing(topology.hostB, `10.1.${n}.2`, { source: `10.2.${n}.2`, interval: 0.01 })
  assert.equal((await causeway.status()).defects, 0)
}

function giveAll(swan: StrongSwan): void {
  for (const held of papers.values()) givePapers(swan, held)
}

function causewayTunnels(): Readonly<Record<string, TunnelSettings>> {
  const anywhere = { peer: 'any' } as const
  return {
    [KEY_CALLS.name]: causewaySide(KEY_CALLS, {
      ...anywhere,
      'peer-id': nameOf('gw-b', KEY_CALLS),
    }),
    [KEY_IS_CALLED.name]: causewaySide(KEY_IS_CALLED, {
      id: nameOf('gw-a', KEY_IS_CALLED),
      'peer-id': nameOf('gw-b', KEY_IS_CALLED),
    }),
    [FIRST.name]: certifiedCausewaySide(FIRST, held(FIRST), {}, anywhere),
    [SECOND.name]: certifiedCausewaySide(SECOND, held(SECOND), {}, anywhere),
    [CERTIFICATE_IS_CALLED.name]: certifiedCausewaySide(
      CERTIFICATE_IS_CALLED,
      held(CERTIFICATE_IS_CALLED),
    ),
    [ONE_KEY.name]: causewaySide(ONE_KEY, {
      ...anywhere,
      'peer-id': nameOf('gw-b', ONE_KEY),
    }),
    // Never called: what they take is the same, and the name in message 5 decides.
    'one-key-too': {
      ...causewaySide(ONE_KEY, { ...anywhere, 'peer-id': 'another.example.net' }),
      networks: ['10.1.250.0/24 <-> 10.2.250.0/24'],
    },
    'whoever-has-the-key': {
      ...causewaySide(ONE_KEY, { ...anywhere, 'peer-id': { 'any-of': 'psk' } }),
      networks: ['10.1.251.0/24 <-> 10.2.251.0/24'],
    },
    [ANYONE.name]: certifiedCausewaySide(
      ANYONE,
      held(ANYONE),
      { 'peer-id': { 'any-of': 'trust' } },
      anywhere,
    ),
    [WILDCARD.name]: certifiedCausewaySide(
      WILDCARD,
      held(WILDCARD),
      { 'peer-id': 'CN=*, O=Example, C=CH' },
      anywhere,
    ),
    [STRONGSWAN_MOVES.name]: certifiedCausewaySide(
      STRONGSWAN_MOVES,
      held(STRONGSWAN_MOVES),
      {},
      { 'peer-moves': 'allow' },
    ),
    [CAUSEWAY_MOVES.name]: certifiedCausewaySide(CAUSEWAY_MOVES, held(CAUSEWAY_MOVES)),
    [NAMES.name]: causewaySide(NAMES, {
      id: nameOf('gw-a', NAMES),
      'peer-id': { sends: nameOf('gw-b', NAMES) },
    }),
  }
}

function swanConnections(): readonly SwanConnection[] {
  const named = (link: Link) => ({ localId: nameOf('gw-b', link), remoteId: nameOf('gw-a', link) })
  const anywhere = { remote: '%any' } as const
  return [
    strongswanSide(KEY_CALLS, { localId: nameOf('gw-b', KEY_CALLS) }),
    strongswanSide(KEY_IS_CALLED, { ...anywhere, ...named(KEY_IS_CALLED), psk: PSK }),
    certifiedStrongswanSide(FIRST, held(FIRST)),
    certifiedStrongswanSide(SECOND, held(SECOND)),
    certifiedStrongswanSide(CERTIFICATE_IS_CALLED, held(CERTIFICATE_IS_CALLED), anywhere),
    certifiedStrongswanSide(WILDCARD, held(WILDCARD), {
      localId: `C=CH, O=Example, CN=${nameOf('gw-b', WILDCARD)}`,
    }),
    strongswanSide(ONE_KEY, { localId: nameOf('gw-b', ONE_KEY) }),
    certifiedStrongswanSide(ANYONE, held(ANYONE)),
    certifiedStrongswanSide(STRONGSWAN_MOVES, held(STRONGSWAN_MOVES)),
    certifiedStrongswanSide(CAUSEWAY_MOVES, held(CAUSEWAY_MOVES), {
      remote: `${CAUSEWAY_MOVES.causeway},%any`,
    }),
    strongswanSide(NAMES, named(NAMES)),
  ]
}

async function papersOf(link: Link, ca: Authority): Promise<CertificateLink> {
  const side = async (gateway: string) => {
    const id = nameOf(gateway, link)
    return { ...(await ca.issue(id, { names: [id] })), id }
  }
  return {
    causeway: await side('gw-a'),
    strongswan: await side('gw-b'),
    trust: ca.certificate,
  }
}

function held(link: Link): CertificateLink {
  const found = papers.get(link)
  if (found === undefined) throw new TypeError(`${link.name} has no certificates`)
  return found
}

function nameOf(gateway: string, link: Link): string {
  return `${gateway}.${link.name}.example.net`
}
