import { addressWords, compareWords } from '#esp/address-words'
import { EchoAnswer, EchoNews, isIcmp } from '#esp/echo'
import type { OpenedPacket } from '#esp/inbound'
import type { PacketFields } from '#esp/packet-fields'
import type { PacketArena } from '#esp/transform'
import type { HostEcho } from '../port.ts'
import type { Events } from './events.ts'
import type { HostSide } from './tunnel.ts'

/** Marks our echoes; what comes out of a tunnel is authenticated, so that nobody needs to be kept from guessing it. */
export const ECHO_IDENTIFIER = 0x4357
/** Marks those to a host that is watched. */
export const HOST_ECHO_IDENTIFIER = 0x4377
/** How long answers are looked for, in milliseconds. */
const PATIENCE_MS = 10_000

/** What a tunnel knows of the echoes sent through it. */
export class Echoes {
  /** Whether packets that come out of the tunnel may be answers. */
  waiting = false
  until = 0
  /** A gateway there that has shown itself, as words. */
  shown: Uint32Array | undefined
  /** The latest that was asked of a host, and whom, as words. */
  asked: { readonly id: number; readonly target: Uint32Array } | undefined

  expect(now: number): void {
    this.waiting = true
    this.until = now + PATIENCE_MS
  }

  expectHost({ id, target }: HostEcho, now: number): void {
    this.expect(now)
    this.asked = { id, target: addressWords(target) }
  }
}

/** Takes the answers to echoes of ours out of what comes from tunnels, before the host sees them. */
export class EchoWatch {
  readonly #arena: PacketArena
  readonly #events: Events
  readonly #answer = new EchoAnswer()

  constructor(arena: PacketArena, events: Events) {
    this.#arena = arena
    this.#events = events
  }

  /** Whether the packet that has just come out of `tunnel` is an answer to us, and not the host's. */
  takes(tunnel: HostSide, { offset, fields }: OpenedPacket): boolean {
    if (!isIcmp(fields)) return false
    if (this.#takesOfHost(tunnel, offset, fields)) return true
    const answer = this.#answer
    const news = answer.read(this.#arena.view, offset, fields, ECHO_IDENTIFIER)
    if (news === EchoNews.none) return false
    const { name } = tunnel.settings
    if (news === EchoNews.across) this.#events.echoShown(name, fields.source.slice())
    this.#events.emit({
      kind: 'path-probed',
      tunnel: name,
      id: answer.sequence,
      came: news === EchoNews.back ? 'back' : 'across',
    })
    return true
  }

  /** A host here may have chosen the same identifier for echoes of its own: only the very answer that is waited for is ours. */
  #takesOfHost(
    { settings: { name }, echoes }: HostSide,
    offset: number,
    fields: PacketFields,
  ): boolean {
    const { asked } = echoes
    if (asked === undefined) return false
    const answer = this.#answer
    const news = answer.read(this.#arena.view, offset, fields, HOST_ECHO_IDENTIFIER)
    if (news !== EchoNews.back || answer.sequence !== asked.id) return false
    if (compareWords(fields.source, asked.target, 0) !== 0) return false
    echoes.asked = undefined
    this.#events.emit({ kind: 'echo-answered', tunnel: name, id: asked.id })
    return true
  }

  /** About once a second. */
  tick(tunnels: Iterable<HostSide>, now: number): void {
    for (const { echoes } of tunnels) if (echoes.until <= now) echoes.waiting = false
  }
}
