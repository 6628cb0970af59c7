import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { Capture, countFrames } from '../support/capture.ts'
import { GatewayProcess } from '../support/gateway.ts'
import { assertPing, causewaySide, LINK, type Link, PSK } from '../support/interop.ts'
import { Libreswan, type LibreswanConnection } from '../support/libreswan.ts'
import { eventually, run, stop } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'
import { UmlGuest } from '../support/uml.ts'

// libreswan inside user-mode Linux: its IKEv1, and ESP of a Linux kernel as IP protocol 50.

/** ESP and PFS in Causeway's words, then in libreswan's. */
const GCM128 = ['aes128gcm16', 'none', 'aes_gcm128-null'] as const
const GCM256 = ['aes256gcm16', 'modp3072', 'aes_gcm256-null;modp3072'] as const
const CBC256 = ['aes256-sha256', 'modp2048', 'aes256-sha2_256;modp2048'] as const

let topology: Topology
let guest: UmlGuest
let libreswan: Libreswan
let causeway: GatewayProcess | undefined

before(async () => {
  topology = await buildTopology({ siteB: 'none' })
  guest = await UmlGuest.boot(topology.middle)
  libreswan = await Libreswan.start(guest)
})
after(() => {
  guest?.stop()
  topology?.dispose()
})
afterEach(async () => {
  await causeway?.stop()
  causeway = undefined
  await libreswan.remove(LINK.name)
})

for (const [role, phase1, ike, esp, pfs, theirs] of [
  ['initiator', 'aes256-sha256-modp2048', 'aes256-sha2_256-modp2048', ...GCM128],
  ['responder', 'aes256-sha256-modp2048', 'aes256-sha2_256-modp2048', ...CBC256],
  ['responder', 'aes128-sha1-modp1536', 'aes128-sha1-modp1536', ...GCM256],
  ['initiator', '3des-sha512-ecp256', '3des-sha2_512-dh19', ...CBC256],
  ['responder', 'aes256-sha384-curve25519', 'aes256-sha2_384-dh31', ...GCM128],
] as const) {
  test(`${phase1}, ESP ${esp}, PFS ${pfs}, Causeway as ${role}`, async () => {
    const gateway = await meet({ ...LINK, phase1, esp, pfs }, { ike, esp: theirs })
    await open(gateway, role)
    const tunnel = await gateway.tunnel(LINK.name)
    const [ikeSa] = tunnel.ikeSas
    const [child] = tunnel.childSas
    assert.deepEqual([ikeSa?.role, child?.suite, child?.encapsulation], [role, esp, 'native'])
    const capture = await Capture.start(topology.middle, 'site-a')
    await assertPing(topology.hostA, ADDRESSES.gatewayB.lan)
    await assertPing(topology.hostA, ADDRESSES.gatewayB.lan, { size: 3_000 })
    const counts = countFrames(await capture.frames())
    assert.ok(counts.esp >= 12)
    assert.deepEqual([counts['esp-in-udp'], counts.plaintext], [0, 0])
  })
}

for (const phase of [1, 2] as const) {
  test(`Causeway rekeys phase ${phase} under traffic`, async () => {
    const gateway = await meet()
    await open(gateway, 'initiator')
    await duringTraffic(gateway, 1_500, () => gateway.rekey(LINK.name, phase))
    const { rekeys } = await gateway.tunnel(LINK.name)
    assert.equal(rekeys, 1)
  })
}

test('libreswan rekeys phase 2 under traffic', async () => {
  const gateway = await meet(LINK, {
    salifetime: '8s',
    rekeymargin: '5s',
    rekeyfuzz: '0%',
  })
  await open(gateway, 'responder')
  const [first] = (await gateway.tunnel(LINK.name)).childSas
  await duringTraffic(gateway, 6_000, async () => {})
  const { childSas } = await gateway.tunnel(LINK.name)
  const active = childSas.find(({ state }) => state === 'active')
  assert.ok(active !== undefined && active.in.spi !== first?.in.spi)
})

