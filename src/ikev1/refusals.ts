import { toHex } from '#bytes/hex'
import type { Duration, Instant } from '#ike/effects'
import { every } from '#ike/message-rules'
import {
  covers,
  equalSelector,
  equalSelectorPair,
  type SelectorPair,
  selectorFromPrefix,
  type TrafficSelector,
} from '#policy/traffic-selector'
import { selectorFromPayload } from '#wire/v1/id-payload'
import { encodePayloadBody } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'

/**
 * What was refused to a peer a moment ago. One that asks for the same at once with other parameters is looking for what we would take, as we
 * do ourselves: what it is configured with was in the first request, and that alone is told.
 */
export class Refusals {
  #lately: readonly Refused[] = []

  /**
   * Whether a request that is being refused is only such a question. What is none is remembered; a question is not, or a peer that never stops
   * asking would be told of once for ever.
   */
  isAskedBeside(payloads: readonly Payload[], now: Instant): boolean {
    const ids = every(payloads, 'ID')
    const [remote, local] = ids.map(selectorFromPayload)
    const pair = remote !== undefined && local !== undefined ? { local, remote } : undefined
    const networks = ids.map((id) => toHex(encodePayloadBody(id))).join()
    const lately = this.#lately.filter(({ at }) => now - at < AT_ONCE)
    const again = lately.some(
      (one) => one.networks === networks || (pair !== undefined && isVariant(pair, one.pair)),
    )
    this.#lately = again ? lately : [...lately, { networks, pair, at: now }].slice(-MOST_KEPT)
    return again
  }
}

type Refused = {
  /** As they were asked for. */
  readonly networks: string
  readonly pair: SelectorPair | undefined
  readonly at: Instant
}

/** Everything, the two sides changed over, or one of them with another length: what we ask for ourselves. */
function isVariant({ local, remote }: SelectorPair, of: SelectorPair | undefined): boolean {
  if (isEverything(local) && isEverything(remote)) return true
  if (of === undefined) return false
  if (equalSelectorPair({ local: remote, remote: local }, of)) return true
  return (
    (equalSelector(local, of.local) && isOtherLength(remote, of.remote)) ||
    (equalSelector(remote, of.remote) && isOtherLength(local, of.local))
  )
}

function isOtherLength(a: TrafficSelector, b: TrafficSelector): boolean {
  return covers(a, b) || covers(b, a)
}

function isEverything(selector: TrafficSelector): boolean {
  return equalSelector(selector, selectorFromPrefix(selector.start, 0))
}

/** All questions of a second look take less where they are answered at once. */
const AT_ONCE: Duration = 10_000
const MOST_KEPT = 16
