import { Doi, Situation } from '#iana/isakmp'
import type { ProposalPayload, SaPayload, Transform } from '#wire/v1/payloads'
import { sameTransform } from './attributes.ts'

/** One proposal as a payload. All we negotiate is of the IPsec DOI, and known by identities alone (RFC 2407 §4.2.1). */
export function saPayload(proposal: ProposalPayload): SaPayload {
  return {
    type: 'SA',
    doi: Doi.number('IPSEC'),
    situation: Situation.number('SIT_IDENTITY_ONLY'),
    proposals: [proposal],
  }
}

/**
 * What an answer chose of our offer. @param except classes of attributes that need not be as they were offered
 * @returns undefined unless it is one transform, and one of those offered (RFC 2409 §5)
 */
export function chosenOf(
  answer: SaPayload,
  offer: SaPayload,
  except: readonly number[],
): { readonly proposal: ProposalPayload; readonly transform: Transform } | undefined {
  const [proposal, anotherProposal] = answer.proposals
  const [transform, anotherTransform] = proposal?.transforms ?? []
  if (proposal === undefined || transform === undefined) return undefined
  if (anotherProposal !== undefined || anotherTransform !== undefined) return undefined
  const offered = offer.proposals[0]?.transforms ?? []
  return offered.some((one) => sameTransform(one, transform, except))
    ? { proposal, transform }
    : undefined
}