for (const who of ['Causeway', 'libreswan'] as const) {
  test(`${who} closes the tunnel and the other side has nothing left of it`, async () => {
    const gateway = await meet()
    // Whoever opened a tunnel would open it again when the other closes it: libreswan does, and so would we.
    await open(gateway, who === 'Causeway' ? 'initiator' : 'responder')
    if (who === 'Causeway') await gateway.down(LINK.name)
    else await libreswan.down(LINK.name)
    await eventually('both sides have no SA', async () => {
      const { ikeSas, childSas } = await gateway.tunnel(LINK.name)
      const states = await libreswan.states(LINK.name)
      return ikeSas.length + childSas.length + states.length === 0
    })
  })
}

test('libreswan hears that Causeway is there', async () => {
  const gateway = await meet(LINK, { dpddelay: '1s', dpdtimeout: '4s', dpdaction: 'clear' })
  await open(gateway, 'responder')
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  const exchanges = gateway
    .messages(LINK.name)
    .filter(({ exchange, direction }) => exchange === 'informational' && direction === 'received')
  assert.ok(exchanges.length >= 3, `${exchanges.length} questions in 6 s`)
  assert.equal((await gateway.tunnel(LINK.name)).state, 'up')
  assert.ok((await libreswan.states(LINK.name)).length > 0)
})

test('Causeway hears that libreswan is there', async () => {
  const gateway = await meet(
    LINK,
    {},
    { 'dead-peer': { 'probe-every': '2s', 'give-up-after': '6s' } },
  )
  await open(gateway, 'initiator')
  await gateway.waitFor('peer-alive', LINK.name)
  assert.equal((await gateway.tunnel(LINK.name)).state, 'up')
})

test('another key is told as that', async () => {
  const gateway = await meet(LINK, { psk: 'another key that only one side knows' })
  await libreswan.up(LINK.name, 2)
  const failed = await gateway.waitFor('negotiation-failed', LINK.name)
  assert.equal(failed.failure.code, 'CW-301')
})

test('a key that libreswan finds wrong without a word is told of while message 5 is still sent on', async () => {
  const gateway = await meet(LINK, { psk: 'another key that only one side knows' })
  const up = topology.gatewayA.start([
    ...[process.execPath, join(import.meta.dirname, '../../bin/causeway.js')],
    ...['up', LINK.name, '--control', gateway.control],
  ])
  let printed = ''
  up.stdout?.on('data', (chunk) => {
    printed += chunk
  })
  try {
    await gateway.waitFor('message-unanswered', LINK.name, { patience: 20_000 })
    const { unanswered, lastFailure } = await gateway.tunnel(LINK.name)
    const [message] = unanswered ?? []
    assert.deepEqual([message?.message, message?.failure.code], [5, 'CW-301'])
    assert.equal(lastFailure, undefined)
    await eventually('up has printed it', async () => /CW-301[\s\S]*keys most likely/.test(printed))
    assert.match(printed, /No answer yet to message 5 of Main mode, sent 3 times in \d+ s/)
    assert.equal(up.exitCode, null, 'up goes on')
  } finally {
    await stop(up)
  }
})

test('algorithms without anything in common are told as that', async () => {
  const gateway = await meet(LINK, { ike: 'aes128-sha1-modp1536' })
  await libreswan.up(LINK.name, 2)
  const failed = await gateway.waitFor('negotiation-failed', LINK.name)
  assert.equal(failed.failure.code, 'CW-201')
})

test('other networks are told as that', async () => {
  const gateway = await meet(LINK, { leftsubnet: '10.2.0.0/24' })
  await libreswan.up(LINK.name, 2)
  const failed = await gateway.waitFor('negotiation-failed', LINK.name)
  assert.equal(failed.failure.code, 'CW-401')
})

for (const [what, code, theirs] of [
  [{ esp: 'aes128-sha1' }, 'CW-404', 'aes128-sha1, no PFS, tunnel'],
  [{ pfs: 'yes' }, 'CW-405', 'aes256gcm16, PFS group14, tunnel'],
  [{ leftsubnet: '10.2.0.0/24' }, 'CW-401', '10.1.0.0/16 ↔ 10.2.0.0/24'],
] as const) {
  test(`what libreswan takes in phase 2 with ${JSON.stringify(what)} is found out beside its refusal`, async () => {
    const gateway = await meet(LINK, what)
    await gateway.up(LINK.name).catch(() => {})
    const { failure } = await gateway.waitFor('negotiation-failed', LINK.name)
    assert.deepEqual([failure.code, failure.theirs], [code, theirs])
  })
}

