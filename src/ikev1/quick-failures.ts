import type { TunnelConfig } from '#config/config'
import { NotifyType } from '#iana/isakmp'
import type { Failure } from '#ike/events'
import { formatEspSuite, formatPfs, parsePhase2, weaknesses } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'
import { formatSelectorPair, type SelectorPair } from '#policy/traffic-selector'
import type { SaPayload } from '#wire/v1/payloads'
import { proofRefused } from './identity-failures.ts'
import { pfsInDialect } from './phase2-dialect.ts'
import { type ChildDifference, nearestChild } from './phase2-differences.ts'
import { type ChildWish, describeChildOffer } from './quick-proposals.ts'
import { selectorsRefused } from './selector-failures.ts'
import { stoppedMidway } from './stopped-midway.ts'

/** CW-404, CW-405, CW-406 on the responder, who saw the whole offer. */
export function noChildProposal(
  tunnel: TunnelConfig,
  offer: SaPayload,
  wish: ChildWish,
  vendor: string | undefined,
): Failure {
  const { name } = tunnel
  const ours = wish.suites.map((suite) => `${formatEspSuite(suite)}, ${pfsText(wish)}`).join('; ')
  const theirs = describeChildOffer(offer).join('; ') || 'nothing we can read'
  const differences = nearestChild(offer, wish) ?? []
  const [first, ...others] = differences
  const told = {
    ours: `${ours}, ${wish.mode}${inUdp(wish)}`,
    theirs,
    evidence: 'SA payload of Quick mode message 1, under the keys',
    certainty: 'certain',
    key: 'phase2',
    forPeer: requestText(tunnel, wish, vendor),
  } as const
  if (first !== undefined && others.length === 0) {
    return { ...told, ...onlyOne(tunnel, first, 'offers') }
  }
  const values = differences.map(
    ({ what, ours: here, theirs: there }) => `${what}: ${there} there, ${here} here`,
  )
  const nearest = values.length === 0 ? '' : `. In the nearest two ${listText(differences)} differ`
  return {
    ...told,
    code: 'CW-404',
    summary: `${name} offers phase 2 ${theirs}; we accept ${ours}, ${wish.mode}${inUdp(wish)}${nearest}`,
    evidence: `${told.evidence}${values.length === 0 ? '' : ` (${values.join('; ')})`}`,
    remedy: `${phase2Line(theirs) ?? 'set phase2 to one of theirs here'}, or have ${name} offer one of ours`,
  }
}

/** CW-404: an answer that is truly the peer's and no answer to our question. */
export function childMisanswered(tunnel: TunnelConfig, detail: string): Failure {
  return {
    code: 'CW-404',
    summary: `${tunnel.name} agreed to something we did not ask for: ${detail}`,
    evidence: 'Quick mode message 2, whose hash is right',
    certainty: 'certain',
    key: 'phase2',
    remedy: `compare phase2, PFS and networks with ${tunnel.name}'s administrator`,
  }
}

/** CW-401: more than one part of a network pair that may be narrowed. */
export function pairServesAnother(
  tunnel: TunnelConfig,
  asked: SelectorPair,
  taken: readonly SelectorPair[],
): Failure {
  const theirs = formatSelectorPair(asked)
  const ours = taken.map(formatSelectorPair).join(', ')
  return {
    code: 'CW-401',
    summary: `${tunnel.name} asks for ${theirs} (seen from here), but its network pair already serves ${ours}`,
    ours,
    theirs,
    evidence: 'identities IDci and IDcr of Quick mode message 1',
    certainty: 'certain',
    key: 'networks',
    remedy:
      'with narrow: allow, one part of each pair at a time: write every part as a pair of its own in networks',
  }
}

/** The peer began Quick mode, was answered, and never confirmed. */
export function childUnconfirmed(tunnel: TunnelConfig, pair: SelectorPair | undefined): Failure {
  const ours = pair === undefined ? '' : ` for ${formatSelectorPair(pair)}`
  return {
    code: 'CW-401',
    summary: `${tunnel.name} began Quick mode${ours} and never confirmed our answer`,
    evidence: 'message 2 was repeated until time was up, message 3 never came',
    certainty: 'possible',
    key: 'networks',
    remedy: `see in ${tunnel.name}'s log why it dropped our answer; packets may be lost on the way back`,
    otherCauses: [stoppedMidway(tunnel)],
  }
}

/** A notify in answer to our Quick mode; it came through the IKE SA, so the kind is certain. */
export function childRefused(
  tunnel: TunnelConfig,
  pair: SelectorPair | undefined,
  notifyType: number,
  vendor: string | undefined,
): Failure {
  // Not of phase 2: the responder of Aggressive mode found our last message wanting, and Quick mode was already on its way.
  if (tunnel.ike === 'v1-aggressive' && notifyType === NotifyType.number('AUTHENTICATION-FAILED'))
    return proofRefused(tunnel, 'encrypted notify AUTHENTICATION-FAILED after message 3')
  const name = NotifyType.nameOf(notifyType)
  if (notifyType === NotifyType.number('INVALID-ID-INFORMATION'))
    return selectorsRefused(tunnel, pair, name, vendor)
  const { phase2, mode } = tunnel
  const ours = `${phase2.suites.map(formatEspSuite).join(', ')}, ${pfsText(phase2)}`
  return {
    code: 'CW-404',
    summary: `${tunnel.name} refused phase 2 with ${name}; we offered ${ours}`,
    ours,
    theirs: 'not told by the peer',
    evidence: `encrypted notify ${name} in answer to Quick mode message 1`,
    certainty: 'certain',
    key: 'phase2',
    remedy: `compare algorithms and the PFS group with ${tunnel.name}; or let it begin: as responder we see its whole offer`,
    forPeer: requestText(tunnel, { ...phase2, mode, udp: false }, vendor),
    otherCauses: [
      phase2.pfs === 'none'
        ? `${tunnel.name} requires PFS, which we do not offer (CW-405)`
        : `${tunnel.name} uses no PFS, or another group than ${formatPfs(phase2.pfs)} (CW-405)`,
      'the networks differ: some gateways answer so to that, too (CW-401)',
      mode === 'tunnel' ? 'it wants transport mode (CW-406)' : 'it wants tunnel mode (CW-406)',
    ],
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
    otherCauses: [
      'algorithms or PFS differ (CW-404, CW-405)',
      'the message was too large for the path and its fragments were dropped',
      stoppedMidway(tunnel),
    ],
  }
}

