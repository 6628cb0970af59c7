import type { TunnelConfig } from '#config/config'
import { AuthenticationMethod } from '#iana/ikev1'
import { NotifyType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import type { PublicKey } from '#pki/public-key'
import { formatIdentity } from '#policy/identity'
import { formatIkeSuite } from '#policy/proposal'
import { ECDSA_METHODS } from './authentication-method.ts'
import { certificateRefused, noKeyOverThere } from './certificate-failures.ts'
import { proofRefused } from './identity-failures.ts'
import { aggressive2Refused } from './key-failures.ts'

/** CW-204. @param said whether the peer offered these methods, or took one that we had asked about */
export function otherAuthentication(
  tunnel: TunnelConfig,
  methods: readonly number[],
  said: 'offers' | 'takes' = 'offers',
): Failure {
  const theirs = methods.map((one) => methodWords(one, said)).join(', ')
  const { authentication } = tunnel
  const withKey = authentication.kind === 'psk'
  if (authentication.kind === 'certificate' && methods.every((one) => SIGNATURES.has(one)))
    return otherSignature(tunnel, authentication.key.publicKey, theirs)
  const ours = `${withKey ? 'a pre-shared key' : 'a certificate'}${xauthWords(tunnel)}`
  const aboutUsers = tunnel.xauth !== undefined || methods.some((one) => one >= FIRST_WITH_USERS)
  return {
    code: 'CW-204',
    summary: `both sides must prove themselves the same way: ${tunnel.name} ${said} ${theirs}, we have ${ours}`,
    ours,
    theirs,
    evidence: 'authentication method in the SA payload of message 1',
    certainty: 'certain',
    key: aboutUsers ? 'xauth' : withKey ? 'psk' : 'certificate',
    remedy: `have ${tunnel.name} use ${ours} for this tunnel, or give this one what ${tunnel.name} ${said}${howHere(tunnel, theirs)}`,
    forPeer: `Your gateway ${said} ${theirs} for our address ${tunnel.local}, and ours has ${ours}: in IKEv1 both must prove themselves the same way. Please set yours to that.`,
  }
}

/** What the file says then, where one key does it. */
function howHere({ xauth }: TunnelConfig, theirs: string): string {
  if (theirs.endsWith('to have us log in there'))
    return ': xauth: {role: client, user: NAME, password: file:PATH}'
  if (theirs.endsWith('to log in here')) return ': xauth: {role: server, users: PATH}'
  if (xauth !== undefined && theirs === 'pre-shared key') return ': leave xauth out'
  return theirs === 'RSA signatures' ? ': certificate in place of psk' : ''
}

/** CW-311: both sign, each with a kind of key that the other does not have. */
function otherSignature({ name, local }: TunnelConfig, key: PublicKey, theirs: string): Failure {
  const ours = AuthenticationMethod.nameOf(key.kind === 'ec' ? ECDSA_METHODS[key.curve] : RSA)
  return {
    code: 'CW-311',
    summary: `${name} offers ${theirs}; our key makes ${ours}, and in IKEv1 both sides must sign the same way`,
    ours,
    theirs,
    evidence: 'authentication method in the SA payload of message 1',
    certainty: 'certain',
    key: 'certificate',
    remedy: `use a certificate whose key makes ${theirs}, or have ${name} use one for ${ours}`,
    forPeer: `Your gateway offers ${theirs}, ours (${local}) signs with ${ours}. In IKEv1 both must be of the same kind: please use a key of ours, or tell us which you have.`,
  }
}

const RSA = AuthenticationMethod.number('RSA signatures')
const SIGNATURES: ReadonlySet<number> = new Set([
  AuthenticationMethod.number('DSS signatures'),
  RSA,
  ...Object.values(ECDSA_METHODS),
])

/** Who logs in is named by its role (draft-beaulieu-ike-xauth-02 §7.2): where it offers, the peer is the initiator, and where it takes, we are. */
function methodWords(method: number, said: 'offers' | 'takes'): string {
  const name = AuthenticationMethod.nameOf(method)
  const [, asked, proof] = /^XAUTH(Init|Resp)(PreShared|RSA)$/.exec(name) ?? []
  if (asked === undefined) return HYBRID.get(name) ?? name
  const first = proof === 'RSA' ? 'RSA signatures' : 'pre-shared key'
  const here = (asked === 'Init') === (said === 'offers')
  return `${first} and XAUTH, ${here ? 'to log in here' : 'to have us log in there'}`
}

const HYBRID: ReadonlyMap<string, string> = new Map(
  ['RSA', 'DSS'].flatMap((kind) => [
    [`HybridInit${kind}`, `hybrid authentication (${kind})`],
    [`HybridResp${kind}`, `hybrid authentication (${kind})`],
  ]),
)

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
      forPeer: `Your gateway refuses our message 5 with ${name}. Please enter the pre-shared key for ${tunnel.local} anew, without a line end, and see that you expect the identity ${formatIdentity(tunnel.localId)}.`,
    }
  }
  if (tunnel.ike === 'v1-aggressive' && notifyType === NotifyType.number('AUTHENTICATION-FAILED'))
    return aggressiveRefused(tunnel, evidence)
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
    findOut: `causeway probe ${tunnel.peer}`,
    forPeer: `Your gateway refuses our phase 1 proposal (${name}). We offer ${ours} with ${withKey ? 'a pre-shared key' : 'certificates'}, from ${tunnel.local}. Which does it accept?`,
    otherCauses: [
      `${tunnel.name} has no tunnel for our address ${tunnel.local}`,
      `${tunnel.name} wants ${withKey ? 'certificates' : 'a pre-shared key'}, or IKEv2`,
    ],
  }
}

