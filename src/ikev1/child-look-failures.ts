import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { formatDuration } from '#policy/lifetime'
import { formatEspSuite } from '#policy/proposal'
import { equalSelectorPair, formatSelectorPair } from '#policy/traffic-selector'
import type { SaPayload } from '#wire/v1/payloads'
import type { ChildFinding } from './child-look.ts'
import { anyOf, type ChildTreatment, LOOK_LIFETIME } from './child-questions.ts'
import { nearestChild } from './phase2-differences.ts'
import { inUdp, listText, onlyOne, pfsText, phase2Line, requestText } from './quick-failures.ts'
import { type ChildWish, describeChildOffer } from './quick-proposals.ts'
import { noSuchSelectors } from './selector-failures.ts'
import type { ChildRequest } from './transitions/quick-mode.ts'

/** What a second look makes of a Quick mode that was refused or ignored; `plain` where it makes nothing clearer. */
export function lookedAtChild(
  tunnel: TunnelConfig,
  request: ChildRequest,
  finding: ChildFinding,
  treatment: ChildTreatment,
  plain: Failure,
  vendor: string | undefined,
): Failure {
  if (finding.kind === 'takes none') {
    if (finding.refused === 0 || treatment === 'left unanswered') return plain
    return treatment === 'refused' ? takesNone(finding, plain) : takesNoNetworks(finding, plain)
  }
  return finding.question.about === 'networks'
    ? otherNetworks(tunnel, request, finding, treatment, plain, vendor)
    : otherParameters(tunnel, request, finding, treatment, plain, vendor)
}

type Taken = Extract<ChildFinding, { kind: 'takes' }>

/** CW-401, CW-402: asked for everything, the peer answered with what it has, or took it. */
function otherNetworks(
  tunnel: TunnelConfig,
  { selectors, wish }: ChildRequest,
  { selectors: theirs, question, choice }: Taken,
  treatment: ChildTreatment,
  plain: Failure,
  vendor: string | undefined,
): Failure {
  // Of several pairs it names only the first it has, and that may be one we have, too.
  if (tunnel.networks.some((pair) => equalSelectorPair(pair, theirs))) return plain
  const all = equalSelectorPair(theirs, question.selectors)
  const asked = equalSelectorPair(question.selectors, anyOf(question.selectors))
    ? 'everything'
    : formatSelectorPair(question.selectors)
  const failure = noSuchSelectors({ ...tunnel, networks: [selectors] }, theirs, vendor, 'has')
  const isOurs = nearestChild(choice, wish)?.length === 0
  return {
    ...failure,
    ...(isOurs ? {} : proposalToo(tunnel, wish, choice, failure, vendor)),
    key: plain.key ?? 'networks',
    evidence: `${howTaken(treatment)} ${formatSelectorPair(selectors)}; asked for ${asked} beside it, ${tunnel.name} ${all ? 'agreed' : 'agreed to no more than this'}, under the keys`,
    certainty: treatment === 'left unanswered' ? 'very likely' : 'certain',
  }
}

/** Two things are wrong at once: only the first would show, and the second after that is mended. */
function proposalToo(
  tunnel: TunnelConfig,
  wish: ChildWish,
  choice: SaPayload,
  { remedy, forPeer }: Failure,
  vendor: string | undefined,
): Pick<Failure, 'remedy' | 'forPeer'> {
  const theirs = describeChildOffer(choice).join('; ')
  const also = `${remedy}. Then phase 2, too: for its network it chose ${theirs}; we offer ${offeredText(wish)}`
  const request = requestText(tunnel, wish, vendor)
  return { remedy: also, forPeer: forPeer === undefined ? request : `${forPeer} ${request}` }
}

function offeredText(wish: ChildWish): string {
  const sets = wish.suites.map((suite) => `${formatEspSuite(suite)}, ${pfsText(wish)}`).join('; ')
  return `${sets}, ${wish.mode}${inUdp(wish)}`
}

