/** ESP packet (RFC 4303 §2), read and written in place: SPI | sequence | IV | payload, padding, pad length, next header | ICV. */
export const ESP_HEADER_OCTETS = 8
/** Pad length and next header. */
export const ESP_TRAILER_OCTETS = 2

export function espPacketSpi(view: DataView, at: number): number {
  return view.getUint32(at)
}

/** The low 32 bits of the sequence number. */
export function espPacketSequence(view: DataView, at: number): number {
  return view.getUint32(at + 4)
}

export function writeEspHeader(view: DataView, at: number, spi: number, sequence: number): void {
  view.setUint32(at, spi)
  view.setUint32(at + 4, sequence)
}
