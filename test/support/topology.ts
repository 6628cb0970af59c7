import type { ChildProcess } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { type EchoOptions, echo } from './echo.ts'
import type { EchoReport } from './echo-program.ts'
import { undoAtExit } from './leftovers.ts'
import { type Outcome, type RunOptions, run, runOk, runSync, start } from './process.ts'

/**
 * Two sites and what lies between them, in network namespaces of this machine:
 *
 *     host-a ——— gw-a ——— [nat] ——— middle ——— [nat-b] ——— gw-b ——— host-b
 *     10.1.0.2   10.1.0.1           router                10.2.0.1   10.2.0.2
 *                203.0.113.10                             198.51.100.20
 *
 * Each node has IPv4 and IPv6. Interfaces are called `lan` (towards the host) and `wan` (towards the middle); in the middle,
 * `site-a` and `site-b`. The addresses are those of RFC 5737 and RFC 4193: nothing here can reach a real network.
 */
export type Topology = {
  readonly hostA: Namespace
  readonly gatewayA: Namespace
  readonly middle: Namespace
  readonly gatewayB: Namespace
  readonly hostB: Namespace
  /** The box that hides gateway A, when asked for. */
  readonly nat: Namespace | undefined
  dispose(): void
}

export type TopologyOptions = {
  /** A box before gateway A that rewrites addresses and ports of everything that leaves (RFC 3947 has to notice). */
  readonly nat?: boolean
  /** The same before gateway B, which hands on what comes for UDP 500 and 4500. */
  readonly natB?: boolean
  /** Leaves gateway B and host B out: something else, such as a guest on a tap device, stands there. */
  readonly siteB?: 'namespaces' | 'none'
}

/** Addresses by node; `wan` of gateway A is what it has itself, `public` what the world sees. */
export const ADDRESSES = {
  hostA: { ipv4: '10.1.0.2', ipv6: 'fd00:1::2' },
  gatewayA: { ipv4: '203.0.113.10', ipv6: 'fd00:a::10', lan: '10.1.0.1', lan6: 'fd00:1::1' },
  gatewayBehindNat: { ipv4: '192.168.7.10' },
  gatewayBBehindNat: { ipv4: '192.168.8.10' },
  gatewayB: { ipv4: '198.51.100.20', ipv6: 'fd00:b::20', lan: '10.2.0.1', lan6: 'fd00:2::1' },
  hostB: { ipv4: '10.2.0.2', ipv6: 'fd00:2::2' },
} as const

/** One network namespace. */
export class Namespace {
  readonly name: string
  #children = new Set<ChildProcess>()

  constructor(name: string) {
    this.name = name
  }

  /** `nsenter` rather than `ip netns exec`: it leaves /sys alone, which a user namespace may not mount again. */
  argv(argv: readonly string[]): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.name}`, '--', ...argv]
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Outcome> {
    return run(this.argv(argv), options)
  }

  runOk(argv: readonly string[], options?: RunOptions): Promise<string> {
    return runOk(this.argv(argv), options)
  }

  /** The program ends with the topology at the latest. */
  start(argv: readonly string[], options?: Parameters<typeof start>[1]): ChildProcess {
    const child = start(this.argv(argv), options)
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** Lines for `ip -batch`, such as `addr add 10.1.0.9/32 dev lan`. */
  async ip(...lines: readonly string[]): Promise<void> {
    await runOk(['ip', '-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` })
  }

  /** Writes keys below /proc/sys, such as `net/ipv4/ip_forward`. */
  async sysctl(values: Readonly<Record<string, string | number>>): Promise<void> {
    const writes = Object.entries(values).map(([key, value]) => `echo ${value} > /proc/sys/${key}`)
    await this.runOk(['sh', '-ec', writes.join('\n')])
  }

  /** Sends echo requests from here, three unless told. */
  ping(destination: string, options?: EchoOptions): Promise<EchoReport> {
    return echo((argv) => this.argv(argv), destination, options)
  }

  destroy(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    destroyNamespace(this.name)
  }
}

let topologies = 0

