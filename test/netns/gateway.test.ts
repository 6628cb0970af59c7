import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { StatusDocument } from '#control/status'
import { undoAtExit } from '../support/leftovers.ts'
import { eventually, type Outcome, run, stop } from '../support/process.ts'
import { ADDRESSES, buildTopology, type Namespace, type Topology } from '../support/topology.ts'

/** Two `causeway run` as an operator starts them, and the commands as an operator types them. */

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')
const PSK = 'x7Yk2mQ9vB4nL1cZ8sT6wR3pD5hJ0gFa'
const folder = mkdtempSync(join(tmpdir(), 'cwx-gateway-'))
const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))

let topology: Topology
let berlin: Site
let paris: Site

before(async () => {
  topology = await buildTopology()
  berlin = new Site('berlin', topology.gatewayA)
  paris = new Site('paris', topology.gatewayB)
  berlin.configure({ paris: { ...toParis, start: 'respond' } })
  paris.configure({ berlin: toBerlin })
  await Promise.all([berlin.start(), paris.start()])
})

after(async () => {
  await Promise.all([berlin.stop(), paris.stop()])
  topology.dispose()
  forget()
})

const toParis = {
  peer: ADDRESSES.gatewayB.ipv4,
  psk: PSK,
  networks: ['10.1.0.0/16 <-> 10.2.0.0/16'],
}
const toBerlin = {
  peer: ADDRESSES.gatewayA.ipv4,
  psk: PSK,
  networks: ['10.2.0.0/16 <-> 10.1.0.0/16'],
  start: 'respond',
}

test('lets nothing out before the tunnel is up', async () => {
  const { received } = await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 2, wait: 1 })
  assert.equal(received, 0)
  assert.equal((await berlin.cli('status')).code, 0)
  assert.equal((await berlin.cli('status', 'paris')).code, 1)
})

test('up draws the ladder and ends when the tunnel is up', async () => {
  const { code, stdout } = await berlin.cli('up', 'par*')
  assert.equal(code, 0, stdout)
  const lines = stdout.split('\n')
  assert.match(
    lines[0] ?? '',
    /^paris {2}203\.0\.113\.10 → 198\.51\.100\.20 {2}IKEv1 Main mode, pre-shared key$/,
  )
  const arrows = lines.filter((line) => /^ {4}\d [→←]/.test(line)).map((line) => line.slice(4, 7))
  assert.deepEqual(arrows, ['1 →', '2 ←', '3 →', '4 ←', '5 →', '6 ←', '1 →', '2 ←', '3 →'])
  assert.match(stdout, /✓ paris is up \(\d/)
  assert.deepEqual(
    lines.filter((line) => [...line].length > 80),
    [],
  )
})

test('hosts reach each other, and the status counts what they sent', async () => {
  const { sent, received } = await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 5 })
  assert.equal(received, sent)
  const { summary, tunnels } = await berlin.status()
  assert.deepEqual(summary, { tunnels: 1, up: 1, ok: true })
  assert.equal(tunnels[0]?.state, 'up')
  // Besides, the gateways ask each other how large packets may be.
  for (const { packets } of Object.values(tunnels[0]?.traffic ?? {}))
    assert.ok(packets >= 5 && packets <= 15, `${packets}`)
})

test('up --json prints one object a line: every message, then the result', async () => {
  assert.equal((await berlin.cli('down', 'paris')).code, 0)
  const { code, stdout } = await berlin.cli('up', 'paris', '--json')
  assert.equal(code, 0, stdout)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const result = lines.pop()
  assert.equal(result.result.kind, 'up')
  assert.deepEqual(
    lines.map(({ event }) => `${event.exchange} ${event.number}`),
    ['main 1', 'main 2', 'main 3', 'main 4', 'main 5', 'main 6', 'quick 1', 'quick 2', 'quick 3'],
  )
})

test('a reload by SIGHUP adds a tunnel and costs the others no packet', async () => {
  const before = await berlin.status()
  const pinging = topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 60, interval: 0.02 })
  berlin.configure({
    paris: { ...toParis, start: 'respond' },
    tokyo: { peer: '203.0.113.200', psk: PSK, networks: ['10.1.0.0/16 <-> 10.9.0.0/16'] },
  })
  berlin.signal('SIGHUP')
  await eventually(
    'the new tunnel is configured',
    async () => (await berlin.status()).summary.tunnels === 2,
  )
  const { sent, received } = await pinging
  assert.deepEqual({ sent, received }, { sent: 60, received: 60 })
  const now = await berlin.status()
  assert.deepEqual(spis(now), spis(before))
  assert.equal(now.summary.ok, false)
})

test('a configuration that is wrong is refused and named; the old one runs on', async () => {
  writeFileSync(berlin.file, 'version: 1\ngateway: {}\ntunels: {}\n', { mode: 0o600 })
  const { code, stderr } = await berlin.cli('reload')
  assert.equal(code, 3)
  assert.match(stderr, /causeway\.yaml:3:1/)
  assert.match(stderr, /the running configuration stays/)
  assert.equal((await berlin.status()).gateway.configuration.refused !== undefined, true)
  const { sent, received } = await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 2 })
  assert.equal(received, sent)
})

