import { toHex } from '#bytes/hex'
import type { Duration, Instant } from '#ike/effects'
import { every } from '#ike/message-rules'
import { equalSelector, selectorFromPrefix, type TrafficSelector } from '#policy/traffic-selector'
import { selectorFromPayload } from '#wire/v1/id-payload'
import { encodePayloadBody } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'

/**
 * What was refused to a peer a moment ago. One that asks for the same at once with other parameters is looking for what we would take, as we
 * do ourselves: what it is configured with was in the first request, and that alone is told.
 */
export class Refusals {
  #lately: readonly { readonly networks: string; readonly at: Instant }[] = []

  /** Whether a request that is being refused is only such a question; it is remembered. */
  isAskedBeside(payloads: readonly Payload[], now: Instant): boolean {
    const ids = every(payloads, 'ID')
    const selectors = ids.map(selectorFromPayload)
    const networks = ids.map((id) => toHex(encodePayloadBody(id))).join()
    const lately = this.#lately.filter(({ at }) => now - at < AT_ONCE)
    const forEverything = selectors.length === 2 && selectors.every(isEverything)
    const again = lately.some((one) => forEverything || one.networks === networks)
    this.#lately = [...lately, { networks, at: now }].slice(-MOST_KEPT)
    return again
  }
}

function isEverything(selector: TrafficSelector | undefined): boolean {
  if (selector === undefined) return false
  return equalSelector(selector, selectorFromPrefix(selector.start, 0))
}

const AT_ONCE: Duration = 5_000
const MOST_KEPT = 16