/** CW-302, CW-303, CW-306 as the responder of Aggressive mode hears it, whose only message proves it: a notify anyone could have sent. */
export function answerRefused(tunnel: TunnelConfig, notifyType: number): Failure {
  const name = NotifyType.nameOf(notifyType)
  const evidence = `clear-text notify ${name} from ${tunnel.name} after our message 2, which anyone could have sent`
  if (tunnel.authentication.kind !== 'psk') return certificateRefused(tunnel, evidence)
  // Looked at before the proof (strongSwan), so nothing is known of the key.
  if (notifyType === NotifyType.number('INVALID-ID-INFORMATION')) {
    const summary = `${tunnel.name} refuses our identity ${formatIdentity(tunnel.localId)}`
    return { ...proofRefused(tunnel, evidence, 'very likely'), summary }
  }
  return aggressive2Refused(tunnel, evidence)
}

/** CW-107: nothing was proven yet, so it is not about a key. */
function aggressiveRefused({ name, local }: TunnelConfig, evidence: string): Failure {
  return {
    code: 'CW-107',
    summary: `${name} refuses Aggressive mode, which this tunnel is set to: it said AUTHENTICATION-FAILED before anything was to be proven`,
    ours: 'Aggressive mode',
    theirs: 'not told by the peer',
    evidence,
    certainty: 'possible',
    key: 'ike',
    remedy: `set ike: v1-main here and have ${name} use Main mode; or have it allow Aggressive mode with a pre-shared key`,
    forPeer: `Your gateway refuses Aggressive mode from ours (${local}). Please set Main mode for this tunnel, and tell us.`,
    otherCauses: [`${name} does not know the identity we show`],
  }
}

/** Public-key work that came to nothing, by what it was for and whose fault it is. */
export function workFailed(
  tunnel: TunnelConfig,
  { kind }: { readonly kind: string },
  { reason, by }: { readonly reason: string; readonly by?: 'peer' },
): Failure {
  if (kind !== 'proving' && kind !== 'checking')
    return by === 'peer' ? badPublicValue(tunnel, reason) : agreementFailed(tunnel, reason)
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

/** Nothing the peer sent is wrong: our own cryptography, or too much of it at once. */
function agreementFailed({ name }: TunnelConfig, reason: string): Failure {
  return {
    code: 'CW-202',
    summary: `our own Diffie-Hellman computation for ${name} could not be done: ${reason}`,
    evidence: 'our own cryptography',
    certainty: 'certain',
    key: 'phase1',
    remedy:
      'nothing is wrong with the peer: see the log and the load of this host, or use another group; it is tried again',
  }
}

/** A public value that fails the checks of RFC 6989. */
function badPublicValue(tunnel: TunnelConfig, reason: string): Failure {
  return {
    code: 'CW-202',
    summary: `${tunnel.name} sent a Diffie-Hellman public value that must not be used: ${reason}`,
    evidence: 'KE payload',
    certainty: 'certain',
    key: 'phase1',
    remedy: 'the peer is broken, or someone on the way changes packets; try another group',
  }
}