export async function buildTopology(options: TopologyOptions = {}): Promise<Topology> {
  const { nat = false, natB = false, siteB = 'namespaces' } = options
  sweepLeftovers()
  topologies += 1
  const prefix = `${PREFIX}${process.pid}-${topologies}-`
  const made: Namespace[] = []
  const dispose = undoAtExit(() => {
    for (const namespace of made) namespace.destroy()
  })
  const namespace = async (node: string): Promise<Namespace> => {
    const one = new Namespace(`${prefix}${node}`)
    made.push(one)
    await runOk(['ip', 'netns', 'add', one.name])
    await one.sysctl(SYSCTLS)
    await one.ip('link set lo up')
    return one
  }
  try {
    const middle = await namespace('middle')
    const hostA = await namespace('host-a')
    const gatewayA = await namespace('gw-a')
    const natBox = nat ? await namespace('nat') : undefined
    const natBoxB = natB ? await namespace('nat-b') : undefined
    const gatewayB = await namespace('gw-b')
    const hostB = await namespace('host-b')

    await link(hostA, 'lan', gatewayA, 'lan')
    await hostA.ip(...up('lan', '10.1.0.2/16', 'fd00:1::2/64'), ...via('10.1.0.1', 'fd00:1::1'))
    await gatewayA.ip(...up('lan', '10.1.0.1/16', 'fd00:1::1/64'))

    const edgeA = natBox ?? gatewayA
    await link(edgeA, 'wan', middle, 'site-a')
    await middle.ip(...up('site-a', '203.0.113.1/24', 'fd00:a::1/64'))
    await edgeA.ip(
      ...up('wan', '203.0.113.10/24', 'fd00:a::10/64'),
      ...via('203.0.113.1', 'fd00:a::1'),
    )
    if (natBox !== undefined) await hideGateway(gatewayA, natBox, 7)

    if (siteB === 'namespaces') {
      const edgeB = natBoxB ?? gatewayB
      await link(edgeB, 'wan', middle, 'site-b')
      await middle.ip(...up('site-b', '198.51.100.1/24', 'fd00:b::1/64'))
      await edgeB.ip(
        ...up('wan', '198.51.100.20/24', 'fd00:b::20/64'),
        ...via('198.51.100.1', 'fd00:b::1'),
      )
      if (natBoxB !== undefined) {
        await hideGateway(gatewayB, natBoxB, 8)
        await natBoxB.runOk(['nft', '-f', '-'], { input: FORWARD_IKE })
      }
      await link(hostB, 'lan', gatewayB, 'lan')
      await hostB.ip(...up('lan', '10.2.0.2/16', 'fd00:2::2/64'), ...via('10.2.0.1', 'fd00:2::1'))
      await gatewayB.ip(...up('lan', '10.2.0.1/16', 'fd00:2::1/64'))
    }
    return { hostA, gatewayA, middle, gatewayB, hostB, nat: natBox, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

/** Gateway A gets a private address; the box rewrites it, and the source port of UDP too (RFC 3715 §2.1 a, c). */
async function hideGateway(gateway: Namespace, box: Namespace, net: number): Promise<void> {
  await link(gateway, 'wan', box, 'inside')
  const router = `192.168.${net}.1`
  await gateway.ip(...up('wan', `192.168.${net}.10/24`), `route add default via ${router}`)
  await box.ip(...up('inside', `${router}/24`))
  await box.runOk(['nft', '-f', '-'], {
    input: `
      table ip nat {
        chain postrouting {
          type nat hook postrouting priority 100
          oifname "wan" meta l4proto udp masquerade to :20000-29999
          oifname "wan" masquerade
        }
      }
    `,
  })
}

const FORWARD_IKE = `
  table ip nat {
    chain prerouting {
      type nat hook prerouting priority -100
      iifname "wan" udp dport { 500, 4500 } dnat to 192.168.8.10
    }
  }
`

async function link(a: Namespace, nameA: string, b: Namespace, nameB: string): Promise<void> {
  await a.ip(`link add ${nameA} type veth peer name ${nameB} netns ${b.name}`)
}

function up(device: string, ipv4: string, ipv6?: string): readonly string[] {
  return [
    `addr add ${ipv4} dev ${device}`,
    ...(ipv6 === undefined ? [] : [`addr add ${ipv6} dev ${device}`]),
    `link set ${device} up`,
  ]
}

function via(ipv4: string, ipv6: string): readonly string[] {
  return [`route add default via ${ipv4}`, `route add default via ${ipv6}`]
}

const SYSCTLS = {
  'net/ipv4/ip_forward': 1,
  'net/ipv6/conf/all/forwarding': 1,
  'net/ipv6/conf/default/router_solicitations': 0,
  // Link-local addresses too are usable at once, without duplicate address detection.
  'net/ipv6/conf/default/accept_dad': 0,
  'net/ipv6/conf/default/dad_transmits': 0,
}

const PREFIX = 'cw'
const OWN_NAME = /^cw(\d+)-\d+-(middle|host-a|gw-a|nat|nat-b|gw-b|host-b)$/

/** Removes namespaces of runs that were killed before they could clean up. */
function sweepLeftovers(): void {
  for (const name of namespaceNames()) {
    const pid = OWN_NAME.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) destroyNamespace(name)
  }
}

/** Names of the namespaces that process `pid` has made and not yet removed. */
export function namespacesOf(pid: number): readonly string[] {
  return namespaceNames().filter((name) => OWN_NAME.exec(name)?.[1] === `${pid}`)
}

function namespaceNames(): readonly string[] {
  try {
    return readdirSync('/run/netns')
  } catch {
    return [] // The folder comes with the first namespace.
  }
}

function destroyNamespace(name: string): void {
  for (const pid of runSync(['ip', 'netns', 'pids', name]).stdout.split('\n')) {
    if (pid === '') continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended in the meantime.
    }
  }
  runSync(['ip', 'netns', 'del', name])
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
