import type { TunnelConfig } from '#config/config'
import { AuthenticationMethod } from '#iana/ikev1'
import { NotifyType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { RETRANSMIT_AFTER } from '#ike/retransmission'
import { formatIdentity } from '#policy/identity'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import type { SelectorPair } from '#policy/traffic-selector'
import { formatSelectorPair } from '#policy/traffic-selector'
import {
  certificateRefused,
  certificateUnanswered,
  noKeyOverThere,
} from './certificate-failures.ts'
import { proofRefused } from './identity-failures.ts'
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

/** CW-401 on the responder. */
export function noSuchSelectors(tunnel: TunnelConfig, asked: SelectorPair): Failure {
  const ours = tunnel.networks.map(formatSelectorPair).join(', ')
  const theirs = formatSelectorPair(asked)
  return {
    code: 'CW-401',
    summary: `${tunnel.name} asks for ${theirs} (seen from here); ours is ${ours}`,
    ours,
    theirs,
    evidence: 'identities IDci and IDcr of Quick mode message 1',
    certainty: 'certain',
    key: 'networks',
    remedy:
      'IKEv1 wants both sides to name the same networks, mirrored: change networks here or there',
  }
}

/** CW-404, CW-405, CW-406 on the responder. */
export function noChildProposal(
  tunnel: TunnelConfig,
  offered: readonly string[],
  differs: readonly ('suite' | 'pfs' | 'mode')[],
): Failure {
  const pfs = tunnel.phase2.pfs === 'none' ? 'no PFS' : `PFS ${formatPfs(tunnel.phase2.pfs)}`
  const ours = tunnel.phase2.suites
    .map((suite) => `${formatEspSuite(suite)}, ${pfs}, ${tunnel.mode}`)
    .join('; ')
  const theirs = offered.join('; ') || 'nothing we can read'
  const onlyPfs = differs.length === 1 && differs[0] === 'pfs'
  const onlyMode = differs.length === 1 && differs[0] === 'mode'
  return {
    code: onlyPfs ? 'CW-405' : onlyMode ? 'CW-406' : 'CW-404',
    summary: `${tunnel.name} offers phase 2 ${theirs}; we accept ${ours}`,
    ours,
    theirs,
    evidence: 'SA payload of Quick mode message 1',
    certainty: 'certain',
    key: onlyMode ? 'mode' : 'phase2',
    remedy: onlyPfs
      ? 'set the same PFS group on both sides'
      : `make phase2 here and there the same${differs.includes('mode') ? ', and the encapsulation mode' : ''}`,
  }
}

/** A notify in answer to our Quick mode; it came through the IKE SA, so the kind is certain. */
export function childRefused(
  tunnel: TunnelConfig,
  pair: SelectorPair | undefined,
  notifyType: number,
): Failure {
  // Not of phase 2: the responder of Aggressive mode found our last message wanting, and Quick mode was already on its way.
  if (tunnel.ike === 'v1-aggressive' && notifyType === NotifyType.number('AUTHENTICATION-FAILED'))
    return proofRefused(tunnel, 'encrypted notify AUTHENTICATION-FAILED after message 3')
  const name = NotifyType.nameOf(notifyType)
  const evidence = `encrypted notify ${name} in answer to Quick mode message 1`
  if (notifyType === NotifyType.number('INVALID-ID-INFORMATION')) {
    const ours = pair === undefined ? '' : formatSelectorPair(pair)
    return {
      code: 'CW-401',
      summary: `${tunnel.name} has no such networks: we asked for ${ours}, it answered ${name}`,
      ours,
      theirs: 'not told by the peer',
      evidence,
      certainty: 'certain',
      key: 'networks',
      remedy: `compare networks with ${tunnel.name}: there they must be the same, mirrored`,
    }
  }
  const ours = `${tunnel.phase2.suites.map(formatEspSuite).join(', ')}, ${
    tunnel.phase2.pfs === 'none' ? 'no PFS' : `PFS ${formatPfs(tunnel.phase2.pfs)}`
  }`
  return {
    code: 'CW-404',
    summary: `${tunnel.name} refused phase 2 with ${name}; we offered ${ours}`,
    ours,
    theirs: 'not told by the peer',
    evidence,
    certainty: 'certain',
    key: 'phase2',
    remedy: `compare algorithms and the PFS group with ${tunnel.name}; PFS on one side only is the usual reason`,
  }
}

/** A Quick mode that nobody answered, although the IKE SA stands. */
export function childSilence(tunnel: TunnelConfig, pair: SelectorPair | undefined): Failure {
  const ours = pair === undefined ? undefined : formatSelectorPair(pair)
  return {
    code: 'CW-401',
    summary: `${tunnel.name} did not answer Quick mode${ours === undefined ? '' : ` for ${ours}`}; many gateways fall silent when networks, algorithms or PFS differ`,
    ...(ours === undefined ? {} : { ours }),
    evidence: 'phase 1 is established; no answer and no notify to Quick mode message 1',
    certainty: 'possible',
    key: 'networks',
    remedy: `compare networks, phase2 and PFS with ${tunnel.name}'s administrator`,
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
