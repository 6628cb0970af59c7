import { type Endpoint, ipFamily } from '#bytes/ip'
import type { Input, Instant } from './effects.ts'
import type { PathFacts } from './events.ts'
import { PathSearch } from './path-search.ts'
import type { IkeContext, PathProbe } from './version.ts'

/** Of a tunnel, what watching its path needs. */
type Subject = {
  readonly config: { readonly name: string }
  readonly children: { readonly actives: readonly unknown[] }
  readonly ikeSas: {
    readonly preferred:
      | { readonly remote: Endpoint; pathProbe(): PathProbe | undefined }
      | undefined
  }
}

/**
 * How large packets of one tunnel may be on their way: asked of the path itself, soon after the tunnel has come up and now and then, by
 * packets of our own (RFC 8899). Routers that say "too big" are heard by the data plane; this finds those that drop in silence.
 * docs/decisions/0011 says which packets are sent and why.
 */
export class PathWatch {
  #host: HostPath | undefined
  /** What probes have shown, where that is less than the host says. */
  #limit: number | undefined
  #search: PathSearch | undefined
  /** Through the tunnel, or as a padded liveness probe beside it. */
  #way: PathFacts['by'] = 'inside'
  #pending: Pending = { ids: new Set(), tries: 0, across: false }
  #lastId = 0
  #nextAt: Instant = Number.POSITIVE_INFINITY
  /** How the largest packet that passed in the present search was answered. */
  #came: PathFacts['shown'] = 'nothing'
  #shown: PathFacts['shown'] | undefined
  #probedAt: Instant | undefined
  /** Whether the limit is what a search came to, not only its lower end so far. */
  #settled = false
  /** The limit that the operator knows of. */
  #told: number | undefined

  get nextAt(): Instant {
    return this.#nextAt
  }

  /** What is known of the way of full-size packets; undefined while it is being tried. */
  get shown(): PathFacts['shown'] | undefined {
    // Without a data plane that knows the path, nothing will ever be shown.
    return this.#host === undefined ? 'nothing' : this.#shown
  }

