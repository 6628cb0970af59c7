// IKE messages in fragments, both ways: strongSwan cuts at 500 octets, and Causeway offers more than 1,280 octets hold.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  agreement,
  assertPing,
  causewaySide,
  type Encounter,
  giveAddresses,
  LINK,
  meet,
  numberedLink,
  strongswanInitiates,
  strongswanSide,
} from '../support/interop.ts'

/** Thirteen sets of algorithms and the public value of the largest group. */
const LARGE = {
  propose: [
    'aes256gcm16',
    ...['aes128', 'aes192', 'aes256'].flatMap((cipher) =>
      ['sha1', 'sha256', 'sha384', 'sha512'].map((hash) => `${cipher}-${hash}`),
    ),
  ],
  pfs: 'group18',
}
const link = { ...LINK, pfs: 'modp8192' }
/** Its first message alone has more than 500 octets. */
const forced = numberedLink(1, { ike: 'v1-aggressive', phase1: 'aes256-sha256-modp4096' })
let encounter: Encounter

before(async () => {
  encounter = await meet(
    {
      [link.name]: causewaySide(link, { phase2: LARGE }),
      [forced.name]: causewaySide(forced),
    },
    [strongswanSide(link), strongswanSide(forced, { fragmentation: 'force' })],
    { fragmentSize: 500, prepare: (topology) => giveAddresses(topology, 1) },
  )
})
after(() => encounter?.end())

test('Causeway initiates: its Quick mode goes in fragments, and what strongSwan answers comes in some', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.up(link.name)
  await agreement(link, causeway, strongswan)
  const log = strongswan.log()
  assert.match(log, /received fragment #2/)
  assert.match(log, /splitting IKE message/)
  const offer = causeway
    .messages(link.name)
    .find(({ exchange, number }) => exchange === 'quick' && number === 1)
  assert.ok((offer?.octets ?? 0) > 1_280)
  await assertPing(topology.hostA, '10.2.0.2')
})

test('strongSwan initiates: its fragments are joined', async () => {
  const { topology, causeway, strongswan } = encounter
  await causeway.down(link.name)
  await causeway.becomes(link.name, 'stopped')
  const mark = strongswan.mark()
  await strongswanInitiates(link, causeway, strongswan)
  await agreement(link, causeway, strongswan)
  assert.match(strongswan.logSince(mark), /splitting IKE message/)
  await assertPing(topology.hostB, '10.1.0.2')
})

test('strongSwan sends its very first message in fragments: they are joined before there is an SA', async () => {
  const { topology, causeway, strongswan } = encounter
  const mark = strongswan.mark()
  await strongswanInitiates(forced, causeway, strongswan)
  await agreement(forced, causeway, strongswan)
  const [beginning = ''] = strongswan.logSince(mark).split('parsed AGGRESSIVE')
  assert.match(beginning, /splitting IKE message/)
  await assertPing(topology.hostB, '10.1.1.2', { source: '10.2.1.2' })
})
