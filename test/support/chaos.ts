import { toHex } from '#bytes/hex'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { type Random32, seededRandom } from '#crypto/seeded-random'
import type { Event } from '#ike/events'
import type { EspSuite } from '#policy/proposal'
import type { EngineMaker } from '#rehearsal/gateway'
import { CLEAN_NETWORK, type Conditions } from '#rehearsal/network'
import { Rehearsal, type Sent, type Side } from '#rehearsal/rehearsal'
import { vendorIdOctets } from '#wire/v1/vendor-id'
import { disagreements, leaks } from './agreement.ts'
import { pair, type Sites, TUNNEL } from './sites.ts'
import { readyFor, type Style, styled, styles, stylishSites } from './styles.ts'

/** How long after the network healed the sides may take to agree: see the sum in docs/testing.md. */
const AGREEMENT_BOUND = 200_000

/** What a seed came to: no problems, or sentences that say what went wrong and what had been done. */
export type ChaosResult = {
  readonly seed: number
  readonly problems: readonly string[]
  readonly story: readonly string[]
  /** Milliseconds from healing to agreement; absent when they never agreed. */
  readonly agreedAfter?: number
  readonly datagrams: number
}

/**
 * Two gateways live through minutes of a network that loses, doubles, delays and damages, of restarts, rekeys, commands and
 * changed configurations, all decided by the seed. Then the network heals: they must come to the same SAs within the
 * bound, carry every packet over the rekeys that follow, and hold nothing they do not list.
 */
export function runChaos(seed: number, newEngine: EngineMaker, trace = false): ChaosResult {
  const chaos = new Chaos(seed, newEngine)
  if (trace) chaos.traceEvents()
  try {
    chaos.suffer()
    const agreedAfter = chaos.heal()
    if (agreedAfter === undefined) return chaos.result()
    chaos.carryTraffic()
    return { ...chaos.result(), agreedAfter }
  } catch (error) {
    chaos.problems.push(`threw: ${error instanceof Error ? error.stack : String(error)}`)
    return chaos.result()
  }
}

class Chaos {
  readonly problems: string[] = []
  readonly #story: string[] = []
  readonly #seed: number
  readonly #random: Random32
  readonly #rehearsal: Rehearsal
  readonly #starts: Starts
  readonly #behindNat: boolean
  readonly #style: Style
  #healedAt = 0
  #sites: Sites
  #changes: Partial<TunnelConfig>