for (const role of ['initiator', 'responder'] as const) {
  test(`our identity, refused by libreswan, is told as that, Causeway as ${role}`, async () => {
    const gateway = await meet(LINK, { rightid: '@other.example' })
    if (role === 'responder') await libreswan.up(LINK.name, 2)
    else await gateway.up(LINK.name).catch(() => {})
    const failed = await gateway.waitFor('negotiation-failed', LINK.name)
    assert.equal(failed.failure.code, 'CW-303')
    assert.match(failed.failure.evidence, /INVALID-ID-INFORMATION in answer to message [56]/)
  })
}

test('causeway probe finds what libreswan accepts, from another port while the gateway has 500', async () => {
  const gateway = await meet(LINK, { ike: 'aes256-sha2_256-modp2048,aes128-sha1-modp1536' })
  const { code, stdout, stderr } = await run(
    topology.gatewayA.argv([
      ...[process.execPath, join(import.meta.dirname, '../../bin/causeway.js')],
      ...['probe', LINK.strongswan, '--json'],
    ]),
  )
  assert.equal(code, 0, stderr)
  const { from, main, methods } = JSON.parse(stdout)
  assert.notEqual(from.port, 500)
  assert.deepEqual(
    main[0].accepted.map(({ suite }: { suite: string }) => suite),
    ['aes256-sha256-group14', 'aes128-sha1-group5'],
  )
  assert.equal(main[0].unknown, 0)
  assert.deepEqual(methods, ['pre-shared key'])
  assert.equal((await gateway.status()).defects, 0)
})

/** Both sides configured with the link; nobody begins yet. */
async function meet(
  link: Link = LINK,
  theirs: Partial<LibreswanConnection> = {},
  ours: Parameters<typeof causewaySide>[1] = {},
): Promise<GatewayProcess> {
  const [[network, subnet] = ['', '']] = link.networks
  await libreswan.add({
    name: link.name,
    left: link.strongswan,
    leftsubnet: subnet,
    right: link.causeway,
    rightsubnet: network,
    psk: PSK,
    ike: 'aes256-sha2_256-modp2048',
    esp: 'aes_gcm256-null',
    pfs: link.pfs === 'none' ? 'no' : 'yes',
    ...theirs,
  })
  causeway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: { [link.name]: causewaySide(link, ours) },
  })
  return causeway
}

async function open(gateway: GatewayProcess, role: 'initiator' | 'responder'): Promise<void> {
  if (role === 'initiator') return gateway.up(LINK.name)
  const outcome = await libreswan.up(LINK.name)
  assert.equal(outcome.code, 0, `${outcome.stdout}${outcome.stderr}\n${gateway.output()}`)
  await gateway.becomes(LINK.name, 'up')
}

/**
 * An echo every 20 ms for the given time, in whose first part `act` happens. At most one is lost: libreswan 4.10 takes its kernel policy out
 * and puts it in anew while it answers Quick mode, and what comes in these two milliseconds is gone. Causeway drops nothing.
 */
async function duringTraffic(
  gateway: GatewayProcess,
  milliseconds: number,
  act: () => Promise<void>,
): Promise<void> {
  const count = milliseconds / 20
  const pinging = topology.hostA.ping(ADDRESSES.gatewayB.lan, { count, interval: 0.02 })
  await new Promise((resolve) => setTimeout(resolve, 300))
  await act().finally(() => pinging)
  const { received } = await pinging
  assert.ok(received >= count - 1, `${received} of ${count} came back`)
  const { dropped } = await gateway.tunnel(LINK.name)
  assert.deepEqual(
    Object.entries(dropped).filter(([, packets]) => packets > 0),
    [],
  )
  assert.equal((await gateway.status()).defects, 0)
}
