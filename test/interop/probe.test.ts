import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { LINK, strongswanSide } from '../support/interop.ts'
import { type Outcome, run } from '../support/process.ts'
import { StrongSwan } from '../support/strongswan.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** `causeway probe` against strongSwan with its usual protection against floods: what it finds is what was configured. */

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')

let topology: Topology
let strongswan: StrongSwan

before(async () => {
  topology = await buildTopology()
  strongswan = await StrongSwan.start(topology.gatewayB, { dosProtection: true })
})
after(async () => {
  await strongswan?.stop()
  topology?.dispose()
})

for (const [what, proposals, accepted] of [
  [
    'a list of algorithms',
    ['aes256-aes128-sha256-sha1-modp2048-modp1024'],
    [
      'aes256-sha256-group14',
      'aes128-sha256-group14',
      'aes256-sha1-group14',
      'aes128-sha1-group14',
      'aes256-sha256-group2',
      'aes128-sha256-group2',
      'aes256-sha1-group2',
      'aes128-sha1-group2',
    ],
  ],
  [
    'combinations with little in common',
    ['aes256-sha384-ecp384', '3des-md5-modp1024', 'aes128-sha256-curve25519'],
    ['aes256-sha384-group20', 'aes128-sha256-group31', '3des-md5-group2'],
  ],
] as const) {
  test(`finds exactly what is configured: ${what}`, async () => {
    await strongswan.load([{ ...strongswanSide(LINK), proposals }])
    const { code, stdout, stderr } = await probe(ADDRESSES.gatewayB.ipv4, '--json')
    assert.equal(code, 0, stderr)
    const found = JSON.parse(stdout)
    const [main] = found.main
    assert.deepEqual(
      main.accepted.map(({ suite }: { suite: string }) => suite).toSorted(),
      accepted.toSorted(),
      stdout,
    )
    assert.deepEqual([main.likely, main.unknown, main.fellSilent], [[], 0, false])
    assert.equal(main.accepted[0].suite, accepted[0])
    assert.equal(found.methods, 'not-told')
    assert.ok(found.questions <= 40)
  })
}

test('Aggressive mode with a pre-shared key is warned of', async () => {
  await strongswan.load([{ ...strongswanSide(LINK), aggressive: true }])
  const asked = await probe(ADDRESSES.gatewayB.ipv4, '--aggressive')
  assert.match(asked.stdout, /^ {2}Aggressive +accepts aes256-sha256-group14$/m)
  assert.match(asked.stdout, /! answers Aggressive mode with a hash of its pre-shared key/)
  assert.deepEqual(
    asked.stdout.split('\n').filter((line) => [...line].length > 80),
    [],
  )
})

test('a peer of IKEv2 tells its choice, and that it would take weak algorithms too', async () => {
  const proposals = ['aes256-sha256-ecp256', '3des-sha1-modp1024']
  await strongswan.load([{ ...strongswanSide(LINK), version: 2, proposals }])
  const found = JSON.parse((await probe(ADDRESSES.gatewayB.ipv4, '--json')).stdout)
  assert.deepEqual(found.ikev2, {
    kind: 'taken',
    first: 'aes256-sha256-group19',
    weak: '3des-sha1-group2',
  })
  assert.deepEqual(
    found.main.flatMap(({ accepted }: { accepted: unknown[] }) => accepted),
    [],
  )
  assert.match(found.warnings.join(), /takes 3des-sha1-group2 in IKEv2/)
})

test('a peer that does not know our address refuses, and the question from the right one is another', async () => {
  await topology.gatewayA.ip('addr add 203.0.113.77/24 dev wan')
  await strongswan.load([{ ...strongswanSide(LINK), remote: '203.0.113.77' }])
  const stranger = await probe(ADDRESSES.gatewayB.ipv4)
  assert.equal(stranger.code, 1)
  assert.match(stranger.stdout.replace(/\s+/g, ' '), /is 203\.0\.113\.10 configured there\?/)
  const known = await probe(ADDRESSES.gatewayB.ipv4, '--from', '203.0.113.77')
  assert.equal(known.code, 0)
  assert.match(known.stdout, /phase1: aes256-sha256-group14/)
})

test('where nobody listens, the host that says so is named at once', async () => {
  const { code, stdout } = await probe('198.51.100.1')
  assert.equal(code, 1)
  assert.match(stdout, /198\.51\.100\.1 itself says that nothing listens there \(ICMP port/)
})

function probe(...args: readonly string[]): Promise<Outcome> {
  return run(topology.gatewayA.argv([process.execPath, CAUSEWAY, 'probe', ...args]))
}
