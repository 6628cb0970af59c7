import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { isRequested } from '#pki/certificate-request'
import { formatMoment, type Moment } from '#pki/moment'
import { formatDn } from '#policy/distinguished-name'
import { formatIdentity } from '#policy/identity'

/** What an initiator that signs can tell of a peer that refuses message 5, or says nothing of it. The peer alone knows why. */

/** CW-306: message 5 carries our certificate, and nothing came back. */
export function certificateUnanswered(tunnel: TunnelConfig): Failure {
  return {
    code: 'CW-306',
    summary: `${tunnel.peer} fell silent at message 5, which carries our certificate${named(tunnel)}: it refuses it, or large messages get lost on the way`,
    ...shown(tunnel),
    evidence: 'messages 1 to 4 were answered, message 5 never',
    certainty: 'possible',
    key: 'certificate',
    remedy: `read the log of ${tunnel.name}; where it says nothing of message 5, a device between drops fragments of UDP: turn on IKE fragmentation over there, or use ECDSA keys, which make it smaller`,
  }
}

/**
 * CW-306.
 * @param evidence says how the refusal came, and so how much it is worth
 * @param hasProven whether the peer has proven itself before us, and so signs as we do
 */
export function certificateRefused(
  tunnel: TunnelConfig,
  evidence: string,
  hasProven = false,
): Failure {
  return {
    code: 'CW-306',
    summary: `${tunnel.name} refuses our certificate${named(tunnel)} or our identity ${formatIdentity(tunnel.localId)}${hasProven ? '' : '; or it expects a pre-shared key, while both sides must prove themselves the same way'}`,
    ...shown(tunnel),
    evidence,
    certainty: 'very likely',
    key: 'certificate',
    remedy: `check the dates of our certificate against the clocks of both ends; see that ${tunnel.name} trusts its issuer, has not revoked it, finds a revocation list in date where it wants one, and expects our identity${hasProven ? '' : '; have it start the tunnel: its first message says how it signs'}`,
    forPeer: `Your gateway refuses the certificate or the identity of ours (${tunnel.local}, ${formatIdentity(tunnel.localId)}). What does its log say? Does it trust the CA of our certificate${named(tunnel)}?`,
    ...(hasProven ? {} : { otherCauses: notYetProven(tunnel) }),
  }
}

/** CW-306: with signatures the keys come of the key exchange alone, so no configuration can make them differ. */
export function keysDiffer(tunnel: TunnelConfig, what: string): Failure {
  return {
    code: 'CW-306',
    summary: `${what} does not decrypt with ours, although certificates make no key: somebody on the way changes the key exchange, or ${tunnel.name} expects a pre-shared key`,
    ...shown(tunnel),
    evidence: 'everything in clear matched; the first encrypted message is no valid one',
    certainty: 'possible',
    key: 'certificate',
    remedy: `see that ${tunnel.name} uses certificates for this tunnel, too`,
  }
}

/** CW-204: the responder looked for a key and found none. */
export function noKeyOverThere(tunnel: TunnelConfig, name: string, evidence: string): Failure {
  return {
    code: 'CW-204',
    summary: `${tunnel.name} refused message 3 with ${name}, so it has no pre-shared key for us: both sides must prove themselves the same way, we have a pre-shared key, it may have a certificate`,
    ours: 'a pre-shared key',
    theirs: 'not told by the peer',
    evidence,
    certainty: 'possible',
    key: 'psk',
    remedy: `see that ${tunnel.name} has the key for our address ${tunnel.local}, or use certificates at both ends`,
    forPeer: `Your gateway finds no pre-shared key for ours (${tunnel.local}). Please enter one for that address, or tell us that you use certificates.`,
  }
}

