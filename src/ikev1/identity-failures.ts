import type { TunnelConfig } from '#config/config'
import { IdType } from '#iana/ipsec-doi'
import { NotifyType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { type Holder, isSameHolder } from '#ike/holder'
import { sameParts } from '#policy/distinguished-name'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity, type Identity } from '#policy/identity'
import { identityFromPayload } from '#wire/v1/id-payload'
import type { IdPayload } from '#wire/v1/payloads'
import { certificateRefused } from './certificate-failures.ts'
import { isHidden, isPrivate } from './hidden-address.ts'
import { identityInDialect } from './peer-dialect.ts'

/** Where an identity that we do not expect was shown. */
export type ShownIn = 'under the key' | 'before any proof'

/** CW-303, and CW-304 where not even the type is the one expected. */
export function otherIdentity(
  tunnel: TunnelConfig,
  payload: IdPayload,
  shownIn: ShownIn,
  vendor: string | undefined,
): Failure {
  const { name, remoteId } = tunnel
  const identity = identityFromPayload(payload)
  const theirs = identity === undefined ? unnamed(payload) : formatIdentity(identity)
  const ours = formatExpected(remoteId)
  const expected = remoteId.kind === 'any-of' ? undefined : remoteId
  const otherType = expected === undefined || identity?.kind !== expected.kind
  const turned =
    identity?.kind === 'dn' && expected?.kind === 'dn' && sameParts(identity.der, expected.der)
  const wanted = expected === undefined ? 'a name or an address' : described(expected, ours)
  const proven = shownIn === 'under the key' ? 'proves the right key but ' : ''
  const dialect = expected && identityInDialect(vendor, expected)
  const how = dialect === undefined ? '' : ` On ${dialect.product}: ${dialect.line}.`
  // Which of several tunnels that wait for one it was meant for, only its name could say.
  const [who, expects, place, sender] =
    tunnel.peer === 'any'
      ? ['a peer from anywhere', `${name} expects`, 'in the tunnel it is meant for', 'it']
      : [name, 'we expect', 'here', name]
  return {
    code: otherType ? 'CW-304' : 'CW-303',
    summary: otherType
      ? `${who} ${proven}shows ${described(identity, theirs)} as its identity; ${expects} ${wanted}`
      : `${who} ${proven}calls itself ${theirs}${behindNat(identity)}; ${expects} ${ours}${turned ? ': the same parts, in another order' : ''}`,
    ours,
    theirs,
    evidence:
      shownIn === 'under the key'
        ? 'identity payload of phase 1, whose hash is right'
        : 'identity payload of Aggressive mode message 1',
    certainty: 'certain',
    key: 'peer-id',
    remedy:
      identity === undefined
        ? `have ${name} send ${wanted}`
        : `set peer-id: ${peerIdValue(tunnel, identity)} ${place}, or have ${sender} send ${ours}`,
    forPeer: `Your gateway shows ${described(identity, theirs)} as its identity, ours expects ${wanted}. Please have it send ${expected === undefined ? wanted : ours}.${how}`,
  }
}

/** CW-303 as who proved itself first hears it: the refusal came encrypted, so the keys are the same. */
export function identityRefused(tunnel: TunnelConfig, notifyType: number): Failure {
  const message = tunnel.ike === 'v1-aggressive' ? 'message 2 of Aggressive mode' : 'message 5'
  const name = NotifyType.nameOf(notifyType)
  const certainty = namesIdentity(notifyType) ? 'very likely' : 'possible'
  return proofRefused(tunnel, `encrypted notify ${name} in answer to ${message}`, certainty)
}

/**
 * The same as who proves itself last hears it, the responder of Main mode or the initiator of Aggressive mode: the peer ends the SA where it should
 * go on. @param notifyType how it says so; undefined: it only deletes the SA (strongSwan)
 */
export function lastProofRefused(
  tunnel: TunnelConfig,
  role: 'initiator' | 'responder',
  notifyType: number | undefined,
): Failure | undefined {
  const isAggressive = tunnel.ike === 'v1-aggressive'
  if (isAggressive !== (role === 'initiator')) return undefined
  const message = isAggressive ? 'message 3 of Aggressive mode' : 'message 6'
  const evidence =
    notifyType === undefined
      ? `the peer deleted the ISAKMP SA in answer to ${message}`
      : `encrypted notify ${NotifyType.nameOf(notifyType)} in answer to ${message}`
  if (tunnel.authentication.kind !== 'psk') return certificateRefused(tunnel, evidence, true)
  if (isAggressive) return proofRefused(tunnel, evidence)
  const failure = proofRefused(tunnel, evidence, 'very likely')
  return { ...failure, otherCauses: [anotherTunnel(tunnel)] }
}

