import type { IpAddress } from '#bytes/ip'

/** The fields of a packet that selectors look at. Ports are 0 where the protocol has none. */
export type PacketSummary = {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly protocol: number
  readonly sourcePort: number
  readonly destinationPort: number
}
