import { ip } from '#bytes/ip'
import type { EspSuite, Lifetime, Pfs } from '#policy/proposal'
import {
  equalSelector,
  equalSelectorPair,
  type SelectorPair,
  selectorFromPrefix,
  type TrafficSelector,
} from '#policy/traffic-selector'
import type { SaPayload } from '#wire/v1/payloads'
import { shorter } from './attributes.ts'
import type { ChildWish } from './quick-proposals.ts'

/** How the peer took Quick mode itself. */
export type ChildTreatment = 'refused' | 'refused the networks' | 'left unanswered'

/** One Quick mode that is asked beside the one that failed. Its offers are of one PFS group, as RFC 2409 §5.5 has it. */
export type ChildQuestion = {
  readonly about: 'algorithms' | 'PFS' | 'mode' | 'networks'
  readonly wishes: readonly [ChildWish, ...ChildWish[]]
  readonly selectors: SelectorPair
  /** What is asked in place of all that follows, where the peer has the networks and refuses the proposal alone. */
  readonly ofProposal?: readonly ChildQuestion[]
}

/** What is worth asking, likeliest first where the peer's answer leaves a choice. */
export function childQuestions(
  treatment: ChildTreatment,
  wish: ChildWish,
  selectors: SelectorPair,
): readonly ChildQuestion[] {
  const asked = { ...wish, lifetime: shorter(wish.lifetime, LOOK_LIFETIME) }
  const { suites } = asked
  const wide = { ...asked, suites: widened(suites) }
  const ofMode = { about: 'mode', selectors, wishes: [{ ...wide, mode: otherMode(wish) }] } as const
  const any = anyOf(selectors)
  const groups = ASKED_PFS.filter((pfs) => pfs !== wish.pfs)
  const ofProposal = groups.map(
    (pfs) => ({ about: 'networks', selectors: any, wishes: [{ ...wide, pfs }] }) as const,
  )
  const ofNetworks = equalSelectorPair(any, selectors)
    ? []
    : [{ about: 'networks', selectors: any, wishes: [wide], ofProposal } as const]
  // Some check networks and mode before anything else, and refuse both in the same words.
  if (treatment === 'refused the networks') {
    const likely = likelyNetworks(selectors).map(
      (pair) => ({ about: 'networks', selectors: pair, wishes: [wide] }) as const,
    )
    const ofOtherFamily = {
      about: 'networks',
      selectors: anyOtherwise(any),
      wishes: [wide],
    } as const
    return [...ofNetworks, ofMode, ...likely, ofOtherFamily]
  }
  const inUdp = { ...asked, udp: wish.udp === false ? 'rfc3947' : false } as const
  const longNumbers = { ...asked, suites: suites.map((suite) => ({ ...suite, esn: true })) }
  const ofGroups = groups.map(
    (pfs) => ({ about: 'PFS', selectors, wishes: [{ ...wide, pfs }] }) as const,
  )
  // There is no time to ask one that may never answer for each of them alone.
  if (treatment === 'left unanswered') {
    const wishes = [wide, longNumbers, inUdp] as const
    return [{ about: 'algorithms', selectors, wishes }, ...ofGroups, ofMode, ...ofNetworks]
  }
  return [
    { about: 'algorithms', selectors, wishes: [wide] },
    ...ofGroups,
    ofMode,
    // Some refuse a whole offer for an attribute they do not have or do not expect (libreswan: "bad proposal syntax").
    { about: 'algorithms', selectors, wishes: [longNumbers] },
    { about: 'algorithms', selectors, wishes: [inUdp] },
  ]
}

/** What people most often have in place of a network pair: its sides changed over, or one of them with another usual length. */
function likelyNetworks({ local, remote }: SelectorPair): readonly SelectorPair[] {
  return [
    ...(equalSelector(local, remote) ? [] : [{ local: remote, remote: local }]),
    ...otherLengths(remote).map((other) => ({ local, remote: other })),
    ...otherLengths(local).map((other) => ({ local: other, remote })),
  ]
}

