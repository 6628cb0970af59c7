import type { Endpoint, IpAddress } from '#bytes/ip'
import type { CapturedFrame } from '#wire/capture-file'
import { ESP_HEADER_OCTETS, espPacketSequence, espPacketSpi } from '#wire/esp'
import { IpProtocol } from '#wire/ip-protocol'
import { UDP_HEADER_OCTETS, udpDestinationPort, udpSourcePort } from '#wire/udp'
import { type IpPayload, PacketReader } from './packets.ts'

/** What a frame has to do with a tunnel. */
export type Traffic = { readonly frame: number; readonly at: number } & (
  | {
      readonly kind: 'ike'
      readonly source: Endpoint
      readonly destination: Endpoint
      /** Without the non-ESP marker. */
      readonly octets: Uint8Array
      /** Octets that the capture did not keep. */
      readonly missing: number
    }
  | {
      readonly kind: 'esp'
      readonly source: IpAddress
      readonly destination: IpAddress
      /** In UDP on port 4500 (RFC 3948). */
      readonly udp: boolean
      readonly spi: number
      readonly sequence: number
      readonly octets: number
    }
  | { readonly kind: 'keepalive'; readonly source: IpAddress; readonly destination: IpAddress }
  /** Someone could not pass on or take an IKE datagram. */
  | {
      readonly kind: 'icmp'
      readonly from: IpAddress
      readonly type: number
      readonly code: number
      readonly source: IpAddress
      readonly destination: IpAddress
      readonly port: number
    }
)

/** Finds IKE (UDP 500, 4500), ESP and the ICMP errors about them in frames. */
export class TrafficReader {
  readonly #packets = new PacketReader()

  take(frame: CapturedFrame): Traffic | undefined {
    const payload = this.#packets.take(frame)
    if (payload === undefined) return undefined
    const found = trafficIn(payload)
    return found === undefined ? undefined : { ...found, frame: frame.number, at: frame.at }
  }
}

type Found<T> = T extends unknown ? Omit<T, 'frame' | 'at'> : never

const IKE_PORT = 500
const NAT_PORT = 4500
const MARKER_OCTETS = 4

function trafficIn(payload: IpPayload): Found<Traffic> | undefined {
  switch (payload.protocol) {
    case IpProtocol.udp:
      return udpTraffic(payload)
    case IpProtocol.esp:
      return espTraffic(payload, payload.octets, payload.wireOctets, false)
    case IpProtocol.icmp:
    case IpProtocol.icmpv6:
      return icmpTraffic(payload)
    default:
      return undefined
  }
}

function udpTraffic(payload: IpPayload): Found<Traffic> | undefined {
  const { octets, wireOctets } = payload
  if (octets.length < UDP_HEADER_OCTETS) return undefined
  const view = viewOf(octets)
  const ports = [udpSourcePort(view, 0), udpDestinationPort(view, 0)] as const
  const data = octets.subarray(UDP_HEADER_OCTETS)
  const missing = Math.max(0, wireOctets - octets.length)
  if (ports.includes(NAT_PORT)) return natTraffic(payload, data, ports, missing)
  return ports.includes(IKE_PORT) ? ikeTraffic(payload, data, ports, missing) : undefined
}

/** RFC 3948 §2: one octet of ones is a keepalive, four zero octets mean IKE, anything else is ESP. */
function natTraffic(
  payload: IpPayload,
  data: Uint8Array,
  ports: readonly [number, number],
  missing: number,
): Found<Traffic> | undefined {
  const { source, destination } = payload
  if (data.length === 1) return { kind: 'keepalive', source, destination }
  if (data.length < MARKER_OCTETS) return undefined
  if (viewOf(data).getUint32(0) === 0)
    return ikeTraffic(payload, data.subarray(MARKER_OCTETS), ports, missing)
  return espTraffic(payload, data, data.length + missing, true)
}

function ikeTraffic(
  { source, destination }: IpPayload,
  octets: Uint8Array,
  [sourcePort, destinationPort]: readonly [number, number],
  missing: number,
): Found<Traffic> {
  return {
    kind: 'ike',
    source: { address: source, port: sourcePort },
    destination: { address: destination, port: destinationPort },
    octets,
    missing,
  }
}

function espTraffic(
  { source, destination }: IpPayload,
  data: Uint8Array,
  octets: number,
  udp: boolean,
): Found<Traffic> | undefined {
  if (data.length < ESP_HEADER_OCTETS) return undefined
  const view = viewOf(data)
  const [spi, sequence] = [espPacketSpi(view, 0), espPacketSequence(view, 0)]
  return { kind: 'esp', source, destination, udp, spi, sequence, octets }
}

const ICMP_HEADER_OCTETS = 8
/** Destination unreachable, and of IPv4 also: administratively prohibited and the like are its codes. */
const UNREACHABLE: readonly number[] = [3, 1]

/** The packet it is about stands in it, cut short. */
function icmpTraffic({ source, octets, protocol }: IpPayload): Found<Traffic> | undefined {
  const [type = 0, code = 0] = octets
  if (type !== UNREACHABLE[protocol === IpProtocol.icmp ? 0 : 1]) return undefined
  const inner = new PacketReader().take({
    number: 1,
    at: 0,
    linkType: 101,
    octets: octets.subarray(ICMP_HEADER_OCTETS),
    originalOctets: octets.length,
  })
  if (inner?.protocol !== IpProtocol.udp || inner.octets.length < 4) return undefined
  const port = udpDestinationPort(viewOf(inner.octets), 0)
  if (port !== IKE_PORT && port !== NAT_PORT) return undefined
  const about = { source: inner.source, destination: inner.destination, port }
  return { kind: 'icmp', from: source, type, code, ...about }
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
}