/** CW-310: our certificate was refused or ignored, and it is from none of the CAs the peer asked for. */
export function withAuthorities(
  failure: Failure,
  tunnel: TunnelConfig,
  asked: readonly Uint8Array[] = [],
): Failure {
  const { authentication, name, local } = tunnel
  const own = 'own' in authentication ? authentication.own : []
  const [leaf] = own
  const byPeer = failure.theirs === 'not told by the peer'
  if (failure.code !== 'CW-306' || !byPeer || leaf === undefined || isRequested(own, asked))
    return failure
  const theirs = asked.slice(0, MOST_NAMED).map((der) => formatDn(der) ?? 'a name we cannot read')
  const ours = leaf.issuer.text
  return {
    ...failure,
    code: 'CW-310',
    summary: `${name} asks for certificates of ${theirs.map((one) => `"${one}"`).join(', ')} only; ours is from "${ours}"`,
    ours,
    theirs: theirs.join(', '),
    evidence: `certificate requests of the peer; ${failure.evidence}`,
    certainty: 'very likely',
    remedy:
      own.length === 1
        ? `use a certificate of a CA that ${name} asks for, or have it trust "${ours}"; if one that it asks for issued "${ours}", put the certificate of "${ours}" behind ours in certificate.own`
        : `use a certificate of a CA that ${name} asks for, or have it trust "${ours}"`,
    forPeer: `Your gateway asks for certificates of ${theirs.join(', ')}; ours (${local}) is from ${ours}. Please trust that CA for this tunnel.`,
  }
}

const MOST_NAMED = 3

/** CW-307: our certificate was refused or ignored, and on the date on which we signed with it, it was none. */
export function withOwnDates(
  failure: Failure,
  { name, authentication }: TunnelConfig,
  at: Moment | undefined,
): Failure {
  const own = 'own' in authentication ? authentication.own : []
  const byPeer = failure.theirs === 'not told by the peer'
  if (failure.code !== 'CW-306' || !byPeer || at === undefined) return failure
  const bad = own.find(({ notBefore, notAfter }) => at < notBefore || at > notAfter)
  if (bad === undefined) return failure
  const { notBefore, notAfter, subject } = bad
  const expired = at > notAfter
  const { forPeer: _, otherCauses: __, ...told } = failure
  const whose = bad === own[0] ? 'our certificate' : 'a CA certificate that we send,'
  return {
    ...told,
    code: 'CW-307',
    summary: `${whose} ${subject.text} ${expired ? `expired on ${formatMoment(notAfter)}` : `is not valid before ${formatMoment(notBefore)}`}, our clock says ${formatMoment(at)}: ${name} does not take it`,
    ours: `valid from ${formatMoment(notBefore)} to ${formatMoment(notAfter)}`,
    evidence: `the dates in it; ${failure.evidence}`,
    remedy: expired
      ? 'renew it and put the new one into certificate.own (causeway pki sign), then reload; where our clock is wrong, set that right'
      : 'see that our clock is right (NTP); otherwise use a certificate that is valid already',
  }
}

function shown({ localId }: TunnelConfig): Pick<Failure, 'ours' | 'theirs'> {
  return { ours: formatIdentity(localId), theirs: 'not told by the peer' }
}

function named({ authentication }: TunnelConfig): string {
  const leaf = 'own' in authentication ? authentication.own[0] : undefined
  if (leaf === undefined) return ''
  return ` (of ${leaf.issuer.text}, valid from ${formatMoment(leaf.notBefore)} until ${formatMoment(leaf.notAfter)})`
}

/** A responder of Main mode proves itself after us, so all of its own proof may be what is wrong; in Aggressive mode it has proven itself. */
function notYetProven({ name, ike, authentication }: TunnelConfig): readonly string[] {
  if (ike === 'v1-aggressive') return []
  const withoutProof = `${name} takes ours and cannot prove itself: it lacks the key of its own certificate, or that does not name the identity it is to show`
  if (authentication.kind !== 'certificate') return [withoutProof]
  const { publicKey } = authentication.key
  const ours = publicKey.kind === 'ec' ? `ECDSA on ${publicKey.curve}` : 'RSA'
  return [
    withoutProof,
    `the certificate of ${name} has another kind of key than ours, ${ours}: in IKEv1 both sides sign the same way`,
  ]
}