/** CW-404, CW-405, CW-406: with other parameters the peer agrees. */
function otherParameters(
  tunnel: TunnelConfig,
  { wish }: ChildRequest,
  { choice }: Taken,
  treatment: ChildTreatment,
  plain: Failure,
  vendor: string | undefined,
): Failure {
  const { name } = tunnel
  const differences = nearestChild(choice, wish) ?? []
  const [first, ...others] = differences
  if (first === undefined) return lifetimeRefused(tunnel, treatment, plain)
  const theirs = describeChildOffer(choice).join('; ')
  const ours = offeredText(wish)
  const told = {
    ours,
    theirs,
    evidence: `${howTaken(treatment)} our offer; asked with others beside it, ${name} agreed to this one, under the keys; it was taken back at once`,
    certainty: treatment === 'left unanswered' ? 'very likely' : 'certain',
    key: 'phase2',
    forPeer: requestText(tunnel, wish, vendor),
  } as const
  if (others.length === 0) return { ...told, ...onlyOne(tunnel, first, 'takes') }
  return {
    ...told,
    code: 'CW-404',
    summary: `${name} takes phase 2 ${theirs}; we offer ${ours}. In the nearest two ${listText(differences)} differ`,
    remedy: `${phase2Line(theirs) ?? 'set phase2 to what it takes here'}, or have ${name} accept what we offer`,
  }
}

/** CW-404: the same set is taken for less time. */
function lifetimeRefused(
  { name, phase2 }: TunnelConfig,
  treatment: ChildTreatment,
  plain: Failure,
): Failure {
  const { seconds, kilobytes } = phase2.lifetime
  if (treatment !== 'refused') return plain
  if (seconds <= LOOK_LIFETIME.seconds && kilobytes === undefined) return plain
  const volume =
    kilobytes === undefined ? '' : ` and a volume of ${kilobytes.toLocaleString('en')} KB`
  const ours = `${formatDuration(seconds)}${volume}`
  const tried = `${formatDuration(Math.min(seconds, LOOK_LIFETIME.seconds))} and no volume`
  return {
    ...plain,
    summary: `${name} refuses our phase 2 lifetime of ${ours}: with ${tried} it takes the same set`,
    ours,
    theirs: `takes ${tried}; its own limit is not told`,
    evidence: `the same set was refused with ${ours} and accepted with ${tried}, under the keys`,
    key: 'phase2.lifetime',
    remedy: `set phase2.lifetime, and phase2.volume, to what ${name} has; ${tried} is accepted`,
    otherCauses: [],
  }
}

/** It is not about what was asked: the networks are left, and what nobody asks for. */
function takesNone(
  { refused }: Extract<ChildFinding, { kind: 'takes none' }>,
  plain: Failure,
): Failure {
  return {
    ...plain,
    evidence: `${plain.evidence}; ${refused} more beside it, with all usual ciphers, PFS groups and the other mode, were refused as well`,
    otherCauses: [
      'the networks differ: some gateways answer so to that, too (CW-401)',
      'it wants something that few have: another PFS group, AH, compression, or a lifetime of its own',
    ],
  }
}

/** CW-401: nor is it about everything, or about the mode. */
function takesNoNetworks(
  { unanswered, hasNetworks }: Extract<ChildFinding, { kind: 'takes none' }>,
  plain: Failure,
): Failure {
  if (hasNetworks) {
    const { evidence, remedy } = plain
    return {
      ...plain,
      evidence: `${evidence}; asked for everything beside it, it refused no networks, but all usual ciphers and PFS groups`,
      remedy: `${remedy}. Then phase 2, too (CW-404): it takes nothing usual`,
    }
  }
  if (unanswered > 0) return plain
  const left = plain.otherCauses?.filter((cause) => !cause.includes('CW-402')) ?? []
  return {
    ...plain,
    evidence: `${plain.evidence}; asked beside it for everything, in IPv4 and in IPv6, for these the other way round, with other usual lengths (/8, /16, /24) and in the other mode, it refused as well`,
    otherCauses: [
      'it has another network, one of an unusual length, or for one protocol or port alone: IKEv1 wants the same at both ends',
      ...left,
    ],
  }
}

function howTaken(treatment: ChildTreatment): string {
  return treatment === 'left unanswered' ? 'no answer to' : 'an encrypted notify refused'
}
