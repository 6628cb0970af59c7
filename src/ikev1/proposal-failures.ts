import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { formatIkeSuite, parseIkeSuite, weaknesses } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'
import type { SaPayload } from '#wire/v1/payloads'
import { phase1InDialect } from './peer-dialect.ts'
import { type Difference, differing, nearestPair } from './phase1-differences.ts'
import { describePhase1Offer } from './phase1-proposals.ts'

/** CW-201, CW-202, CW-203 on the responder, who saw the whole offer. */
export function noPhase1Proposal(
  tunnel: TunnelConfig,
  offer: SaPayload,
  vendor: string | undefined,
): Failure & Values {
  return phase1Unsuited(tunnel, offer, 'offers', vendor)
}

type Values = { readonly ours: string; readonly theirs: string }

/** What the peer offers, or takes, has nothing in common with what this side has. */
export function phase1Unsuited(
  tunnel: TunnelConfig,
  offer: SaPayload,
  does: 'offers' | 'takes',
  vendor?: string,
): Failure & Values {
  const { suites } = tunnel.phase1
  const ours = suites.map(formatIkeSuite).join(', ')
  const theirs = listed(describePhase1Offer(offer))
  const differences = nearestPair(offer, suites) ?? []
  const [only, ...others] = differences
  const told = {
    ours,
    theirs,
    evidence: 'SA payload of message 1',
    certainty: 'certain',
    key: 'phase1',
    forPeer: requestText(tunnel, vendor),
  } as const
  if (only?.what === 'DH group' && others.length === 0)
    return { ...told, ...groupOnly(tunnel, only, offer) }
  if (only?.what === 'key length' && others.length === 0)
    return { ...told, ...keyLengthOnly(tunnel, only, does) }
  const which = differences.length === 0 ? '' : `; ${differenceText(differences)}`
  return {
    ...told,
    code: 'CW-201',
    summary: `${tunnel.name} ${does} phase 1 ${theirs}; we ${does === 'offers' ? 'accept' : 'offer'} ${ours}${which}`,
    remedy: `have ${tunnel.name} ${does === 'offers' ? 'offer' : 'accept'} one of ours; or write here ${lineFor(offer)}`,
  }
}

type Special = Pick<Failure, 'code' | 'summary' | 'remedy'>

function groupOnly(
  { name }: TunnelConfig,
  { ours, theirs }: Difference,
  offer: SaPayload,
): Special {
  return {
    code: 'CW-202',
    summary: `${name} has Diffie-Hellman ${theirs}, we require ${ours}; encryption and hash are the same`,
    remedy: `have ${name} set ${ours}; or write here ${lineFor(offer)}`,
  }
}

function keyLengthOnly(
  { name }: TunnelConfig,
  { ours, theirs }: Difference,
  does: 'offers' | 'takes',
): Special {
  const missing = theirs.includes('without')
  return {
    code: 'CW-203',
    summary: missing
      ? `${name} ${does} ${theirs}, we accept ${ours}; hash and DH group are the same`
      : `${name} ${does} ${theirs}, we accept ${ours}: only the length of the key differs`,
    remedy: missing
      ? `have ${name} send a key length (RFC 3602 §5.3 requires one): set the cipher to ${ours} there, not to plain AES`
      : `have ${name} set ${ours}, or write ${theirs} into phase1 here`,
  }
}

/** An offer may have hundreds of sets. */
function listed(sets: readonly string[]): string {
  if (sets.length === 0) return 'nothing we can read'
  const rest = sets.length - MOST_LISTED
  return `${sets.slice(0, MOST_LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

const MOST_LISTED = 6

/** `phase1: aes256-sha1-group2`, of the peer's sets the first with the fewest weak algorithms, and what is to be said against it. */
function lineFor(offer: SaPayload): string {
  const sets = describePhase1Offer(offer).flatMap((text) => {
    const suite = parseIkeSuite(text)
    return isTextProblem(suite) ? [] : [{ text, weak: weaknesses(suite) }]
  })
  const [best] = [...sets].sort((a, b) => a.weak.length - b.weak.length)
  if (best === undefined) return 'a set that it has'
  const words = best.weak.map(({ algorithm }) => algorithm).join(', ')
  return `phase1: ${best.text}${words === '' ? '' : ` (weak: ${words})`}`
}

/** `nearest is a set in which only hash and DH group differ: sha1, not sha256; group2, not group14`. */
function differenceText(differences: readonly Difference[]): string {
  const values = differences.map(({ ours, theirs }) => `${theirs} there, ${ours} here`)
  return `the nearest two differ in ${differing(differences)}: ${values.join('; ')}`
}

function requestText({ phase1, local }: TunnelConfig, vendor: string | undefined): string {
  const [first] = phase1.suites
  const sets = phase1.suites.map(formatIkeSuite).join(' or ')
  const dialect = first === undefined ? undefined : phase1InDialect(vendor, first)
  const how = dialect === undefined ? '' : ` On ${vendor}: ${dialect}.`
  return `Your gateway and ours (${local}) have no phase 1 proposal in common. Please set encryption, hash and Diffie-Hellman group to ${sets}.${how}`
}
