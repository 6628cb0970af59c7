// `npm run demo`: two sites, two real gateways, one tunnel, real traffic, and a look at the wire between them.
// `npm run demo -- --json` prints one JSON document instead. Exits 0 only when everything it shows held.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { messageOf } from '#bytes/thrown'
import { ladderLines, type TimedEvent } from '#diagnosis/ladder'
import { echoStream } from '../../test/support/echo.ts'
import type { EchoReport } from '../../test/support/echo-program.ts'
import { GatewayProcess } from '../../test/support/gateway.ts'
import { firstLine, type Helper, startHelper } from '../../test/support/helper.ts'
import { continueInUserNamespace, networkPrivileges } from '../../test/support/privileges.ts'
import {
  ADDRESSES,
  buildTopology,
  type Namespace,
  type Topology,
} from '../../test/support/topology.ts'
import { transfer } from '../../test/support/transfer.ts'
import { aptInstall, isDebian } from '../install-peers.ts'
import { demoDocument, type Findings, problems } from './document.ts'
import { configurationText, finalText, introduction } from './narration.ts'
import type { SniffReport } from './sniffer.ts'

/** As gateway A calls it. */
const TUNNEL = 'site-b'
const SNIFFER = join(import.meta.dirname, 'sniffer.ts')
const TRANSFER_OCTETS = 32 * 1024 * 1024

const json = process.argv.includes('--json')
const say = (text: string): void => {
  if (!json) process.stdout.write(`${text}\n`)
}
// Whoever reads may stop early, as `head` does; what was built is then taken down as after Ctrl-C.
process.stdout.on('error', () => process.exit(1))
await main()

async function main(): Promise<void> {
  await prepare()
  const found: Findings = { events: [] }
  try {
    const topology = await buildTopology()
    try {
      await run(topology, found)
    } finally {
      topology.dispose()
    }
  } catch (error) {
    found.failure = messageOf(error)
  }
  const wrong = problems(found)
  if (json) {
    process.stdout.write(`${JSON.stringify(demoDocument(found), null, 2)}\n`)
    for (const problem of wrong) process.stderr.write(`${problem}\n`)
  } else {
    say(finalText(found, wrong))
  }
  process.exitCode = wrong.length === 0 ? 0 : 1
}

/** Ends the program with what is missing when it cannot run here. */
async function prepare(): Promise<void> {
  let privileges = networkPrivileges()
  if (privileges.kind === 'none' && privileges.installable !== undefined) {
    if (process.getuid?.() === 0 && isDebian()) {
      process.stderr.write(`installing with apt-get: ${privileges.installable}\n`)
      const problem = aptInstall([privileges.installable])
      if (problem !== undefined) process.stderr.write(`${problem}\n`)
      privileges = networkPrivileges()
    }
  }
  if (privileges.kind === 'user-namespace') await continueInUserNamespace()
  if (privileges.kind === 'none') {
    process.stderr.write(`the demo needs ${privileges.needs}\n`)
    process.exit(1)
  }
}

async function run(topology: Topology, found: Findings): Promise<void> {
  const psk = randomBytes(32).toString('base64url')
  say(`${introduction()}\n`)
  const [gatewayA, gatewayB] = await Promise.all([
    GatewayProcess.start(topology.gatewayA, configurationText('a', psk)),
    GatewayProcess.start(topology.gatewayB, configurationText('b', psk)),
  ])
  const sniffer = await startHelper(topology.middle, SNIFFER, ['site-a'], 'ready')
  try {
    say('Before the tunnel is up, two pings from host to host:')
    found.early = await ping(topology.hostA, 2)
    say(`  ${found.early.received} answered; gateway A let nothing out in clear\n`)

    await gatewayA.up(TUNNEL).finally(() => {
      found.events = negotiation(gatewayA)
      for (const line of ladderLines(found.events, { explain: true })) say(line)
    })
    found.tunnel = await gatewayA.tunnel(TUNNEL)
    say(`✓ ${TUNNEL} is up\n`)

    found.ping = await ping(topology.hostA, 10)
    const { hostA, hostB } = topology
    const { sent, received } = await transfer(hostA, hostB, ADDRESSES.hostB.ipv4, TRANSFER_OCTETS)
    found.sent = sent
    found.received = received
  } finally {
    found.wire = await endOfSniffer(sniffer)
    await Promise.all([gatewayA.stop(), gatewayB.stop()])
  }
}

function negotiation(gateway: GatewayProcess): readonly TimedEvent[] {
  return gateway.events.flatMap(({ at, event }) =>
    event.kind !== 'state' && 'tunnel' in event && event.tunnel === TUNNEL
      ? [{ at: Date.parse(at), event }]
      : [],
  )
}

/** By a program of ours: a fresh machine need not have a `ping` command. */
function ping(host: Namespace, count: number): Promise<EchoReport> {
  return echoStream((argv) => host.argv(argv), ADDRESSES.hostB.ipv4, { count, wait: 0.5 })
}

/** The capture goes on until all that was sent has passed; the sniffer reads out what the kernel still holds. */
function endOfSniffer(sniffer: Helper): Promise<SniffReport> {
  sniffer.end()
  return firstLine<SniffReport>(sniffer)
}
