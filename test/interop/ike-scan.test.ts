import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { GatewayProcess } from '../support/gateway.ts'
import { causewaySide, LINK } from '../support/interop.ts'
import { buildTopology, type Topology } from '../support/topology.ts'

// ike-scan from the peer's own address: a prober that knows every way to be slightly wrong.

let topology: Topology
let causeway: GatewayProcess

before(async () => {
  topology = await buildTopology()
  causeway = await GatewayProcess.start(topology.gatewayA, {
    name: 'gw-a',
    tunnels: { [LINK.name]: causewaySide(LINK) },
  })
})
after(async () => {
  await causeway?.stop()
  topology?.dispose()
})
afterEach(async () => {
  assert.equal((await causeway.status()).defects, 0)
})

/** AES-CBC-256, SHA-256, pre-shared key, group 14: what the tunnel accepts. */
const GOOD = '--trans=7/256,4,1,14'

test('answers what it accepts, however it is spelled', async () => {
  for (const args of [
    [GOOD],
    ['--trans=(1=7,14=256,2=4,3=1,4=14)'],
    ['--trans=1,1,1,1', '--trans=5,2,1,2', GOOD],
    ['--lifetime=none', GOOD],
    ['--lifetime=0', GOOD],
    ['--lifetime=0xffffffff', GOOD],
    ['--lifetime=0x1122334455667788', GOOD],
    ['--lifesize=4608000', GOOD],
    ['--spisize=8', GOOD],
    ['--headerver=0x11', GOOD],
    ['--vendor=00', '--vendor=4a131c81070358455c5728f20e95452f', GOOD],
  ]) {
    assert.match(await scan(...args), /1 returned handshake/, args.join(' '))
  }
})

test('refuses with a notify what it could accept in another form', async () => {
  for (const args of [
    ['--trans=5,2,1,2'],
    ['--trans=7/256,4,3,14'],
    ['--trans=7/256,4,65001,14'],
    ['--trans=7/256,4,1,1'],
    ['--trans=7,4,1,14'],
    ['--trans=(1=7,14=256,2=4,3=1,4=14,16384=0x0123456789)'],
    ['--protocol=3', GOOD],
    ['--transid=9', GOOD],
  ]) {
    assert.match(await scan(...args), /14 \(NO-PROPOSAL-CHOSEN\)/, args.join(' '))
  }
})

test('is silent to what is no first message of Main mode', async () => {
  for (const args of [
    ['--aggressive', '--id=vpn', GOOD],
    ['--exchange=1', GOOD],
    ['--exchange=5', GOOD],
    ['--exchange=32', GOOD],
    ['--hdrflags=1', GOOD],
    ['--hdrmsgid=5', GOOD],
    ['--headerver=0x30', GOOD],
    ['--cookie=0000000000000000', GOOD],
    ['--rcookie=1122334455667788', GOOD],
    ['--nextpayload=200', GOOD],
    ['--mbz=255', GOOD],
    ['--doi=7', GOOD],
    ['--situation=7', GOOD],
    ['--ikev2'],
  ]) {
    assert.match(await scan(...args), /0 returned handshake; 0 returned notify/, args.join(' '))
  }
})

test('answers once and never again on its own (CVE-2016-5361)', async () => {
  const answers = (await scan('--showbackoff=3', GOOD)).match(/^203\.0\.113\.10\t\d+\t[\d.]+\t/gm)
  assert.equal(answers?.length, 1)
})

/** What one probe brought, sent once from port 500 of the tunnel's peer. */
async function scan(...args: readonly string[]): Promise<string> {
  const { stdout } = await topology.gatewayB.run([
    ...['ike-scan', '--sport=500', '--retry=1', '--timeout=300'],
    ...args,
    LINK.causeway,
  ])
  return stdout
}
