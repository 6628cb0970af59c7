import type { FrameKind } from './frame.ts'

export type SampleFrame = {
  readonly what: string
  readonly kind: FrameKind
  readonly frame: Uint8Array
}

/** Ethernet frames of every kind that can be met between two gateways, and of some that must not be. */
export const SAMPLE_FRAMES: readonly SampleFrame[] = [
  sample('IKE on 500', 'isakmp', ipv4(17, udp(500, 500, 'aabbccddeeff0011'))),
  sample('IKE on 500 over IPv6', 'isakmp', ipv6(17, udp(500, 500, 'aabbccddeeff0011'))),
  sample('IKE on 4500', 'isakmp', ipv4(17, udp(4500, 4500, '00000000aabbccdd'))),
  sample('IKE on 4500 over IPv6', 'isakmp', ipv6(17, udp(4500, 4500, '00000000aabbccdd'))),
  sample('ESP in UDP through a NAT', 'esp-in-udp', ipv4(17, udp(23456, 4500, 'c0ffee0100000001'))),
  sample('ESP in UDP over IPv6', 'esp-in-udp', ipv6(17, udp(4500, 4500, 'c0ffee0100000001'))),
  sample('a NAT keepalive', 'keepalive', ipv4(17, udp(4500, 4500, 'ff'))),
  sample('ESP', 'esp', ipv4(50, 'c0ffee0100000001')),
  sample('a later fragment of ESP', 'esp', ipv4(50, 'c0ffee0100000001', 0x00b9)),
  sample('ESP over IPv6', 'esp', ipv6(50, 'c0ffee0100000001')),
  sample('ARP', 'neighbour', hex(`${mac()}0806${'00'.repeat(28)}`)),
  sample('neighbour solicitation', 'neighbour', ipv6(58, `87${'00'.repeat(23)}`)),
  sample('router solicitation', 'neighbour', ipv6(58, `85${'00'.repeat(7)}`)),
  sample('listener report', 'neighbour', ipv6(0, `3a000502000001008f${'00'.repeat(20)}`)),
  sample('ping', 'plaintext', ipv4(1, '0800000000000000')),
  sample('ping over IPv6', 'plaintext', ipv6(58, '8000000000000000')),
  sample('ICMPv6 error', 'plaintext', ipv6(58, '0100000000000000')),
  sample('TCP to port 500', 'plaintext', ipv4(6, '01f401f400000000')),
  sample('TCP over IPv6', 'plaintext', ipv6(6, '01f401f400000000')),
  sample('DNS', 'plaintext', ipv4(17, udp(53, 1024, '00000000'))),
  sample('DNS over IPv6', 'plaintext', ipv6(17, udp(53, 1024, '00000000'))),
  sample('a later fragment of UDP', 'plaintext', ipv4(17, udp(500, 500, '00'), 0x00b9)),
  sample('hop-by-hop before TCP', 'plaintext', ipv6(0, `0600050200000100${'00'.repeat(20)}`)),
  sample('LLDP', 'plaintext', hex(`${mac()}88cc${'00'.repeat(46)}`)),
]

function sample(what: string, kind: FrameKind, frame: Uint8Array): SampleFrame {
  return { what, kind, frame }
}

function mac(): string {
  return '020000000002020000000001'
}

function ipv4(protocol: number, payload: string, fragment = 0): Uint8Array {
  const start = `450000000000${fragment.toString(16).padStart(4, '0')}40${octet(protocol)}0000`
  return hex(`${mac()}0800${start}cb00710ac6336414${payload}`)
}

function ipv6(next: number, payload: string): Uint8Array {
  return hex(`${mac()}86dd600000000000${octet(next)}40${'00'.repeat(32)}${payload}`)
}

function udp(source: number, destination: number, payload: string): string {
  const fields = [source, destination, 8 + payload.length / 2, 0]
  return fields.map((field) => field.toString(16).padStart(4, '0')).join('') + payload
}

function octet(value: number): string {
  return value.toString(16).padStart(2, '0')
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}
