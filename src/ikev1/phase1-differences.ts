import { encryptionByIkev1, hashByIkev1, keyExchange, keyExchangeById } from '#crypto/registry'
import { EncryptionAlgorithm, HashAlgorithm, Phase1Attribute } from '#iana/ikev1'
import { formatEncryption, formatHash, formatKeyExchange } from '#policy/algorithm-names'
import type { IkeSuite } from '#policy/proposal'
import type { SaPayload, Transform } from '#wire/v1/payloads'
import { findNumber } from './attributes.ts'

/** One attribute in which an offer and a suite of ours are not the same, in the words of the configuration file. */
export type Difference = {
  readonly what: 'encryption' | 'key length' | 'hash' | 'DH group'
  readonly ours: string
  readonly theirs: string
}

/** The transform offered and the suite of ours that differ in the fewest attributes; of equals, the first of each list. */
export function nearestPair(
  { proposals }: SaPayload,
  suites: readonly IkeSuite[],
): readonly Difference[] | undefined {
  let nearest: readonly Difference[] | undefined
  const transforms = proposals.flatMap((proposal) => proposal.transforms)
  for (const transform of transforms.slice(0, MOST_COMPARED)) {
    for (const suite of suites) {
      const differences = differencesOf(transform, suite)
      if (nearest === undefined || differences.length < nearest.length) nearest = differences
    }
  }
  return nearest
}

/** `hash and DH group`. */
export function differing(differences: readonly Difference[]): string {
  const words = differences.map(({ what }) => what)
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`
}

/** A hostile offer may have hundreds. */
const MOST_COMPARED = 64

function differencesOf({ attributes }: Transform, suite: IkeSuite): readonly Difference[] {
  const read = (name: Parameters<typeof Phase1Attribute.number>[0]) =>
    findNumber(attributes, Phase1Attribute.number(name))
  const differences: Difference[] = []
  const cipher = cipherDifference(read('Encryption Algorithm'), read('Key Length'), suite)
  if (cipher !== undefined) differences.push(cipher)
  const [hash, group] = [read('Hash Algorithm'), read('Group Description')]
  if (hash === undefined || hashByIkev1(hash)?.name !== suite.hash) {
    differences.push({ what: 'hash', ours: formatHash(suite.hash), theirs: hashText(hash) })
  }
  if (group !== keyExchange(suite.keyExchange).id) {
    const ours = formatKeyExchange(suite.keyExchange)
    differences.push({ what: 'DH group', ours, theirs: groupText(group) })
  }
  return differences
}

function cipherDifference(
  id: number | undefined,
  bits: number | undefined,
  suite: IkeSuite,
): Difference | undefined {
  const ours = formatEncryption(suite.encryption)
  const known = id === undefined ? undefined : encryptionByIkev1(id, bits)
  if (known?.name === suite.encryption) return undefined
  if (id !== AES_CBC || !suite.encryption.startsWith('aes')) {
    const theirs = known === undefined ? numbered(id, EncryptionAlgorithm) : undefined
    return {
      what: 'encryption',
      ours,
      theirs: theirs ?? formatEncryption(known?.name ?? suite.encryption),
    }
  }
  const length = bits === undefined ? 'aes without a key length' : `aes with ${bits} bits`
  return {
    what: 'key length',
    ours,
    theirs: known === undefined ? length : formatEncryption(known.name),
  }
}

function hashText(id: number | undefined): string {
  const known = id === undefined ? undefined : hashByIkev1(id)
  return known === undefined ? numbered(id, HashAlgorithm) : formatHash(known.name)
}

function groupText(id: number | undefined): string {
  const known = id === undefined ? undefined : keyExchangeById(id)
  if (known !== undefined) return formatKeyExchange(known.name)
  return id === undefined ? 'none' : `group${id}`
}

function numbered(id: number | undefined, names: { nameOf(number: number): string }): string {
  return id === undefined ? 'none' : names.nameOf(id)
}

const AES_CBC = EncryptionAlgorithm.number('AES-CBC')
