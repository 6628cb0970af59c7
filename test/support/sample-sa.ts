import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { espSpi, type InboundSa, type OutboundSa } from '#esp/sa'
import { pair } from './sites.ts'

/** An SA that carries everything. */
export function sampleOutboundSa(changes: Partial<OutboundSa> = {}): OutboundSa {
  return {
    direction: 'outbound',
    spi: espSpi(0x1000),
    child: { tunnel: 'paris', pair: 0 },
    suite: { encryption: 'aes128-gcm16', integrity: 'none', esn: false },
    mode: 'tunnel',
    encapsulation: 'native',
    local: { address: ip('203.0.113.10'), port: 500 },
    remote: { address: ip('198.51.100.7'), port: 500 },
    encryptionKey: new Secret(Uint8Array.from({ length: 20 }, (_, i) => i)),
    integrityKey: new Secret(new Uint8Array(0)),
    selectors: pair('0.0.0.0', '255.255.255.255', '0.0.0.0', '255.255.255.255'),
    ...changes,
  }
}

export function sampleInboundSa(changes: Partial<InboundSa> = {}): InboundSa {
  return { ...sampleOutboundSa(), direction: 'inbound', replayWindow: 64, ...changes }
}
