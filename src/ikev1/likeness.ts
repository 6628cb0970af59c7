import type { TunnelConfig } from '#config/config'
import { every } from '#ike/message-rules'
import type { Datagram, Likeness } from '#ike/version'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import { identityFromPayload } from '#wire/v1/id-payload'
import { authenticationMethod } from './authentication-method.ts'
import { decodeClear, plainOf } from './clear-message.ts'
import { nearestPair } from './phase1-differences.ts'
import { offeredAuthentication } from './phase1-proposals.ts'
import { EXCHANGE_NUMBERS, exchangeOf } from './transitions/phase1-exchanges.ts'

/** How near a first message comes to what a tunnel expects; undefined for what is no such message. */
export function likeness(
  datagram: Datagram,
  header: IkeHeader,
  tunnel: TunnelConfig,
): Likeness | undefined {
  try {
    const payloads = plainOf(decodeClear(datagram, header))
    const [offer] = every(payloads, 'SA')
    if (offer === undefined) return undefined
    const [id] = every(payloads, 'ID')
    const identity = id === undefined ? undefined : identityFromPayload(id)
    const differs: string[] = []
    if (header.exchangeType !== EXCHANGE_NUMBERS[exchangeOf(tunnel)]) differs.push('the mode')
    if (!offeredAuthentication(offer).has(authenticationMethod(tunnel, 'responder')))
      differs.push('the way of proving oneself')
    for (const { what } of nearestPair(offer, tunnel.phase1.suites) ?? []) differs.push(what)
    return { differs, ...(identity === undefined ? {} : { identity }) }
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}