function otherLengths(network: TrafficSelector): readonly TrafficSelector[] {
  const { family, start, end } = network
  const isHost = start === end
  const isAll = equalSelector(network, everything(network))
  if (family !== 4 || isHost || isAll) return []
  return USUAL_LENGTHS.map((bits) => selectorFromPrefix(start, bits)).filter(
    (other) => !equalSelector(other, network),
  )
}

/** Several offers under the SPI of the first. */
export function joinedOffer(offers: readonly [SaPayload, ...SaPayload[]]): SaPayload {
  const [first] = offers
  const [proposal] = first.proposals
  if (proposal === undefined) return first
  const all = offers.flatMap(({ proposals }) => proposals.flatMap(({ transforms }) => transforms))
  const transforms = all.map((one, i) => ({ ...one, number: i + 1 }))
  return { ...first, proposals: [{ ...proposal, transforms }] }
}

/** Short, so that no peer can find it too long. */
export const LOOK_LIFETIME: Lifetime = { seconds: 3_600 }

function otherMode({ mode }: ChildWish): ChildWish['mode'] {
  return mode === 'tunnel' ? 'transport' : 'tunnel'
}

/** Our own suites first: where one of them is taken, it is not about algorithms. */
function widened(own: readonly EspSuite[]): readonly EspSuite[] {
  const otherwise = own.map((suite) => ({ ...suite, esn: false }))
  const others = [...otherwise, ...USUAL].filter(
    (suite) => !own.some((one) => sameSuite(one, suite)),
  )
  return [...own, ...others].slice(0, MOST_SUITES)
}

function sameSuite(a: EspSuite, b: EspSuite): boolean {
  return a.encryption === b.encryption && a.integrity === b.integrity && a.esn === b.esn
}

export function anyOf({ local, remote }: SelectorPair): SelectorPair {
  return { local: everything(local), remote: everything(remote) }
}

function everything({ family }: Pick<TrafficSelector, 'family'>): TrafficSelector {
  return selectorFromPrefix(ip(family === 4 ? '0.0.0.0' : '::'), 0)
}

/** Everything of IPv6 for a pair of IPv4, and the other way round. */
function anyOtherwise({ local }: SelectorPair): SelectorPair {
  const all = everything({ family: local.family === 4 ? 6 : 4 })
  return { local: all, remote: all }
}

const USUAL: readonly EspSuite[] = [
  { encryption: 'aes256-gcm16', integrity: 'none', esn: false },
  { encryption: 'aes128-gcm16', integrity: 'none', esn: false },
  ...(['aes256-cbc', 'aes128-cbc'] as const).flatMap((encryption) =>
    (['hmac-sha256-128', 'hmac-sha1-96', 'hmac-sha512-256', 'hmac-sha384-192'] as const).map(
      (integrity) => ({ encryption, integrity, esn: false }),
    ),
  ),
  { encryption: 'aes192-cbc', integrity: 'hmac-sha256-128', esn: false },
  { encryption: 'aes192-cbc', integrity: 'hmac-sha1-96', esn: false },
  { encryption: '3des-cbc', integrity: 'hmac-sha1-96', esn: false },
  { encryption: '3des-cbc', integrity: 'hmac-md5-96', esn: false },
  { encryption: 'aes256-cbc', integrity: 'hmac-md5-96', esn: false },
  { encryption: 'aes128-cbc', integrity: 'hmac-md5-96', esn: false },
  ...(['aes256-gcm12', 'aes256-gcm8', 'aes128-gcm12', 'aes128-gcm8', 'aes192-gcm16'] as const).map(
    (encryption) => ({ encryption, integrity: 'none', esn: false }) as const,
  ),
  { encryption: 'aes256-ctr', integrity: 'hmac-sha256-128', esn: false },
]
const USUAL_LENGTHS = [24, 16, 8]
const ASKED_PFS: readonly Pfs[] = ['none', 'modp2048', 'ecp256', 'modp1024', 'modp1536', 'ecp384']
/** With the largest public value one message still fits a datagram. */
const MOST_SUITES = 24
