import type { EspSpi, InboundSa, OutboundSa } from '#esp/sa'
import { lifeOf, volumeOf } from '#ike/lifetimes'
import type { IkeContext } from '#ike/version'
import type { EspSuite } from '#policy/proposal'
import { deriveChildKeys } from './keys.ts'
import { tellCommitBit } from './peer-habits.ts'
import { CONNECTED_WITHIN, LINGER, type QuickExchange, type QuickHost } from './quick-exchange.ts'
import type { ChildTerms } from './transitions/quick-mode.ts'

/** What the data plane receives on, under the SPI we chose. */
export function inboundSa(
  host: QuickHost,
  terms: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  role: 'initiator' | 'responder',
  context: IkeContext,
): InboundSa {
  const { replayWindow } = host.tunnel
  const parameters = parametersOf(host, terms.ownSpi, terms, sharedSecret, role, context)
  return { direction: 'inbound', replayWindow, ...parameters }
}

/** What it sends on, under the peer's SPI. */
export function outboundSa(
  host: QuickHost,
  terms: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  role: 'initiator' | 'responder',
  context: IkeContext,
): OutboundSa {
  const parameters = parametersOf(host, terms.choice.peerSpi, terms, sharedSecret, role, context)
  return { direction: 'outbound', ...parameters }
}

/**
 * Both inbound SAs are open: the Child SA is established, or waits for the peer to say CONNECTED where it set the commit bit.
 * @returns what becomes of the exchange.
 */
export function conclude(
  host: QuickHost,
  exchange: QuickExchange,
  terms: ChildTerms,
  outbound: OutboundSa,
  context: IkeContext,
): QuickExchange {
  if (exchange.commit === true) {
    tellCommitBit(host, context)
    const forgetAt = context.now + CONNECTED_WITHIN
    return { ...exchange, state: { kind: 'committing', terms, outbound }, forgetAt }
  }
  establish(host, exchange, terms, outbound, context)
  return { ...exchange, state: { kind: 'done' }, forgetAt: context.now + LINGER }
}

/** Both sides are ready: hands the Child SA over; when to send on it is the tunnel's affair. */
export function establish(
  host: QuickHost,
  { role, startedAt, state, forgetAt }: QuickExchange,
  terms: ChildTerms,
  outbound: OutboundSa,
  context: IkeContext,
): void {
  // Its life began with message 3 on both sides, however long CONNECTED took.
  const establishedAt = state.kind === 'committing' ? forgetAt - CONNECTED_WITHIN : context.now
  const { child, choice, selectors, wish, ownSpi, rekeyOf } = terms
  context.outcomes.push({
    kind: 'child-established',
    sa: host.sa,
    role,
    rekeyOf,
    startedAt,
    outbound,
    facts: {
      child,
      selectors,
      inboundSpi: ownSpi,
      outboundSpi: choice.peerSpi,
      suite: suiteInUse(host, choice.suite),
      pfs: wish.pfs,
      mode: wish.mode,
      encapsulation: wish.udp ? 'udp' : 'native',
      lifetime: choice.lifetime,
      establishedAt,
      ...lifeOf(choice.lifetime.seconds, role, establishedAt, context.crypto),
    },
  })
}

/** What is agreed on by number, as this peer makes it. */
function suiteInUse({ tunnel }: QuickHost, suite: EspSuite): EspSuite {
  const cut = tunnel.quirks?.includes('sha256-96') && suite.integrity === 'hmac-sha256-128'
  return cut === true ? { ...suite, integrity: 'hmac-sha256-96' } : suite
}

function parametersOf(
  host: QuickHost,
  spi: EspSpi,
  { child, choice, selectors, wish, nonceI, nonceR }: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  role: 'initiator' | 'responder',
  { crypto }: IkeContext,
): Omit<OutboundSa, 'direction'> {
  const { sa, channel } = host
  const secrets = { nonceI, nonceR, ...(sharedSecret === undefined ? {} : { sharedSecret }) }
  return {
    spi,
    child,
    selectors,
    suite: suiteInUse(host, choice.suite),
    mode: wish.mode,
    encapsulation: wish.udp ? 'udp' : 'native',
    local: sa.local,
    remote: sa.remote,
    ...volumeOf(choice.lifetime.kilobytes, role, crypto),
    ...deriveChildKeys(crypto, channel.keys, choice.suite, spi, secrets),
  }
}
