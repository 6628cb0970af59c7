import type { TunnelConfig } from '#config/config'
import { Phase1Attribute } from '#iana/ikev1'
import type { Failure } from '#ike/events'
import { formatIdentity } from '#policy/identity'
import { formatDuration } from '#policy/lifetime'
import { formatIkeSuite } from '#policy/proposal'
import type { SaPayload } from '#wire/v1/payloads'
import { findNumber } from './attributes.ts'
import { authenticationMethod } from './authentication-method.ts'
import { otherAuthentication } from './failures.ts'
import { describePhase1Offer } from './phase1-proposals.ts'
import { phase1Unsuited } from './proposal-failures.ts'
import { type Finding, LOOK_LIFETIME_SECONDS } from './second-look.ts'

/** How the peer took the negotiation itself: it said no, or nothing. */
export type Treatment = 'refused' | 'ignored'

/** What a second look makes of a refusal or a silence; undefined where it makes nothing clearer. */
export function lookedAt(
  tunnel: TunnelConfig,
  finding: Exclude<Finding, { kind: 'port-4500-passes' }>,
  treatment: Treatment,
): Failure | undefined {
  switch (finding.kind) {
    case 'accepts':
      return accepted(tunnel, offerOf(finding), treatment)
    case 'refuses':
      return treatment === 'refused' ? nothingSuits(tunnel) : undefined
    case 'speaks-ikev2':
      return speaksIkev2(tunnel, treatment)
    case 'refuses-ikev2':
      return treatment === 'ignored' ? ignoresUs(tunnel, finding.speaks) : undefined
  }
}

/** CW-102 of a peer that says nothing; CW-201 to CW-205 of one that said no. */
function accepted(
  tunnel: TunnelConfig,
  offer: SaPayload,
  treatment: Treatment,
): Failure | undefined {
  const { name, peer, phase1 } = tunnel
  const [theirs = ''] = describePhase1Offer(offer)
  const evidence = `asked beside it with many sets of algorithms, ${peer} chose this one; in clear, so anyone on the way could have answered`
  const attributes = offer.proposals[0]?.transforms[0]?.attributes ?? []
  const method = findNumber(attributes, Phase1Attribute.number('Authentication Method'))
  if (method !== undefined && method !== authenticationMethod(tunnel, 'initiator')) {
    return { ...otherAuthentication(tunnel, [method], 'takes'), evidence, certainty: 'very likely' }
  }
  const aggressive = tunnel.ike === 'v1-aggressive'
  if (phase1.suites.some((suite) => formatIkeSuite(suite) === theirs)) {
    if (aggressive) return mainModeOnly(tunnel, treatment)
    const shorter = LOOK_LIFETIME_SECONDS < phase1.lifetime.seconds
    return treatment === 'refused' && shorter ? lifetimeRefused(tunnel, theirs) : undefined
  }
  const unsuited = {
    ...phase1Unsuited(tunnel, offer, 'takes'),
    ...(aggressive ? { otherCauses: [`${name} takes Main mode only (CW-107)`] } : {}),
  }
  if (treatment === 'refused') return { ...unsuited, evidence, certainty: 'very likely' }
  return {
    ...unsuited,
    code: 'CW-102',
    summary: `${peer} answers other proposals than ours: it takes ${theirs} and ignores ${unsuited.ours}`,
    evidence,
    certainty: 'very likely',
    remedy: `set phase1 to ${theirs} here, or have ${name} accept one of ours`,
  }
}

/**
 * CW-107 as the initiator finds it: second looks are in Main mode. Our identity is in the first message of Aggressive mode alone, and some
 * peers answer anyone's Main mode, so this may also be about who we are.
 */
function mainModeOnly({ name, local, localId, peer }: TunnelConfig, treatment: Treatment): Failure {
  const id = formatIdentity(localId)
  const refuses = treatment === 'refused' ? 'refuses' : 'ignores'
  return {
    code: 'CW-107',
    summary: `${name} answers Main mode and ${refuses} Aggressive mode, which this tunnel is set to`,
    ours: 'Aggressive mode',
    theirs: 'Main mode',
    evidence: `${peer} answers the first message of Main mode and not that of Aggressive mode with the same algorithms, in clear`,
    certainty: 'possible',
    key: 'ike',
    remedy: `ask ${name} which mode it has for us: set ike: v1-main here, the safer of the two, or have it allow Aggressive mode`,
    forPeer: `Your gateway takes Main mode from ours (${local}) and ${refuses} Aggressive mode. Which of the two is set for us? In Aggressive mode ours calls itself ${id}: is that the identity you expect?`,
    otherCauses: [
      `${name} has Aggressive mode, and expects another identity of us than ${id}, which id sets here`,
    ],
  }
}

