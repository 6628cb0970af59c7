import {
  encryption,
  encryptionByIkev1Esp,
  integrity,
  integrityByIkev1,
  keyExchangeById,
} from '#crypto/registry'
import {
  AuthenticationAlgorithm,
  EncapsulationModeNumber,
  ESN_64_BIT,
  EspTransform,
  SaAttribute,
} from '#iana/ipsec-doi'
import { ProtocolId } from '#iana/isakmp'
import { formatEncryption, formatIntegrity } from '#policy/algorithm-names'
import { type EspSuite, formatPfs } from '#policy/proposal'
import type { ProposalPayload, SaPayload, Transform } from '#wire/v1/payloads'
import { findNumber } from './attributes.ts'
import type { ChildWish } from './quick-proposals.ts'

/** One attribute in which an offer and what we want are not the same, in the words of the configuration file. */
export type ChildDifference = {
  readonly what:
    | 'protocol'
    | 'encryption'
    | 'key length'
    | 'integrity'
    | 'extended sequence numbers'
    | 'PFS'
    | 'mode'
    | 'UDP encapsulation'
  readonly ours: string
  readonly theirs: string
  /** What the peer has cannot be written into the configuration here. */
  readonly isTheirsUnknown?: boolean
}

/** The transform offered and the suite of ours that differ in the fewest attributes; of equals, the first of each list. */
export function nearestChild(
  { proposals }: SaPayload,
  wish: ChildWish,
): readonly ChildDifference[] | undefined {
  let nearest: readonly ChildDifference[] | undefined
  const offers = proposals.flatMap((proposal) =>
    proposal.transforms.map((transform) => ({ proposal, transform })),
  )
  for (const { proposal, transform } of offers.slice(0, MOST_COMPARED)) {
    const protocol = protocolDifference(proposals, proposal)
    for (const suite of wish.suites) {
      const differences = protocol ?? differencesOf(transform, suite, wish)
      if (nearest === undefined || differences.length < nearest.length) nearest = differences
    }
  }
  return nearest
}

/** A hostile offer may have hundreds. */
const MOST_COMPARED = 64

function protocolDifference(
  all: readonly ProposalPayload[],
  proposal: ProposalPayload,
): readonly ChildDifference[] | undefined {
  const beside = all.filter((other) => other !== proposal && other.number === proposal.number)
  const protocols = [proposal, ...beside].map(({ protocolId }) => ProtocolId.nameOf(protocolId))
  if (protocols.length === 1 && protocols[0] === 'ESP') return undefined
  const theirs = [...new Set(protocols)].join(' with ')
  return [{ what: 'protocol', ours: 'ESP alone', theirs }]
}

function differencesOf(
  { id, attributes }: Transform,
  suite: EspSuite,
  wish: ChildWish,
): readonly ChildDifference[] {
  const read = (name: Parameters<typeof SaAttribute.number>[0]) =>
    findNumber(attributes, SaAttribute.number(name))
  const esn = read('Extended Sequence Number') === ESN_64_BIT
  return [
    cipherDifference(id, read('Key Length'), suite),
    integrityDifference(read('Authentication Algorithm'), suite),
    esn === suite.esn
      ? undefined
      : ({
          what: 'extended sequence numbers',
          ours: suite.esn ? 'esn' : 'no esn',
          theirs: esn ? 'esn' : 'no esn',
        } as const),
    pfsDifference(read('Group Description'), wish),
    modeDifference(read('Encapsulation Mode'), wish),
  ].filter((difference) => difference !== undefined)
}

function cipherDifference(
  id: number,
  bits: number | undefined,
  suite: EspSuite,
): ChildDifference | undefined {
  const ours = formatEncryption(suite.encryption)
  const known = encryptionByIkev1Esp(id, bits)
  if (known?.name === suite.encryption) return undefined
  const sameCipher = encryption(suite.encryption).ikev1Esp?.id === id
  const name = EspTransform.nameOf(id).replace('ESP_', '').toLowerCase()
  const theirs =
    known === undefined ? `${name}${lengthWords(name, bits)}` : formatEncryption(known.name)
  const what = sameCipher ? 'key length' : 'encryption'
  return { what, ours, theirs, isTheirsUnknown: known === undefined }
}

/** RFC 2410 §2: the NULL algorithm has no key. */
function lengthWords(name: string, bits: number | undefined): string {
  if (bits !== undefined) return ` with ${bits} bits`
  return name === 'null' ? '' : ' without a key length'
}

function integrityDifference(id: number | undefined, suite: EspSuite): ChildDifference | undefined {
  const wanted = suite.integrity === 'none' ? 0 : integrity(suite.integrity).ikev1
  if ((id ?? 0) === wanted) return undefined
  const ours = suite.integrity === 'none' ? 'none (AEAD)' : formatIntegrity(suite.integrity)
  const known = id === undefined ? undefined : integrityByIkev1(id)
  const named = id === undefined || id === 0 ? 'none' : AuthenticationAlgorithm.nameOf(id)
  return {
    what: 'integrity',
    ours,
    theirs: known === undefined ? named : formatIntegrity(known.name),
    isTheirsUnknown: known === undefined,
  }
}

function pfsDifference(group: number | undefined, { pfs }: ChildWish): ChildDifference | undefined {
  const known = group === undefined ? 'none' : keyExchangeById(group)?.name
  if (known === pfs) return undefined
  const theirs = known === undefined ? `group${group}` : pfsText(known)
  return { what: 'PFS', ours: pfsText(pfs), theirs }
}

function pfsText(pfs: ChildWish['pfs']): string {
  return pfs === 'none' ? 'no PFS' : `PFS ${formatPfs(pfs)}`
}

function modeDifference(
  number: number | undefined,
  { mode, udp }: ChildWish,
): ChildDifference | undefined {
  const theirs =
    number === undefined ? 'tunnel' : EncapsulationModeNumber.nameOf(number).toLowerCase()
  const theirMode = theirs.includes('transport') ? 'transport' : 'tunnel'
  const known = /^(?:udp-encapsulated-)?(?:tunnel|transport)(?:-draft)?$/.test(theirs)
  const inUdp = theirs.startsWith('udp-')
  if (!known || theirMode !== mode)
    return { what: 'mode', ours: `${mode} mode`, theirs: `${known ? theirMode : theirs} mode` }
  if (inUdp === (udp !== false)) return undefined
  return {
    what: 'UDP encapsulation',
    ours: udp === false ? 'native ESP' : 'ESP in UDP',
    theirs: inUdp ? 'ESP in UDP' : 'native ESP',
  }
}