type Only = Pick<Failure, 'code' | 'summary' | 'remedy'> & { readonly key?: string }

/** Where a single attribute differs, that is the sentence. @param does what the peer was seen to do with its own value */
export function onlyOne(
  { name, phase2 }: TunnelConfig,
  { what, ours, theirs, isTheirsUnknown }: ChildDifference,
  does: 'offers' | 'takes',
): Only {
  const [require, accept] = does === 'offers' ? ['require', 'accept'] : ['offer', 'offer']
  switch (what) {
    case 'PFS':
      return {
        code: 'CW-405',
        summary: `${name} ${does} phase 2 with ${theirs}, we ${require} ${ours}; everything else is the same`,
        key: 'phase2.pfs',
        remedy: `set the same on both sides: phase2: ${phase2.suites.map(formatEspSuite)[0]}, ${theirs === 'no PFS' ? 'pfs none' : theirs.replace('PFS', 'pfs')} here, or ${ours} there`,
      }
    case 'mode':
      return {
        code: 'CW-406',
        summary: `${name} wants ${theirs}, we have ${ours}; everything else is the same`,
        key: 'mode',
        remedy: `set mode: ${theirs.includes('transport') ? 'transport' : 'tunnel'} here, or have ${name} use ${ours}: between networks it is tunnel mode`,
      }
    case 'protocol':
      return {
        code: 'CW-406',
        summary: `${name} ${does} ${theirs}, we do ${ours}`,
        remedy: `have ${name} use ESP with both encryption and integrity, without AH and without compression (IPCOMP)`,
      }
    case 'UDP encapsulation':
      return {
        code: 'CW-406',
        summary: `${name} wants ${theirs}, we ${ours}: the two judge differently whether a NAT is in between`,
        key: 'encapsulation',
        remedy:
          'phase 1 is made anew, which looks for NATs again; if it stays, set encapsulation: force here, or have the peer do the same there',
      }
    case 'encryption':
    case 'key length':
    case 'integrity':
    case 'extended sequence numbers':
      return {
        code: 'CW-404',
        summary: `${name} ${does} phase 2 with ${theirs}, we ${accept} ${ours}: only the ${what} ${what.endsWith('s') ? 'differ' : 'differs'}`,
        remedy: isCut(what, theirs)
          ? `have ${name} set ${ours}; where it has sha256_96 (strongSwan), which has no number in IKEv1, that is sha256 with sha256_96 = yes there and quirks: [sha256-96] here`
          : isTheirsUnknown
            ? `have ${name} set ${ours}: what it offers does not exist here`
            : `have ${name} set ${ours}, or write ${theirs} into phase2 here`,
      }
  }
}

/** HMAC-SHA-256 cut to 96 bits has no number in IKEv1: strongSwan offers it as none. */
function isCut(what: ChildDifference['what'], theirs: string): boolean {
  return what === 'integrity' && theirs === 'none'
}

export function requestText(
  { local }: TunnelConfig,
  wish: ChildWish,
  vendor: string | undefined,
): string {
  const sets = wish.suites.map(formatEspSuite).join(' or ')
  const dialect = pfsInDialect(vendor, wish.pfs)
  const how = dialect === undefined ? '' : ` On ${vendor}: ${dialect}.`
  return `For the tunnel to our gateway ${local} please set phase 2 (IPsec) to ESP in ${wish.mode} mode with ${sets} and ${pfsText(wish)}.${how}`
}

export function pfsText({ pfs }: Pick<ChildWish, 'pfs'>): string {
  return pfs === 'none' ? 'no PFS' : `PFS ${formatPfs(pfs)}`
}

/** `encryption and PFS`. */
export function listText(differences: readonly ChildDifference[]): string {
  const words = differences.map(({ what }) => what)
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`
}

/** As `describeChildOffer` says it. */
export function inUdp({ udp }: ChildWish): string {
  return udp === false ? '' : ' in UDP'
}

/**
 * What to write here for the only offer there is, where the file accepts that and it says all of it.
 * @param offer as `aes128-sha256, PFS group14, tunnel`
 */
export function phase2Line(offer: string): string | undefined {
  const [, suite, group] =
    /^([^\s,;]+), (?:PFS (\w+)|no PFS), tunnel(?: in UDP)?$/.exec(offer) ?? []
  if (suite === undefined) return undefined
  const value = `${suite}, pfs ${group ?? 'none'}`
  const parsed = parsePhase2(value)
  if (isTextProblem(parsed)) return undefined
  const weak = weaknesses(parsed.suite, parsed.pfs).map(({ algorithm }) => algorithm)
  return `write here phase2: ${value}${weak.length === 0 ? '' : ` (weak: ${weak.join(', ')})`}`
}
