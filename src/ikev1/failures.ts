import type { TunnelConfig } from '#config/config'
import { AuthenticationMethod } from '#iana/ikev1'
import { NotifyType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { RETRANSMIT_AFTER } from '#ike/retransmission'
import { formatIdentity } from '#policy/identity'
import { formatIkeSuite } from '#policy/proposal'
import {
  certificateRefused,
  certificateUnanswered,
  noKeyOverThere,
} from './certificate-failures.ts'
import { message5Silent } from './key-failures.ts'

/** A message of Main mode that was never answered; which one tells what to look at. */
export function unanswered(tunnel: TunnelConfig, message: number, udp: boolean): Failure {
  if (message < 5) return silence(tunnel, message)
  if (tunnel.authentication.kind !== 'psk' && !udp) return certificateUnanswered(tunnel)
  return udp ? port4500Silent(tunnel) : message5Silent(tunnel)
}

/** CW-101. */
function silence(tunnel: TunnelConfig, message: number): Failure {
  const seconds = RETRANSMIT_AFTER.reduce((sum, wait) => sum + wait, 0) / 1_000
  const times = RETRANSMIT_AFTER.length
  return {
    code: 'CW-101',
    summary: `${tunnel.peer} has not answered message ${message} of ${tunnel.ike === 'v1-aggressive' ? 'Aggressive' : 'Main'} mode, sent ${times} times in ${seconds} s`,
    evidence: `no datagram from ${tunnel.peer} and no ICMP error`,
    certainty: 'certain',
    key: 'peer',
    remedy: `see that IKE is enabled there for our address ${tunnel.local}, and that UDP 500 and 4500 pass on the way`,
  }
}

/** CW-104: everything worked until the move to port 4500. */
function port4500Silent(tunnel: TunnelConfig): Failure {
  return {
    code: 'CW-104',
    summary: `messages 1 to 4 went over UDP 500, then message 5 moved to UDP 4500 and ${tunnel.peer} never answered it`,
    evidence: 'NAT traversal was agreed and nothing came back from port 4500',
    certainty: 'possible',
    key: 'encapsulation',
    remedy: `let UDP 4500 pass between the gateways; if it does pass, ${tunnel.authentication.kind === 'psk' ? 'compare the pre-shared keys' : `read the log of ${tunnel.name}: it may refuse our certificate, or fragments of it get lost`}`,
  }
}

/** CW-204. */
export function otherAuthentication(tunnel: TunnelConfig, methods: readonly number[]): Failure {
  const theirs = methods.map((method) => AuthenticationMethod.nameOf(method)).join(', ')
  const withKey = tunnel.authentication.kind === 'psk'
  const ours = `${withKey ? 'a pre-shared key' : 'a certificate'}${xauthWords(tunnel)}`
  const aboutUsers = tunnel.xauth !== undefined || methods.some((one) => one >= FIRST_WITH_USERS)
  return {
    code: 'CW-204',
    summary: `both sides must prove themselves the same way: ${tunnel.name} offers ${theirs}, we have ${ours}`,
    ours,
    theirs,
    evidence: 'authentication method in the SA payload of message 1',
    certainty: 'certain',
    key: aboutUsers ? 'xauth' : withKey ? 'psk' : 'certificate',
    remedy: `set ${ours} on the peer for this tunnel too, or give this one what the peer offers`,
  }
}

function xauthWords({ xauth }: TunnelConfig): string {
  if (xauth === undefined) return ''
  return xauth.role === 'client'
    ? ' and XAUTH, to log in there'
    : ' and XAUTH, to have it log in here'
}

/** Of the private numbers of XAUTH and of hybrid authentication. */
const FIRST_WITH_USERS = AuthenticationMethod.number('HybridInitRSA')

/** CW-201 … as the initiator hears it: a notify anyone could have sent. */
export function phase1Refused(
  tunnel: TunnelConfig,
  notifyType: number,
  afterMessage: number,
): Failure {
  const name = NotifyType.nameOf(notifyType)
  const evidence = `clear-text notify ${name} from ${tunnel.peer} after message ${afterMessage}, which anyone could have sent`
  const withKey = tunnel.authentication.kind === 'psk'
  if (afterMessage >= 5 && !withKey) return certificateRefused(tunnel, evidence)
  if (afterMessage === 3 && withKey && notifyType === NotifyType.number('INVALID-KEY-INFORMATION'))
    return noKeyOverThere(tunnel, name, evidence)
  if (afterMessage >= 5) {
    return {
      code: 'CW-301',
      summary: `${tunnel.peer} refused message 5 with ${name}: the pre-shared keys or identities differ`,
      evidence,
      certainty: 'very likely',
      key: 'psk',
      remedy: `compare the key, and whether ${tunnel.name} expects our identity ${formatIdentity(tunnel.localId)}`,
    }
  }
  const ours = tunnel.phase1.suites.map(formatIkeSuite).join(', ')
  return {
    code: 'CW-201',
    summary: `${tunnel.name} refused phase 1 with ${name}; we offered ${ours}, what it wants it did not tell`,
    ours,
    theirs: 'not told by the peer',
    evidence,
    certainty: 'very likely',
    key: 'phase1',
    remedy: `have ${tunnel.name} start the tunnel: as responder we see its whole list, and whether it, too, wants ${withKey ? 'a pre-shared key' : 'certificates'}`,
  }
}

/** Public-key work that came to nothing, by what it was for. */
export function workFailed(
  tunnel: TunnelConfig,
  { kind }: { readonly kind: string },
  reason: string,
): Failure {
  if (kind !== 'proving' && kind !== 'checking') return badPublicValue(tunnel, reason)
  const own = kind === 'proving'
  return {
    code: own ? 'CW-311' : 'CW-306',
    summary: own
      ? `our own signature for ${tunnel.name} could not be made: ${reason}`
      : `the certificate of ${tunnel.name} could not be verified: ${reason}`,
    evidence: 'our own cryptography',
    certainty: 'certain',
    key: 'certificate',
    remedy: own ? 'check that certificate.key is the key of certificate.own' : 'see the log',
  }
}

/** A public value that fails the checks of RFC 6989. */
export function badPublicValue(tunnel: TunnelConfig, reason: string): Failure {
  return {
    code: 'CW-202',
    summary: `${tunnel.name} sent a Diffie-Hellman public value that must not be used: ${reason}`,
    evidence: 'KE payload',
    certainty: 'certain',
    key: 'phase1',
    remedy: 'the peer is broken, or someone on the way changes packets; try another group',
  }
}
