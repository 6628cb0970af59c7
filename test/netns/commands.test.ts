import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { NetworkStatus } from '#control/status'
import { GatewayProcess, type TunnelSettings } from '../support/gateway.ts'
import { eventually, type Outcome, run } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Topology } from '../support/topology.ts'

/** The commands that look at a running gateway, as an operator types them, between two gateways. */

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')
const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'

const toParis: TunnelSettings = {
  peer: ADDRESSES.gatewayB.ipv4,
  psk: PSK,
  networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
  start: 'respond',
}
const toBerlin: TunnelSettings = {
  peer: ADDRESSES.gatewayA.ipv4,
  psk: PSK,
  networks: ['10.2.0.0/16 <-> 10.1.0.0/16'],
  start: 'respond',
}

let topology: Topology
let berlin: GatewayProcess
let paris: GatewayProcess

before(async () => {
  topology = await buildTopology()
  ;[berlin, paris] = await Promise.all([
    GatewayProcess.start(topology.gatewayA, {
      name: 'gw-berlin',
      address: ADDRESSES.gatewayA.ipv4,
      tunnels: { paris: toParis },
    }),
    GatewayProcess.start(topology.gatewayB, {
      name: 'gw-paris',
      address: ADDRESSES.gatewayB.ipv4,
      tunnels: { berlin: toBerlin },
    }),
  ])
})
after(async () => {
  await Promise.all([berlin?.stop(), paris?.stop()])
  topology?.dispose()
})

test('monitor begins with the states and tells what follows, one typed object a line', async () => {
  const monitor = topology.gatewayA.start(argv('monitor', '--json'))
  let output = ''
  monitor.stdout?.on('data', (chunk) => {
    output += chunk
  })
  const events = () =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  await eventually('the state it begins with', () => events().length > 0)
  assert.equal((await cli('restart', 'paris')).code, 0)
  await eventually('the state it ends with', () => events().at(-1)?.event.state === 'up')
  monitor.kill('SIGINT')
  assert.ok(events().every(({ schema, at }) => schema === 1 && !Number.isNaN(Date.parse(at))))
  assert.equal(events()[0]?.event.state, 'down')
  const kinds = events().map(({ event }) => event.kind)
  for (const kind of ['ike-sa-established', 'child-sa-established']) assert.ok(kinds.includes(kind))
  assert.ok(!kinds.includes('message'))
})

test('restart closes a tunnel that is up and brings it up with new keys', async () => {
  const before = (await berlin.tunnel('paris')).ikeSas.map(({ initiatorSpi }) => initiatorSpi)
  const { code, stdout } = await cli('restart', 'paris')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /1 → .*\n(?:.*\n)*✓ paris is up \(/)
  const now = (await berlin.tunnel('paris')).ikeSas.map(({ initiatorSpi }) => initiatorSpi)
  assert.equal(now.length, 1)
  assert.ok(!before.includes(now[0] ?? ''))
})

test('a change that cuts the tunnel is shown by diff, tried by apply --confirm, and taken back', async () => {
  const settings = (paris: TunnelSettings) => ({
    name: 'gw-berlin',
    address: ADDRESSES.gatewayA.ipv4,
    tunnels: { paris },
  })
  assert.equal((await cli('up', 'paris')).code, 0)
  assert.equal((await cli('diff')).code, 0)
  berlin.write(settings({ ...toParis, psk: `${PSK}-wrong`, start: 'always' }))
  const diff = await cli('diff')
  assert.equal(diff.code, 1)
  assert.match(diff.stdout, /^~ paris {2}closed and opened anew\n +start +respond → always\n +psk/)
  assert.doesNotMatch(diff.stdout, /x7Yk2/)
  const applied = await cli('apply', '--confirm', '2')
  assert.equal(applied.code, 0, applied.stderr)
  assert.match(applied.stdout, /comes back in 2 s, unless you say\n {2}causeway confirm\n$/)
  assert.match((await cli('status')).stdout, /On trial: .*\n {2}causeway confirm/)
  await eventually('the configuration before is back', async () =>
    /nobody confirmed it/.test((await cli('status')).stdout),
  )
  assert.equal((await cli('up', 'paris')).code, 0)
  assert.equal((await cli('confirm')).code, 1)
})

test('trace follows a packet through route, selector and SA, and names what stops another', async () => {
  const { code, stdout } = await cli('trace', ADDRESSES.hostA.ipv4, ADDRESSES.hostB.ipv4, 'tcp/445')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /✓ route +10\.2\.0\.0\/16 → cw-paris, in by lan$/m)
  assert.match(stdout, /✓ selector +10\.1\.0\.0\/16 <-> 10\.2\.0\.0\/16 \(paris\)$/m)
  assert.match(stdout, /✓ size +up to \d+ octets; MSS \d+ is written/)
  assert.match(stdout, /✓ result +encrypted to 198\.51\.100\.20 as ESP$/m)
  const { spi, passes } = JSON.parse(
    (await cli('trace', ADDRESSES.hostA.ipv4, ADDRESSES.hostB.ipv4, '--json')).stdout,
  )
  assert.equal(passes, true)
  assert.equal(spi, (await berlin.tunnel('paris')).childSas[0]?.out.spi)
  const outside = await cli('trace', '10.1.0.2', '10.9.0.2')
  assert.equal(outside.code, 1)
  assert.match(outside.stdout, /– route +default → wan via 203\.0\.113\.1, in by lan/)
  assert.match(outside.stdout, /✗ selector +no tunnel takes it/)
})