/** CW-205. */
function lifetimeRefused(tunnel: TunnelConfig, suite: string): Failure {
  const { name, phase1 } = tunnel
  const ours = formatDuration(phase1.lifetime.seconds)
  const tried = formatDuration(LOOK_LIFETIME_SECONDS)
  return {
    code: 'CW-205',
    summary: `${name} refuses our phase 1 lifetime of ${ours}: with ${tried} it takes ${suite}, which we offered, too`,
    ours,
    theirs: `takes ${tried}; its own limit is not told`,
    evidence: `the same set was refused with ${ours} and accepted with ${tried}, in clear`,
    certainty: 'very likely',
    key: 'phase1.lifetime',
    remedy: `set phase1.lifetime to what ${name} has; ${tried} is accepted`,
    forPeer: `Your gateway refuses our phase 1 proposal with a lifetime of ${ours}. Which lifetime is set there? A setting such as "proposal check: obey" takes the shorter one.`,
  }
}

/** CW-103: it is there, it takes nothing, whatever is offered. */
function nothingSuits(tunnel: TunnelConfig): Failure {
  const { name, local, peer } = tunnel
  return {
    code: 'CW-103',
    summary: `${peer} refuses every set of algorithms we asked about: it has no tunnel for our address ${local}, or not with IKEv1`,
    ours: local,
    theirs: 'not told by the peer',
    evidence:
      'our offer, one with all usual sets of algorithms and one with rarer ones were refused in clear, which anyone could have sent',
    certainty: 'possible',
    key: 'address',
    remedy: `have ${name} name the address its tunnel expects us at, and compare it with ours`,
    forPeer: `Your gateway ${peer} refuses every phase 1 proposal of ours. Is there a tunnel for our address ${local} with IKEv1 (${tunnel.ike === 'v1-aggressive' ? 'Aggressive' : 'Main'} mode)? From which address do our packets reach you?`,
    otherCauses: [
      ...(tunnel.xauth === undefined
        ? [`${name} wants a user name and password besides (XAUTH)`]
        : []),
      `${name} wants algorithms that few have: Camellia, another Diffie-Hellman group`,
      `${name} accepts IKEv2 only`,
      `${name} accepts ${tunnel.ike === 'v1-aggressive' ? 'Main' : 'Aggressive'} mode only`,
      'a NAT on the way gives us another address',
    ],
  }
}

/** CW-103 of a peer that says nothing, and is there all the same. */
function ignoresUs(tunnel: TunnelConfig, speaksIkev2: boolean): Failure {
  const { name, local, peer } = tunnel
  const [mode, otherMode] =
    tunnel.ike === 'v1-aggressive' ? ['Aggressive', 'Main'] : ['Main', 'Aggressive']
  const withKey = tunnel.authentication.kind === 'psk'
  const [proof, otherProof] = withKey
    ? ['a pre-shared key', 'certificates']
    : ['certificates', 'a pre-shared key']
  const said = speaksIkev2 ? 'that it has none for us' : 'that it does not speak it'
  return {
    code: 'CW-103',
    summary: `${peer} runs IKE and ignores ours: it has no IKEv1 tunnel for our address ${local} in ${mode} mode with ${proof}`,
    ours: `${local}, ${mode} mode, ${proof}`,
    theirs: 'not told by the peer',
    evidence: `no answer to message 1 of ${mode} mode; yet to the first message of IKEv2 it answers ${said}, in clear: UDP 500 passes both ways`,
    certainty: 'very likely',
    key: 'peer',
    remedy: `see at ${name} that its tunnel for ${local} is loaded, takes IKEv1, and has ${mode} mode and ${proof}`,
    forPeer: `Your gateway ${peer} answers IKEv2 from our address ${local}, and ignores our first message of IKEv1 (${mode} mode, ${proof}). Is a tunnel for ${local} loaded there, and is it for IKEv1, ${mode} mode and ${proof}?`,
    otherCauses: [
      // Only there is it in the first message.
      ...(mode === 'Aggressive'
        ? [
            `${name} expects another identity of us than ${formatIdentity(tunnel.localId)}, which id sets here`,
          ]
        : []),
      `${name} has ${otherMode} mode for us, or ${otherProof}`,
      `${name} drops IKEv1 altogether (libreswan from 5.0 on: ikev1-policy=accept)`,
      `a NAT on the way gives us another address than ${local}`,
      `${name} says nothing to those whose algorithms it refuses`,
    ],
  }
}

/** CW-106 as the initiator finds it. */
function speaksIkev2(tunnel: TunnelConfig, treatment: Treatment): Failure {
  const { name, peer } = tunnel
  return {
    code: 'CW-106',
    summary: `${name} speaks IKEv2 with us, and ${treatment === 'refused' ? 'refuses' : 'ignores'} IKEv1; this tunnel is set to IKEv1`,
    ours: 'IKEv1',
    theirs: 'IKEv2',
    evidence: `${peer} answers the first message of IKEv2 and not ours, in clear`,
    certainty: 'very likely',
    key: 'ike',
    remedy: `have ${name} allow IKEv1 for this tunnel until this gateway speaks IKEv2`,
    forPeer: `Your gateway answers our address ${tunnel.local} with IKEv2 only; ours speaks IKEv1 so far. Please allow IKEv1 for this tunnel.`,
  }
}

function offerOf({ transform }: Extract<Finding, { kind: 'accepts' }>): SaPayload {
  return {
    type: 'SA',
    doi: 1,
    situation: 1,
    proposals: [{ number: 1, protocolId: 1, spi: new Uint8Array(0), transforms: [transform] }],
  }
}