test('a tunnel that is taken out of the file is closed, and its peer told', async () => {
  berlin.configure({ paris: { ...toParis, start: 'respond' } })
  const { code, stdout } = await berlin.cli('reload')
  assert.equal(code, 0)
  assert.match(stdout, /removed {2}tokyo\n1 unchanged/)
  assert.deepEqual(await interfaces(topology.gatewayA), ['cw-paris'])
})

test('up tells a wrong key as far as it can know, and the responder knows it for certain', async () => {
  await berlin.cli('down', 'paris')
  paris.configure({ berlin: { ...toBerlin, psk: `${PSK}-other` } })
  assert.equal((await paris.cli('reload')).code, 0)
  const { code, stdout } = await berlin.cli('up', 'paris', '--timeout', '3')
  assert.ok(code === 1 || code === 6, `${code}: ${stdout}`)
  assert.match(stdout, /✗ paris is not up/)
  const [tunnel] = (await paris.status()).tunnels
  assert.equal(tunnel?.lastFailure?.code, 'CW-301')
  assert.equal(tunnel?.lastFailure?.line?.file, paris.file)
  paris.configure({ berlin: toBerlin })
  await paris.cli('reload')
  await berlin.cli('down', 'paris')
  const again = await berlin.cli('up', 'paris')
  assert.equal(again.code, 0, again.stdout)
})

test('a second gateway on this host is refused and disturbs nothing, whatever its socket', async () => {
  for (const control of [berlin.control, join(folder, 'other.sock')]) {
    const { code, stdout } = await berlin.cli('run', '-c', berlin.file, '--control', control)
    assert.equal(code, 1, stdout)
    assert.match(stdout, /another gateway is running|not started: .*:500/)
    const { sent, received } = await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 2 })
    assert.equal(received, sent)
  }
})

test('killed, it leaves nothing the next start does not put right', async () => {
  berlin.signal('SIGKILL')
  await berlin.ended()
  await berlin.start()
  assert.equal((await berlin.cli('up', 'paris')).code, 0)
  const { sent, received } = await topology.hostA.ping(ADDRESSES.hostB.ipv4, { count: 3 })
  assert.equal(received, sent)
})

test('SIGTERM tells the peer, takes everything back and ends with 0', async () => {
  berlin.signal('SIGTERM')
  assert.equal(await berlin.ended(), 0)
  assert.equal(existsSync(berlin.control), false)
  assert.deepEqual(await interfaces(topology.gatewayA), [])
  const { stdout: routes } = await topology.gatewayA.run(['ip', 'route', 'show', 'table', 'all'])
  assert.doesNotMatch(routes, /10\.2\.0\.0|cw-/)
  const { stdout: rules } = await topology.gatewayA.run(['ip', 'rule'])
  assert.equal(rules.trim().split('\n').length, 3, rules)
  await eventually('the peer knows', async () => (await paris.status()).tunnels[0]?.state !== 'up')
  const { code, stderr } = await berlin.cli('status')
  assert.equal(code, 4)
  assert.match(stderr, /no gateway is running/)
})

class Site {
  readonly file: string
  readonly control: string
  readonly #name: string
  readonly #namespace: Namespace
  #child: ChildProcess | undefined
  #output = ''

  constructor(name: string, namespace: Namespace) {
    this.#name = name
    this.#namespace = namespace
    this.file = join(folder, name, 'causeway.yaml')
    this.control = join(folder, `${name}.sock`)
  }

  /** JSON is YAML too. */
  configure(tunnels: Readonly<Record<string, unknown>>): void {
    const address = this.#name === 'berlin' ? ADDRESSES.gatewayA.ipv4 : ADDRESSES.gatewayB.ipv4
    const gateway = { name: `gw-${this.#name}`, address, control: this.control }
    mkdirSync(join(folder, this.#name), { recursive: true })
    writeFileSync(this.file, JSON.stringify({ version: 1, gateway, tunnels }, null, 2), {
      mode: 0o600,
    })
  }

  async start(): Promise<void> {
    const child = this.#namespace.start([process.execPath, CAUSEWAY, 'run', '-c', this.file])
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output += chunk
      })
    }
    await eventually(`${this.#name} answers`, async () => {
      if (child.exitCode !== null) throw new Error(`${this.#name} ended: ${this.#output}`)
      return (await this.cli('status', '--quiet')).code < 4
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** @returns its exit code; null when a signal ended it. */
  async ended(): Promise<number | null> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.#name} was not started`)
    await eventually(
      `${this.#name} ends`,
      () => child.exitCode !== null || child.signalCode !== null,
    )
    return child.exitCode
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await stop(this.#child)
  }

  cli(...args: readonly string[]): Promise<Outcome> {
    return run(this.#namespace.argv([process.execPath, CAUSEWAY, ...args]), {
      env: { CAUSEWAY_CONTROL: this.control },
    })
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse((await this.cli('status', '--json')).stdout)
  }
}

function spis({ tunnels }: StatusDocument): readonly string[] {
  const paris = tunnels.find(({ name }) => name === 'paris')
  return paris?.childSas.flatMap((child) => [child.in.spi, child.out.spi]) ?? []
}

async function interfaces(namespace: Namespace): Promise<readonly string[]> {
  const { stdout } = await namespace.run(['ip', '-o', 'link'])
  return [...stdout.matchAll(/^\d+: (cw-[^:@]+)/gm)].map(([, name]) => name ?? '')
}
