import type { Crypto } from '#crypto/port'
import { type EspSpi, espSpi } from '#esp/sa'

export type SpiSource = {
  readonly crypto: Pick<Crypto, 'random'>
  /** Makes the SPI of an inbound SA what the data plane wants it to say, out of a random one. */
  readonly spiFor?: (tunnel: string, drawn: EspSpi) => EspSpi
}

/** For an inbound SA of the tunnel; 1 to 255 are reserved (RFC 4303 §2.1). */
export function freshSpi(
  tunnel: string,
  { crypto, spiFor = (_, drawn) => drawn }: SpiSource,
  isUsed: (spi: EspSpi) => boolean,
): EspSpi {
  for (;;) {
    const octets = crypto.random(4)
    const drawn = espSpi(new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0))
    const spi = spiFor(tunnel, drawn)
    if (spi > 255 && !isUsed(spi)) return spi
  }
}