test('trace asks the kernel: forwarding off, source validation, a rule before ours', async () => {
  const traced = async () => (await cli('trace', '10.1.0.2', '10.2.0.2')).stdout
  const { gatewayA } = topology
  await gatewayA.sysctl({ 'net/ipv4/ip_forward': 0 })
  assert.match(await traced(), /✗ route +this host does not forward[\s\S]*ip_forward=1$/m)
  await gatewayA.sysctl({ 'net/ipv4/ip_forward': 1 })
  await gatewayA.ip('rule add priority 100 lookup main')
  assert.match((await traced()).replace(/\s+/g, ' '), /default → wan .*, not to cw-paris of paris/)
  await gatewayA.ip('rule del priority 100')
  assert.match(await traced(), /✓ result/)
})

test('ping tells the round trips of both phases, what is lost, and the largest packet that passes', async () => {
  const { code, stdout } = await cli('ping', 'paris', ADDRESSES.hostB.ipv4, '--json')
  assert.equal(code, 0, stdout)
  const { parts } = JSON.parse(stdout)
  assert.deepEqual(
    parts.map(({ part, verdict, sent, received }: Record<string, unknown>) => [
      part,
      verdict,
      sent,
      received,
    ]),
    [
      ['phase 1', 'ok', 3, 3],
      ['phase 2', 'ok', 3, 3],
      ['size', 'ok', undefined, undefined],
    ],
  )
  assert.equal(parts[2].octets, (await berlin.tunnel('paris')).mtu)
})

test('ping finds a size above which ESP vanishes, and tells ESP from IKE where it is filtered', async () => {
  const drop = (what: string) =>
    topology.middle.runOk(['nft', '-f', '-'], {
      input: `flush ruleset
        table ip filter {
          chain forward {
            type filter hook forward priority 0
            ${what} drop
          }
        }`,
    })
  await drop('ip protocol esp meta length > 1200')
  const narrow = await cli('ping', 'paris', ADDRESSES.hostB.ipv4, '--count', '1', '--json')
  // The gateway itself may have noticed by now, and made the tunnel's MTU smaller.
  const { octets } = JSON.parse(narrow.stdout).parts[2]
  assert.ok(octets > 1_000 && octets < 1_200, `${octets}`)
  await drop('ip protocol esp')
  const filtered = await cli('ping', 'paris', ADDRESSES.hostB.ipv4, '--count', '1')
  assert.equal(filtered.code, 1)
  assert.match(filtered.stdout, /✓ phase 1 +IKE answers/)
  assert.match(filtered.stdout, /✗ phase 2 +10\.2\.0\.2 does not answer/)
  await topology.middle.runOk(['nft', 'flush', 'ruleset'])
})

test('doctor finds host, way, routes and NAT rules in order, with the tunnel up', async () => {
  const { code, stdout } = await cli('doctor', 'paris')
  assert.equal(code, 0, stdout)
  assert.match(stdout, /✓ sockets +UDP 500 and 4500 bound on 203\.0\.113\.10$/m)
  assert.match(
    stdout,
    /✓ route +198\.51\.100\.20 via 203\.0\.113\.1 dev wan, source 203\.0\.113\.10/,
  )
  assert.match(stdout, /✓ peer alive +ping [\d.]+ ms, 0 % lost; IKE is up/)
  assert.match(stdout, /✓ mtu +1500 octets pass; \d+ inside the tunnel$/m)
  assert.match(stdout, /✓ networks +10\.2\.0\.0\/16 → cw-paris/)
  assert.match(stdout, /✓ nat rules +none/)
  assert.deepEqual(
    stdout.split('\n').filter((line) => [...line].length > 80),
    [],
  )
})

test('doctor asks UDP 500 and 4500 of a peer whose tunnel is down', async () => {
  await cli('down', 'paris')
  assert.match((await cli('doctor', 'paris')).stdout, /UDP 500 answers; UDP 4500 answers$/m)
  assert.equal((await cli('up', 'paris')).code, 0)
})

