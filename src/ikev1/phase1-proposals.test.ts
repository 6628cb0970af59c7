import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Phase1Attribute } from '#iana/ikev1'
import { IsakmpTransform } from '#iana/ipsec-doi'
import { Doi, ProtocolId, Situation } from '#iana/isakmp'
import type { SaPayload } from '#wire/v1/payloads'
import { attribute } from './attributes.ts'
import { describePhase1Offer } from './phase1-proposals.ts'

test('an offer of ciphers, hashes and groups that are not spoken here is told in words all the same', () => {
  const offer = offerOf(
    { 'Encryption Algorithm': 8, 'Key Length': 256, 'Hash Algorithm': 4, 'Group Description': 14 },
    { 'Encryption Algorithm': 1, 'Hash Algorithm': 1, 'Group Description': 1 },
    { 'Encryption Algorithm': 7, 'Key Length': 256, 'Hash Algorithm': 3, 'Group Description': 22 },
  )
  assert.deepEqual(describePhase1Offer(offer), [
    'camellia256-sha256-group14',
    'des-md5-group1',
    'aes256-tiger-group22',
  ])
})

type Attributes = Partial<Record<Parameters<typeof Phase1Attribute.number>[0], number>>

function offerOf(...transforms: readonly Attributes[]): SaPayload {
  return {
    type: 'SA',
    doi: Doi.number('IPSEC'),
    situation: Situation.number('SIT_IDENTITY_ONLY'),
    proposals: [
      {
        number: 1,
        protocolId: ProtocolId.number('ISAKMP'),
        spi: new Uint8Array(0),
        transforms: transforms.map((attributes, i) => ({
          number: i + 1,
          id: IsakmpTransform.number('KEY_IKE'),
          attributes: Object.entries(attributes).map(([name, value]) =>
            attribute(Phase1Attribute.number(name as keyof Attributes), value),
          ),
        })),
      },
    ],
  }
}