  constructor(seed: number, newEngine: EngineMaker) {
    this.#seed = seed
    this.#random = seededRandom(seed)
    const known = Object.entries(STYLES)
    const [name, style] = known[seed % (2 * known.length)] ?? PLAIN
    this.#style = style
    this.#behindNat = this.#chance(0.25)
    // Who sits behind a NAT must begin.
    this.#starts = this.#behindNat ? ['always', 'respond'] : this.#pick(STARTS)
    this.#changes = this.#someTunnel()
    this.#sites = this.#sitesWith(this.#changes)
    const conditions = this.#someConditions()
    this.#rehearsal = new Rehearsal({
      seed,
      ...this.#sites,
      newEngine,
      conditions,
      answerDelay: { least: 1, most: this.#pick([5, 50, 1_000]) },
      ...(this.#behindNat ? { nat: NAT_OUTSIDE } : {}),
    })
    readyFor(this.#rehearsal)
    const habits = this.#someHabits()
    this.#rehearsal.intercept = (sent) => habits({ ...sent, octets: styled(style, sent) })
    this.#tell(name)
    this.#tell(`starts ${this.#starts.join(', ')}, NAT ${this.#behindNat}`)
    this.#tell(JSON.stringify(conditions))
    this.#tell(JSON.stringify(this.#changes))
  }

  /** Puts what both engines say into the story. */
  traceEvents(): void {
    for (const side of SIDES) {
      this.#rehearsal.gateways[side].listener = (event) => this.#tell(`${side}  ${textOf(event)}`)
    }
  }

  /** The bad minutes. */
  suffer(): void {
    const rehearsal = this.#rehearsal
    rehearsal.start()
    const end = 30_000 + this.#below(200_000)
    const happenings = this.#below(14)
    for (let i = 0; i < happenings; i++) {
      rehearsal.at(this.#below(end), () => this.#something())
    }
    for (let at = this.#below(2_000); at < end; at += 500 + this.#below(8_000)) {
      rehearsal.at(at, () => this.#sendData())
    }
    rehearsal.runUntil(end)
    this.#checkBounds()
  }

  /** @returns how long it took until both sides agreed, or undefined when they did not within the bound. */
  heal(): number | undefined {
    const rehearsal = this.#rehearsal
    rehearsal.network.conditions = { ...CLEAN_NETWORK, delay: { least: 20, most: 20 } }
    this.#configureBoth()
    for (const side of SIDES) rehearsal.command(side, { kind: 'up', tunnel: TUNNEL })
    this.#tell('healed')
    this.#healedAt = rehearsal.now
    while (rehearsal.now < this.#healedAt + AGREEMENT_BOUND) {
      rehearsal.runFor(500)
      this.#sendData()
      if (disagreements(rehearsal, TUNNEL).length === 0) return rehearsal.now - this.#healedAt
    }
    this.#check(disagreements(rehearsal, TUNNEL))
    return undefined
  }

  /** Packets both ways over at least one rekey: on a clean network none may be lost. */
  carryTraffic(): void {
    const rehearsal = this.#rehearsal
    this.#settle()
    const before = { ...rehearsal.traffic, refused: { ...rehearsal.traffic.refused } }
    const end = rehearsal.now + STEADY
    for (let at = rehearsal.now; at < end; at += 250) rehearsal.at(at, () => this.#sendData())
    rehearsal.runUntil(end + 1_000)
    const { traffic } = rehearsal
    const sent = traffic.sent - before.sent
    const opened = traffic.opened - before.opened
    if (opened !== sent)
      this.problems.push(
        `${sent - opened} of ${sent} packets were lost on a clean network: ` +
          `${traffic.noSa - before.noSa} found no SA, ` +
          `${traffic.refused['unknown SPI'] - before.refused['unknown SPI']} met an unknown SPI`,
      )
    if (traffic.refused['wrong key'] + traffic.refused['other selectors'] > 0)
      this.problems.push(`one SPI stood for different SAs: ${JSON.stringify(traffic.refused)}`)
    this.#checkLeaks()
    this.#checkBounds()
  }

  result(): ChaosResult {
    const problems = [...this.problems, ...this.#defects()]
    return {
      seed: this.#seed,
      problems,
      story: this.#story,
      datagrams: this.#rehearsal.sent.length,
    }
  }

  /** A throw that the engine contained is still a throw. */
  #defects(): readonly string[] {
    return SIDES.flatMap((side) =>
      this.#rehearsal.gateways[side].events.flatMap((event) =>
        event.kind === 'defect' ? [`${side}: ${event.detail}`] : [],
      ),
    )
  }

  #something(): void {
    const side = this.#pick(SIDES)
    const rehearsal = this.#rehearsal
    const happenings: Readonly<Record<string, () => void>> = {
      restart: () => rehearsal.restart(side),
      'rekey 1': () => rehearsal.command(side, { kind: 'rekey', tunnel: TUNNEL, phase: 1 }),
      'rekey 2': () => rehearsal.command(side, { kind: 'rekey', tunnel: TUNNEL, phase: 2 }),
      down: () => rehearsal.command(side, { kind: 'down', tunnel: TUNNEL }),
      up: () => rehearsal.command(side, { kind: 'up', tunnel: TUNNEL }),
      'other network': () => {
        rehearsal.network.conditions = this.#someConditions()
      },
      partition: () => {
        const conditions = rehearsal.network.conditions
        rehearsal.network.conditions = { ...conditions, partitioned: !conditions.partitioned }
      },
      'volume used up': () => this.#useUp(side),
      'NAT forgets': () => rehearsal.nat?.forget(),
      configure: () => {
        this.#changes = { ...this.#changes, ...this.#someChange() }
        this.#sites = this.#sitesWith(this.#changes)
        rehearsal.configure(side, this.#sites[side])
      },
      'same configuration': () => rehearsal.configure(side, rehearsal.gateways[side].config),
    }
    const what = this.#pick(Object.keys(happenings))
    this.#tell(`${side}: ${what}`)
    happenings[what]?.()
  }

  /** The data plane finds the volume of an SA nearly, or wholly, used up. */
  #useUp(side: Side): void {
    const direction = this.#pick(['inbound', 'outbound'] as const)
    const hard = this.#chance(0.5)
    for (const { spi } of this.#rehearsal.gateways[side].dataPlane[direction].slice(0, 1))
      this.#rehearsal.input(side, { kind: 'sa-expired', direction, spi, hard })
  }

  /** Some peers know only the drafts of NAT traversal. */
  #someHabits(): (sent: Sent) => Uint8Array {
    const drafts = this.#chance(0.2)
    this.#tell(`drafts only ${drafts}`)
    return ({ octets }) => {
      const at = drafts ? toHex(octets).indexOf(RFC_3947) : -1
      if (at < 0 || at % 2 !== 0) return octets
      const changed = octets.slice()
      changed[at / 2] = 0
      return changed
    }
  }

  #configureBoth(): void {
    for (const side of SIDES) this.#rehearsal.configure(side, this.#sites[side])
  }

  #sendData(): void {
    for (const side of SIDES) {
      const networks = this.#rehearsal.gateways[side].config.tunnels[0]?.networks ?? []
      networks.forEach((_, index) => {
        this.#rehearsal.sendData(side, { tunnel: TUNNEL, pair: index })
      })
    }
  }