test('doctor tells what is wrong, and its commands put it right', async () => {
  const { gatewayA } = topology
  await gatewayA.runOk(['nft', '-f', '-'], {
    input: `table ip nat {
      chain postrouting {
        type nat hook postrouting priority 100
        oifname "wan" masquerade
        ip saddr 10.1.0.0/16 counter masquerade
      }
    }`,
  })
  await gatewayA.ip(
    'link add spare type veth peer name erap',
    'addr add 10.2.7.1/24 dev spare',
    'link set erap up',
    'link set spare up',
  )
  const steps = async () => {
    const { tunnels } = JSON.parse((await cli('doctor', 'paris', '--json')).stdout)
    const all: { label: string; verdict: string; fix?: string; text: string }[] = tunnels[0].steps
    return new Map(all.map((step) => [step.label, step]))
  }
  const before = await steps()
  assert.match(
    before.get('overlap')?.text ?? '',
    /10\.2\.7\.0\/24 on spare lies within 10\.2\.0\.0\/16/,
  )
  const nat = before.get('nat rules')
  assert.match(nat?.text ?? '', /ip nat postrouting \(handle \d+\) masquerades 10\.1\.0\.0\/16/)
  await gatewayA.runOk(['sh', '-c', nat?.fix ?? 'false'])
  await gatewayA.ip('link del spare')
  const after = await steps()
  assert.equal(after.get('nat rules')?.verdict, 'ok')
  assert.equal(after.get('overlap'), undefined)
  await gatewayA.runOk(['nft', 'delete', 'table', 'ip', 'nat'])
})

test('of two network pairs one is refused: up, status and explain say which and why, and end with 1', async () => {
  const peer = { name: 'gw-paris', address: ADDRESSES.gatewayB.ipv4 }
  const own = { name: 'gw-berlin', address: ADDRESSES.gatewayA.ipv4 }
  const networks = [...toParis.networks, '10.1.0.0/16 <-> 10.3.0.0/16']
  await paris.reload({
    ...peer,
    tunnels: {
      berlin: { ...toBerlin, networks: [...toBerlin.networks, '10.3.0.0/24 <-> 10.1.0.0/16'] },
    },
  })
  await berlin.reload({ ...own, tunnels: { paris: { ...toParis, networks, start: 'always' } } })
  const up = await cli('up', 'paris')
  assert.equal(up.code, 1, up.stdout)
  assert.match(up.stdout, /^✗ paris: 1 of 2 network pairs is up \(.*\); /m)
  assert.match(up.stdout, /\n\n {2}10\.1\.0\.0\/16 ↔ 10\.3\.0\.0\/16 is not up\n {2}CW-401 /)
  const json = await cli('up', 'paris', '--json')
  assert.equal(json.code, 1)
  const { result } = JSON.parse(json.stdout.trimEnd().split('\n').at(-1) ?? '')
  assert.equal(result.kind, 'failed')
  assert.deepEqual(pairsOf(result), [
    ['up', undefined],
    ['failed', 'CW-401'],
  ])
  const table = await cli('status')
  assert.equal(table.code, 1)
  assert.match(table.stdout, /^paris +▲ up /m)
  assert.match(table.stdout, /└ 10\.1\/16 ↔ 10\.3\/16, failed CW-401(, retry \d+s)?$/m)
  assert.match(table.stdout, /^paris +CW-401 /m)
  const detail = await cli('status', 'paris')
  assert.equal(detail.code, 1)
  assert.match(
    detail.stdout,
    /networks +1 of 2 network pairs is up\n {2}networks +10\.1\.0\.0\/16 ↔ 10\.3/,
  )
  const { summary, tunnels } = JSON.parse((await cli('status', '--json')).stdout)
  assert.deepEqual([summary.up, summary.ok], [1, false])
  assert.deepEqual(pairsOf(tunnels[0]), [
    ['up', undefined],
    ['failed', 'CW-401'],
  ])
  const explained = await cli('explain', 'paris')
  assert.equal(explained.code, 1)
  assert.match(explained.stdout, /^✗ paris: 1 of 2 network pairs is up /m)
  const trace = await cli('trace', ADDRESSES.hostA.ipv4, '10.3.0.2')
  assert.match(trace.stdout, /✗ SA +none: pair 2 of paris is not up \(CW-401\)/)
  for (const { stdout } of [up, table, detail, explained]) {
    assert.deepEqual(
      stdout.split('\n').filter((line) => [...line].length > 80),
      [],
    )
  }
  // Nothing is amiss without the pair, and with what it was.
  await berlin.reload({ ...own, tunnels: { paris: { ...toParis, start: 'always' } } })
  assert.equal((await cli('up', 'paris')).code, 0)
  assert.equal((await cli('status')).code, 0)
})

function pairsOf(of: { readonly networks: readonly NetworkStatus[] }) {
  return of.networks.map(({ state, failure }) => [state, failure?.code])
}

function argv(...args: readonly string[]): readonly string[] {
  return [process.execPath, CAUSEWAY, '--control', berlin.control, ...args]
}

function cli(...args: readonly string[]): Promise<Outcome> {
  return run(topology.gatewayA.argv(argv(...args)))
}
