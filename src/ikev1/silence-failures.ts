import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import type { Patience } from '#ike/retransmission'
import { certificateUnanswered } from './certificate-failures.ts'
import { ourEnd } from './hidden-address.ts'
import { message5Silent } from './key-failures.ts'
import { stoppedMidway } from './stopped-midway.ts'

/** How a negotiation of ours stands, or stood when its time was up. */
export type Unanswered = Pick<Patience, 'sent' | 'waited'> & {
  /** Of our last message. */
  readonly message: number
  readonly octets: number
  /** It went by UDP 4500. */
  readonly udp: boolean
  /** It was larger than a datagram may be, and the peer joins no fragments of IKE: IP has cut it. */
  readonly cutByIp: boolean
  /** By what the peer says of addresses. */
  readonly natAtPeer: boolean
  /** How often the peer repeated its own last message meanwhile. */
  readonly repeatedByPeer: number
  /** It has answered another message there meanwhile. */
  readonly port4500Passes: boolean
}

/** A message that was never answered; which one, and what came instead, tells what to look at. */
export function unanswered(tunnel: TunnelConfig, how: Unanswered): Failure {
  if (how.message < 5) return silence(tunnel, how)
  if (how.cutByIp) return largeMessageLost(tunnel, how)
  if (how.udp) return how.port4500Passes ? notForThePort(tunnel) : port4500Silent(tunnel, how)
  return tunnel.authentication.kind === 'psk'
    ? message5Silent(tunnel)
    : certificateUnanswered(tunnel)
}

/** CW-101. Who has answered the message before has a tunnel for us, and its IKE daemon ran. */
function silence(tunnel: TunnelConfig, { message, sent, waited }: Unanswered): Failure {
  const { name, peer, local, ike } = tunnel
  const seconds = Math.round(waited / 1_000)
  const mode = ike === 'v1-aggressive' ? 'Aggressive' : 'Main'
  const first = message === 1
  return {
    code: 'CW-101',
    summary: `${peer} has not answered message ${message} of ${mode} mode, sent ${sent} times in ${seconds} s`,
    evidence: first
      ? `no datagram from ${peer} and no ICMP error`
      : `message ${message - 1} of ${peer} came, then nothing more and no ICMP error`,
    certainty: 'certain',
    key: 'peer',
    remedy: first
      ? `see that IKE is enabled there for our address ${local}, and that UDP 500 and 4500 pass on the way`
      : `see in ${name}'s log what it made of message ${message}, and whether it still runs`,
    forPeer: first
      ? `IKE messages of ${ourEnd(tunnel)} to UDP 500 of ${peer} get no answer. Do they arrive? Is a tunnel for it configured, and its interface enabled for IKE?`
      : `Your gateway answers message ${message - 2} of ${ourEnd(tunnel)}, and not message ${message}. Does it still run, and does that message arrive? What does its log say?`,
    otherCauses: first
      ? [
          'a firewall on the way drops UDP 500 without a word, there or back',
          `${name} says nothing to those it has no tunnel for, or whose mode, proof or algorithms it refuses`,
          `${peer} is not the address of its gateway`,
        ]
      : [
          stoppedMidway(tunnel),
          `message ${message} is larger than those before, and fragments of IP are dropped on the way`,
        ],
  }
}

/** CW-104: everything worked until the move to port 4500. */
function port4500Silent(tunnel: TunnelConfig, { repeatedByPeer, natAtPeer }: Unanswered): Failure {
  const { name, peer } = tunnel
  const withKey = tunnel.authentication.kind === 'psk'
  const repeats = repeatedByPeer > 0
  return {
    code: 'CW-104',
    summary: `messages 1 to 4 went over UDP 500, then message 5 moved to UDP 4500 and ${peer} never answered it${repeats ? `; it still repeats message 4 on UDP 500` : ''}`,
    evidence: `NAT traversal was agreed and nothing came back from port 4500${repeats ? `, but message 4 again, ${repeatedByPeer} ${repeatedByPeer === 1 ? 'time' : 'times'}: it does not have message 5` : ''}`,
    certainty: repeats ? 'very likely' : 'possible',
    key: 'encapsulation',
    remedy: `let UDP 4500 pass between the gateways, in both directions${natAtPeer ? `; where a NAT is before ${name}, as it seems, that must hand on UDP 4500 to it, as it does UDP 500` : ''}`,
    forPeer: `Our gateways agree on NAT traversal, and from then on nothing comes back from UDP 4500 of ${peer}. Please let UDP 4500 pass between ${ourEnd(tunnel)} and ${peer}, in both directions.${natAtPeer ? ' Where a NAT is before your gateway, it must hand on UDP 4500 to it, as it does UDP 500.' : ''}`,
    otherCauses: [
      withKey
        ? `the pre-shared keys differ and ${name} says nothing of it`
        : `${name} refuses our certificate and says nothing of it`,
      stoppedMidway(tunnel),
    ],
  }
}

/** CW-301 or CW-306: something else than the port must be the reason. */
function notForThePort(tunnel: TunnelConfig): Failure {
  const failure =
    tunnel.authentication.kind === 'psk' ? message5Silent(tunnel) : certificateUnanswered(tunnel)
  return {
    ...failure,
    evidence: `messages 1 to 4 were answered, message 5 never; yet ${tunnel.peer} answers other messages on UDP 4500, so that they pass`,
  }
}

/** CW-105. */
function largeMessageLost(
  tunnel: TunnelConfig,
  { message, octets, repeatedByPeer }: Unanswered,
): Failure {
  const { name, peer, authentication } = tunnel
  const certificates = 'own' in authentication ? authentication.own.length : 0
  const carried =
    certificates === 0
      ? ''
      : ` (${certificates === 1 ? 'a certificate' : `${certificates} certificates`})`
  return {
    code: 'CW-105',
    summary: `message ${message} has ${octets} octets${carried} and travels as IP fragments, which get lost: ${peer} never answered it and does not support IKE fragmentation`,
    ours: `${octets} octets`,
    evidence: `smaller messages were answered; message ${message} never${repeatedByPeer > 0 ? ', and the peer repeats its own: it does not have it' : ''}; no vendor ID for fragmentation came`,
    certainty: repeatedByPeer > 0 ? 'very likely' : 'possible',
    key: 'certificate',
    remedy:
      'let fragments of IP pass on the way; or make the message smaller: ECDSA keys, no CA certificates in certificate.own but those the peer lacks',
    forPeer: `Our phase 1 message ${message} has ${octets} octets and reaches your gateway in IP fragments. Please let fragments from ${tunnel.local} pass, or turn on IKE fragmentation.`,
    otherCauses: [`${name} refuses our certificate and says nothing of it`],
  }
}