/** A delete without a word, some time after phase 1. */
export function orClosedByHand(failure: Failure): Failure {
  const otherCauses = ['closed by hand there', ...(failure.otherCauses ?? [])]
  return { ...failure, certainty: 'possible', otherCauses }
}

/** A peer that wants more or another proof than ours says the same word, unless it is one for identities alone. */
export function proofRefused(
  tunnel: TunnelConfig,
  evidence: string,
  certainty: Failure['certainty'] = 'possible',
): Failure {
  if (tunnel.authentication.kind !== 'psk') return certificateRefused(tunnel, evidence)
  const { name, localId } = tunnel
  const ours = formatIdentity(localId)
  const hidden = localId.kind === 'address' && isHidden(localId.address, tunnel.peer)
  return {
    code: 'CW-303',
    summary: `${name} has our key but refuses our identity ${ours}${hidden ? ', a private address that it does not see' : ''}`,
    ours,
    theirs: 'not told by the peer',
    evidence,
    certainty,
    key: 'id',
    remedy: hidden
      ? `set id here to what ${name} expects, which behind a NAT is most often the address the NAT gives us; or have it expect ${ours}`
      : `have ${name} expect ${ours}, or set id here to what it expects`,
    forPeer: `Our gateway shows ${described(localId, ours)} as its identity, and yours refuses it. Please have yours expect ${ours}${hidden ? '' : ` for our address ${tunnel.local}`}, or tell us what it expects.`,
    otherCauses: [
      tunnel.xauth === undefined
        ? `${name} wants a public key or a certificate of us, Aggressive mode, or a user name and password besides (XAUTH)`
        : `${name} knows no user name and password (XAUTH) for our address, which this tunnel has: leave xauth out here`,
      anotherTunnel(tunnel),
    ],
  }
}

/** CW-303 of a tunnel that takes several peers, one at a time; undefined where nobody else has it. */
export function takenByAnother(
  { name, deadPeer }: TunnelConfig,
  caller: Holder | undefined,
  holder: Holder | undefined,
): Failure | undefined {
  if (caller === undefined || holder === undefined || isSameHolder(holder, caller)) return undefined
  const [theirs, ours] = [holderText(caller), holderText(holder)]
  return {
    code: 'CW-303',
    summary: `${theirs} wants ${name} while ${ours} has it: a tunnel has one peer at a time`,
    ours,
    theirs,
    evidence: 'both have proven who they are',
    certainty: 'certain',
    key: 'peer-id',
    remedy: `give each peer a tunnel with its peer-id and networks of its own; or wait until ${ours} has left, or is given up: ${deadPeer.giveUpAfter / 1_000} s after it fell silent, where it knows DPD`,
    forPeer: `Your gateway proved itself as ${theirs}, and another one has the tunnel meant for it. Is it the right one that calls?`,
  }
}

function holderText({ identity, user }: Holder): string {
  return user === undefined ? formatIdentity(identity) : `${user} of ${formatIdentity(identity)}`
}

function namesIdentity(notifyType: number): boolean {
  return notifyType === NotifyType.number('INVALID-ID-INFORMATION')
}

function anotherTunnel({ name }: TunnelConfig): string {
  return `${name} has another tunnel for our address, and takes ours for that one`
}

/** `the name asa1.example`, as people say it. */
function described(identity: Identity | undefined, text: string): string {
  return identity === undefined ? text : `${KIND_WORDS[identity.kind]} ${text}`
}

const KIND_WORDS: Readonly<Record<Identity['kind'], string>> = {
  address: 'the address',
  fqdn: 'the name',
  'user-fqdn': 'the user name',
  dn: 'the distinguished name',
  'key-id': 'the key ID',
}

function unnamed({ idType }: IdPayload): string {
  return `an identity of type ${IdType.nameOf(idType)}`
}

function behindNat(identity: Identity | undefined): string {
  return identity?.kind === 'address' && isPrivate(identity.address)
    ? ' (its own address behind a NAT)'
    : ''
}

/**
 * What the file accepts as peer-id: where the key is found by the address (RFC 2409 §5.4), an identity other than that is written as
 * meant so.
 */
function peerIdValue({ ike, authentication, peer }: TunnelConfig, identity: Identity): string {
  const value = quoted(formatIdentity(identity))
  const isAddress = identity.kind === 'address' && identity.address === peer
  const byAddress = authentication.kind === 'psk' && ike === 'v1-main' && peer !== 'any'
  return byAddress && !isAddress ? `{sends: ${value}}` : value
}

/** As the configuration file wants it: names need no quotes, what has a comma, an equals sign or an at sign in front does. */
function quoted(text: string): string {
  return /^[\w.:-]+$/.test(text) ? text : `"${text}"`
}
