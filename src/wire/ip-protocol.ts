/** IP protocol and next-header numbers (IANA "Assigned Internet Protocol Numbers"), as far as the packet path looks at them. */
export const IpProtocol = {
  hopByHop: 0,
  icmp: 1,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  /** In ESP: a dummy packet (RFC 4303 §2.6). */
  none: 59,
  destinationOptions: 60,
  sctp: 132,
  udpLite: 136,
  mobility: 135,
} as const
