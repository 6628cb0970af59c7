import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { addressOfPeer } from '#policy/peer-address'
import { handedOn, ourEnd } from './hidden-address.ts'
import type { Phase1State } from './state.ts'
import { stoppedMidway } from './stopped-midway.ts'

/** How a negotiation of the peer's stood when it was waited for no longer. */
export type HalfOpen = {
  readonly kind: Phase1State['kind']
  /** How often the peer repeated its last message, though we answered. */
  readonly repeatedByPeer: number
  /** Its next message comes over UDP 4500. */
  readonly udp: boolean
}

/**
 * What a responder makes of a peer that begins and does not go on; undefined where that says nothing. Message 1 can come from anyone in the
 * peer's name; whoever sends message 3 has had our message 2.
 */
export function leftHalfOpen(tunnel: TunnelConfig, how: HalfOpen): Failure | undefined {
  if (addressOfPeer(tunnel) === undefined) return undefined
  const answered = ANSWERED[how.kind]
  if (answered === undefined) return undefined
  if (how.repeatedByPeer >= LEAST_REPEATS) return answersLost(tunnel, answered, how.repeatedByPeer)
  if (how.kind !== 'ke-answered') return undefined
  return how.udp ? nothingOn4500(tunnel) : noMessage5(tunnel)
}

/** For the responder of Main mode phase 1 is done with message 6; for a peer that sends message 5 on and on it is not. */
export function message6Lost(
  tunnel: TunnelConfig,
  { kind, repeatedByPeer, udp }: HalfOpen,
): Failure | undefined {
  const { name, ike, local, peer } = tunnel
  const settled = kind === 'established' && ike === 'v1-main' && peer !== 'any'
  if (!settled || repeatedByPeer !== LEAST_REPEATS) return undefined
  const port = udp ? 4500 : 500
  return {
    code: udp ? 'CW-104' : 'CW-101',
    summary: `${name} does not get our message 6, the last of phase 1: it sent message 5 again ${repeatedByPeer} times, and we answered it each time to UDP ${port}`,
    evidence: `the same message 5 came from ${peer} ${repeatedByPeer + 1} times; it was proven right, repeats of it are not`,
    certainty: 'very likely',
    key: udp ? 'encapsulation' : 'peer',
    remedy: `let UDP ${port} pass from ${local} to ${peer}: on this host, and on every firewall on the way`,
    findOut: `causeway doctor ${name}`,
    forPeer: `Message 5 of your gateway reaches ours, and our message 6 does not seem to reach yours. Please let UDP ${port} from ${ourEnd(tunnel)} in.`,
    otherCauses: [
      `${name} gets message 6 and does not want our identity or proof, and says nothing of it: its log knows`,
    ],
  }
}

/** The message of the peer that we answered last. */
const ANSWERED: { readonly [kind in Phase1State['kind']]?: number } = {
  'sa-answered': 1,
  'ke-answered': 3,
  'aggressive-answered': 1,
}
/** One repeat may cross our answer, and a second may follow a lost packet. */
const LEAST_REPEATS = 3

/** CW-101 as the responder finds it. */
function answersLost(
  { name, local, peer }: TunnelConfig,
  message: number,
  repeats: number,
): Failure {
  return {
    code: 'CW-101',
    summary: `${name} calls us and does not get our answers: it sent message ${message} again ${repeats} times, and we answered it from ${local} each time`,
    evidence: `the same message ${message} came from ${peer} ${repeats + 1} times, in clear, which anyone on the way could send`,
    certainty: 'very likely',
    key: 'peer',
    remedy: `let UDP 500 pass from ${local} to ${peer}: on this host, and on every firewall on the way`,
    findOut: `causeway doctor ${name}`,
    forPeer: `Your IKE messages from ${peer} reach our gateway ${local}, and our answers, from UDP 500 of ${local}, do not seem to reach yours: it repeats message ${message}. Please let them in.`,
    otherCauses: [
      `a NAT on our side gives our answers another address than ${local}, and ${name} does not take them for ours`,
      `${name} gets our answer and finds it wrong, and says nothing of it: its log knows`,
    ],
  }
}

/** CW-104 as the responder finds it. */
function nothingOn4500(tunnel: TunnelConfig): Failure {
  const { name, peer, authentication } = tunnel
  return {
    code: 'CW-104',
    summary: `${name} called us, messages 1 to 4 went over UDP 500, and its message 5, which comes to UDP 4500, never arrived`,
    evidence: `NAT traversal was agreed; ${peer} does not repeat message 3, so it has our message 4, and nothing follows`,
    certainty: 'possible',
    key: 'encapsulation',
    remedy: `let UDP 4500 in from ${peer}: on this host, and on every firewall on the way${handedOn(tunnel, 4500)}`,
    findOut: `causeway doctor ${name}`,
    forPeer: `Your gateway calls ours, and after message 4 we hear nothing more: message 5 should come to UDP 4500. Please let UDP 4500 pass between ${peer} and ${ourEnd(tunnel)}, in both directions. What does your log say?`,
    otherCauses: [
      `${name} has no ${authentication.kind === 'psk' ? 'pre-shared key' : 'certificate and key of its own'} for us, and stops where it has to prove itself (CW-305)`,
      stoppedMidway(tunnel),
    ],
  }
}

/** CW-305: message 5 is where the peer has to prove itself. */
function noMessage5(tunnel: TunnelConfig): Failure {
  const { name, local, authentication } = tunnel
  const withKey = authentication.kind === 'psk'
  const what = withKey ? 'pre-shared key' : 'certificate and key of its own'
  return {
    code: 'CW-305',
    summary: `${name} called us and stopped at message 5, where it has to prove itself: it may have no ${what} for us`,
    evidence: `messages 1 to 4 were exchanged; it does not repeat message 3, so it has our message 4, and nothing follows`,
    certainty: 'possible',
    key: withKey ? 'psk' : 'certificate',
    remedy: `have ${name} look for our address ${local} in its log and among its ${withKey ? 'keys' : 'certificates'}`,
    forPeer: `Your gateway calls ours (${local}) and sends no message 5 of Main mode. Does it have a ${what} for ${local}? What does its log say?`,
    otherCauses: [
      stoppedMidway(tunnel),
      ...(withKey ? [] : ['message 5 is large, and fragments of IP get lost on the way (CW-105)']),
    ],
  }
}