  /** What the bad minutes left behind (half-open SAs, lost deletes, retransmissions) is gone when the bound is reached. */
  #settle(): void {
    const rehearsal = this.#rehearsal
    for (let at = rehearsal.now; at < this.#healedAt + AGREEMENT_BOUND; at += 1_000) {
      rehearsal.at(at, () => this.#sendData())
    }
    rehearsal.runUntil(this.#healedAt + AGREEMENT_BOUND)
    for (let tries = 0; tries < 300 && disagreements(rehearsal, TUNNEL).length > 0; tries++) {
      rehearsal.runFor(100)
    }
    this.#check(disagreements(rehearsal, TUNNEL))
  }

  /** A responder's inbound SA is there before its Quick mode is done: such moments pass. */
  #checkLeaks(): void {
    const rehearsal = this.#rehearsal
    const found = (): readonly string[] => SIDES.flatMap((side) => leaks(rehearsal, side))
    for (let tries = 0; tries < 400 && found().length > 0; tries++) rehearsal.runFor(100)
    this.#check(found())
  }

  #checkBounds(): void {
    for (const side of SIDES) {
      for (const { ikeSas, childSas } of this.#rehearsal.gateways[side].snapshot(
        this.#rehearsal.now,
      )) {
        if (ikeSas.length > MOST_IKE_SAS) this.problems.push(`${side}: ${ikeSas.length} IKE SAs`)
        if (childSas.length > MOST_CHILD_SAS)
          this.problems.push(`${side}: ${childSas.length} Child SAs`)
      }
    }
  }

  #check(problems: readonly string[]): void {
    this.problems.push(...problems)
  }

  #tell(what: string): void {
    this.#story.push(`${(this.#rehearsal.now / 1_000).toFixed(3)} s  ${what}`)
  }

  #someTunnel(): Partial<TunnelConfig> {
    return {
      networks: NETWORKS.slice(0, 1 + this.#below(NETWORKS.length)),
      phase1: {
        suites: [{ encryption: 'aes128-cbc', hash: 'sha256', keyExchange: 'modp2048' }],
        lifetime: { seconds: this.#pick([90, 300, 3_600]) },
      },
      phase2: this.#somePhase2(),
      deadPeer: { probeEvery: 5_000 + this.#below(10_000), giveUpAfter: 20_000 },
      encapsulation: this.#chance(0.2) ? 'force' : 'auto',
      ...(this.#chance(0.5) ? { proof: 'on' } : {}),
    }
  }

  /** With the commit bit the wait for CONNECTED is part of a rekey; a minute, shorter than a configuration may have it, would not leave time for it. */
  #somePhase2(): TunnelConfig['phase2'] {
    const esn = this.#chance(0.3)
    const suite: EspSuite = this.#chance(0.5)
      ? { encryption: 'aes256-gcm16', integrity: 'none', esn }
      : { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn }
    const large = this.#chance(0.15)
    return {
      suites: large ? [suite, ...MANY_SUITES] : [suite],
      pfs: large ? 'modp8192' : this.#pick(['none', 'modp2048', 'ecp256']),
      lifetime: { seconds: this.#pick([this.#style.commits === undefined ? 60 : 120, 120, 1_200]) },
    }
  }

  #someChange(): Partial<TunnelConfig> {
    if (this.#chance(0.5)) return { phase2: this.#somePhase2() }
    return { networks: NETWORKS.slice(0, 1 + this.#below(NETWORKS.length)) }
  }

  /** Behind its NAT, a is known to b by the outside address; its identity stays its own. */
  #sitesWith(changes: Partial<TunnelConfig>): Sites {
    const [startOfA, startOfB] = this.#starts
    return stylishSites(
      this.#style,
      changes,
      { start: startOfA },
      this.#behindNat ? { start: startOfB, peer: NAT_OUTSIDE } : { start: startOfB },
    )
  }

  #someConditions(): Conditions {
    return {
      loss: this.#below(41) / 100,
      duplication: this.#below(30) / 100,
      corruption: this.#below(15) / 100,
      delay: { least: this.#below(100), most: 100 + this.#below(this.#pick([100, 2_000, 10_000])) },
      partitioned: false,
    }
  }

  #below(limit: number): number {
    return this.#random() % limit
  }

  #chance(probability: number): boolean {
    return this.#random() / 2 ** 32 < probability
  }

  #pick<Value>(among: readonly Value[]): Value {
    return among[this.#below(among.length)] as Value
  }
}

const STYLES = styles()
/** Of every other seed. */
const PLAIN: readonly [string, Style] = ['Main mode with a key', { a: {}, b: {} }]
const SIDES: readonly Side[] = ['a', 'b']
const RFC_3947 = toHex(vendorIdOctets('rfc3947'))
const STEADY = 150_000
const MOST_IKE_SAS = 6
const MOST_CHILD_SAS = 24
const NAT_OUTSIDE = ip('192.0.2.99')

const NETWORKS = [
  pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255'),
  pair('10.1.0.0', '10.1.255.255', '10.3.7.0', '10.3.7.255'),
  pair('2001:db8:1::', '2001:db8:1:ffff:ffff:ffff:ffff:ffff', '2001:db8:2::', '2001:db8:2::ff'),
]

/** With a public value of 1,024 octets beside them, Quick mode goes in fragments. */
const MANY_SUITES: readonly EspSuite[] = (['aes192-cbc', 'aes256-cbc'] as const).flatMap(
  (encryption) =>
    (['hmac-sha1-96', 'hmac-sha256-128', 'hmac-sha512-256'] as const).map(
      (integrity): EspSuite => ({ encryption, integrity, esn: false }),
    ),
)

type Starts = readonly [TunnelConfig['start'], TunnelConfig['start']]

const STARTS: readonly Starts[] = [
  ['always', 'always'],
  ['always', 'respond'],
  ['respond', 'always'],
  ['on-traffic', 'always'],
  ['on-traffic', 'on-traffic'],
  ['on-traffic', 'respond'],
]

function textOf(event: Event): string {
  if (event.kind === 'message') {
    const { direction, exchange, number, messageId, repeat, initiatorSpi, payloads } = event
    const names = payloads.map(({ type }) => type).join(' ')
    return `${direction} ${exchange} ${number} ${initiatorSpi.slice(0, 4)} ${messageId.toString(16)} (${repeat}) ${names}`
  }
  return JSON.stringify(event)
}
