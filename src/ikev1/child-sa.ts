import type { EspSpi, OutboundSa } from '#esp/sa'
import { lifeOf } from '#ike/lifetimes'
import type { IkeContext } from '#ike/version'
import { deriveChildKeys } from './keys.ts'
import type { QuickExchange, QuickHost } from './quick-exchange.ts'
import type { ChildTerms } from './transitions/quick-mode.ts'

/** From now on the data plane receives on the SPI we chose. */
export function openInbound(
  host: QuickHost,
  terms: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  context: IkeContext,
): void {
  const { replayWindow } = host.tunnel
  const parameters = parametersOf(host, terms.ownSpi, terms, sharedSecret, context)
  const sa = { direction: 'inbound', replayWindow, ...parameters } as const
  context.effects.push({ kind: 'install-sa', sa })
}

/** Both sides are ready: hands the Child SA over; when to send on it is the tunnel's affair. */
export function establish(
  host: QuickHost,
  { role, startedAt }: QuickExchange,
  terms: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  context: IkeContext,
): void {
  const { child, choice, selectors, wish, ownSpi, rekeyOf } = terms
  const parameters = parametersOf(host, choice.peerSpi, terms, sharedSecret, context)
  context.outcomes.push({
    kind: 'child-established',
    sa: host.sa,
    role,
    rekeyOf,
    startedAt,
    outbound: { direction: 'outbound', ...parameters },
    facts: {
      child,
      selectors,
      inboundSpi: ownSpi,
      outboundSpi: choice.peerSpi,
      suite: choice.suite,
      pfs: wish.pfs,
      mode: wish.mode,
      encapsulation: wish.udp ? 'udp' : 'native',
      lifetime: choice.lifetime,
      establishedAt: context.now,
      ...lifeOf(choice.lifetime.seconds, role, context.now, context.crypto),
    },
  })
}

function parametersOf(
  { sa, channel }: QuickHost,
  spi: EspSpi,
  { child, choice, selectors, wish, nonceI, nonceR }: ChildTerms,
  sharedSecret: Uint8Array | undefined,
  { crypto }: IkeContext,
): Omit<OutboundSa, 'direction'> {
  const secrets = { nonceI, nonceR, ...(sharedSecret === undefined ? {} : { sharedSecret }) }
  return {
    spi,
    child,
    selectors,
    suite: choice.suite,
    mode: wish.mode,
    encapsulation: wish.udp ? 'udp' : 'native',
    local: sa.local,
    remote: sa.remote,
    ...deriveChildKeys(crypto, channel.keys, choice.suite, spi, secrets),
  }
}