  facts(): { readonly path?: PathFacts } {
    if (this.#host === undefined) return {}
    const { octets, inner } = this.#host
    return {
      path: {
        octets: Math.min(octets, this.#limit ?? octets),
        host: octets,
        inner,
        blackHole: this.#limit !== undefined && this.#settled,
        by: this.#way,
        ...(this.#shown === undefined ? {} : { shown: this.#shown }),
        ...(this.#probedAt === undefined ? {} : { probedAt: this.#probedAt }),
      },
    }
  }

  /** What the host says of the path, and what that and the limit leave for packets inside. */
  learn({ octets, inner, base, limit }: PathInput, tunnel: Subject, context: IkeContext): void {
    // Set for the same tunnel under an earlier configuration; the search will confirm it or lift it.
    if (this.#host === undefined) this.#limit = limit
    const changed = this.#host?.octets !== octets
    this.#host = { octets, inner, base }
    if (changed) this.restart(context.now)
    if (!this.#settled || limit === undefined || limit !== this.#limit || limit === this.#told)
      return
    this.#told = limit
    context.tell({ kind: 'path-limited', tunnel: tunnel.config.name, octets: limit, inner })
  }

  /** The path is another one now. */
  restart(now: Instant): void {
    this.#search = undefined
    this.#nextAt = now + BEGIN_AFTER
  }

  /** What came of a probe through the tunnel. */
  probed({ id, came }: ProbedInput, tunnel: Subject, context: IkeContext): void {
    if (this.#search === undefined || !this.#pending.ids.has(id)) return
    switch (came) {
      case 'back':
        this.#passed('both-ways', tunnel, context)
        return
      case 'across':
        this.#pending.across = true
        this.#nextAt = Math.min(this.#nextAt, context.now + BACK_AFTER_ACROSS)
        return
      case 'too-big':
        this.#vanished(tunnel, context)
        return
      case 'impossible':
        this.#takeOtherWay(tunnel, context)
    }
  }

  /** The peer has acknowledged a padded liveness probe. */
  acknowledged(id: number, tunnel: Subject, context: IkeContext): void {
    if (this.#search !== undefined && this.#way === 'liveness' && this.#pending.ids.has(id))
      this.#passed('outwards', tunnel, context)
  }

  /** Called after everything that may have changed the tunnel. */
  advance(tunnel: Subject, context: IkeContext): void {
    const { now } = context
    if (tunnel.children.actives.length === 0) {
      this.#search = undefined
      this.#shown = undefined
      this.#nextAt = Number.POSITIVE_INFINITY
      return
    }
    if (this.#host === undefined) return
    if (this.#nextAt === Number.POSITIVE_INFINITY) this.#nextAt = now + BEGIN_AFTER
    if (now < this.#nextAt) return
    if (this.#search === undefined) {
      this.#way = 'inside'
      this.#begin((octets) => octets - (octets % ESP_STEP), tunnel, context)
      return
    }
    if (this.#pending.across) this.#passed('outwards', tunnel, context)
    else if (this.#pending.tries < (this.#search.topVanished ? TRIES_BETWEEN : TRIES))
      this.#send(tunnel, context)
    else this.#vanished(tunnel, context)
  }

  #begin(fit: (octets: number) => number, tunnel: Subject, context: IkeContext): void {
    const remote = tunnel.ikeSas.preferred?.remote
    const host = this.#host
    if (remote === undefined || host === undefined) {
      // While phase 1 is being repaired nobody answers.
      this.#nextAt = context.now + BEGIN_AFTER
      return
    }
    const { base, octets: top } = host
    const floor = ipFamily(remote.address) === 4 ? IPV4_FLOOR : IPV6_FLOOR
    this.#search = new PathSearch({ floor, base, top, known: this.#limit, fit })
    this.#came = 'nothing'
    this.#sendNew(tunnel, context)
  }

  #sendNew(tunnel: Subject, context: IkeContext): void {
    this.#pending = { ids: new Set(), tries: 0, across: false }
    this.#send(tunnel, context)
  }

  #send(tunnel: Subject, context: IkeContext): void {
    const size = this.#search?.size
    if (size === undefined) return
    this.#pending.tries++
    this.#nextAt = context.now + PATIENCE
    if (this.#way === 'inside') {
      const id = (this.#lastId + 1) % ID_LIMIT
      this.#lastId = id
      this.#pending.ids.add(id)
      const { name } = tunnel.config
      context.effects.push({ kind: 'probe-path', tunnel: name, id, octets: size })
      return
    }
    const id = tunnel.ikeSas.preferred?.pathProbe()?.send(size, context)
    if (id !== undefined) this.#pending.ids.add(id)
  }

  #passed(came: PathFacts['shown'], tunnel: Subject, context: IkeContext): void {
    const search = this.#search
    if (search === undefined) return
    if (search.size > search.shown) this.#came = came
    search.passed(search.size)
    this.#go(search, tunnel, context)
  }

  #vanished(tunnel: Subject, context: IkeContext): void {
    const search = this.#search
    if (search === undefined) return
    search.vanished(search.size)
    // The cure does not wait for the exact size.
    if (search.topVanished && this.#limit === undefined) {
      this.#settled = false
      this.#limitTo(search.shown, tunnel, context)
    }
    this.#go(search, tunnel, context)
  }

  #go({ result }: PathSearch, tunnel: Subject, context: IkeContext): void {
    if (result === undefined) {
      this.#sendNew(tunnel, context)
      return
    }
    if (result.kind === 'silent') {
      this.#takeOtherWay(tunnel, context)
      return
    }
    const { blackHole, octets } = result
    this.#rest(this.#came, context.now)
    if (!blackHole && this.#way === 'inside') this.#nextAt = context.now + CONFIRM_EVERY
    this.#settled = true
    this.#limitTo(blackHole ? octets : undefined, tunnel, context)
    if (blackHole || this.#told === undefined) return
    this.#told = undefined
    context.tell({ kind: 'path-widened', tunnel: tunnel.config.name, octets })
  }

  /** Where nothing inside answers, the peer itself may, outside the tunnel. */
  #takeOtherWay(tunnel: Subject, context: IkeContext): void {
    const probe = this.#way === 'inside' ? tunnel.ikeSas.preferred?.pathProbe() : undefined
    if (probe === undefined) {
      this.#rest('nothing', context.now)
      return
    }
    this.#way = 'liveness'
    this.#begin(probe.fit, tunnel, context)
  }

  #rest(shown: PathFacts['shown'], now: Instant): void {
    this.#search = undefined
    this.#shown = shown
    this.#probedAt = now
    this.#nextAt = now + REPEAT_EVERY
  }

  #limitTo(octets: number | undefined, tunnel: Subject, context: IkeContext): void {
    // What stands already is said again: the answer tells what it leaves inside, and that is what the operator is told.
    if (octets === this.#limit && octets === this.#told) return
    this.#limit = octets
    const { name } = tunnel.config
    context.effects.push({
      kind: 'limit-path',
      tunnel: name,
      ...(octets === undefined ? {} : { octets }),
    })
  }
}

type PathInput = Extract<Input, { kind: 'path' }>
type ProbedInput = Extract<Input, { kind: 'path-probed' }>

type HostPath = Pick<PathInput, 'octets' | 'inner' | 'base'>

type Pending = { readonly ids: Set<number>; tries: number; across: boolean }

/** RFC 791: what every host takes. */
const IPV4_FLOOR = 576
/** RFC 8200 §5. */
const IPV6_FLOOR = 1280
/** All parts of an ESP packet are multiples of it (RFC 4303 §2.4). */
const ESP_STEP = 4
/** RFC 8899 §5.1.2: MAX_PROBES, for one size. */
const TRIES = 3
/** Once it is known that something is wrong: a mistake then costs some octets, and not the tunnel's width. */
const TRIES_BETWEEN = 2
/** ICMP echo has 16 bits for it. */
const ID_LIMIT = 0x1_0000

/** Milliseconds. */
const BEGIN_AFTER = 1_500
const PATIENCE = 1_500
/** How much later than the news that a probe crossed, the answer from the other end itself may come. */
const BACK_AFTER_ACROSS = 500
/**
 * RFC 8899 §5.1.1: CONFIRMATION_TIMER. A path that becomes narrow in silence stops every connection that fills it: two echoes a minute find
 * that out before one gives up.
 */
const CONFIRM_EVERY = 60_000
/** RFC 8899 §5.1.1: PMTU_RAISE_TIMER; routers' own words are believed as long (RFC 1191 §6.3). */
const REPEAT_EVERY = 600_000
