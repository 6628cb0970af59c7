import { fromHex } from '#bytes/hex'
import { ip } from '#bytes/ip'
import type { TimedEvent } from '#diagnosis/ladder'
import type { Event, IkeSaFacts, MessageEvent } from '#ike/events'
import type { IdPayload, Payload, SaPayload, Transform } from '#wire/v1/payloads'

/*
 * Events of negotiations between 203.0.113.10 (us) and 198.51.100.7, with the payloads of RFC 2409 §5.4 and §5.5. Hashes, nonces and
 * public values are fillers.
 */

const local = { address: ip('203.0.113.10'), port: 500 }
const remote = { address: ip('198.51.100.7'), port: 500 }

const psk = (number: number, hash: number, group: number): Transform => ({
  number,
  id: 1,
  attributes: [
    { form: 'short', type: 1, value: 7 }, // AES-CBC
    { form: 'short', type: 14, value: 256 },
    { form: 'short', type: 2, value: hash },
    { form: 'short', type: 3, value: 1 }, // pre-shared key
    { form: 'short', type: 4, value: group },
    { form: 'short', type: 11, value: 1 }, // seconds
    { form: 'short', type: 12, value: 28_800 },
  ],
})

const phase1Sa = (...transforms: readonly Transform[]): SaPayload => ({
  type: 'SA',
  doi: 1,
  situation: 1,
  proposals: [{ number: 1, protocolId: 1, spi: new Uint8Array(0), transforms }],
})

const sha256Group14: Transform = psk(1, 4, 14)
const sha1Group2: Transform = psk(2, 2, 2)

export const quickSa: SaPayload = {
  type: 'SA',
  doi: 1,
  situation: 1,
  proposals: [
    {
      number: 1,
      protocolId: 3,
      spi: fromHex('c1f0a2b3'),
      transforms: [
        {
          number: 1,
          id: 20, // AES-GCM, ICV of 16 octets
          attributes: [
            { form: 'short', type: 6, value: 256 },
            { form: 'short', type: 3, value: 14 }, // group
            { form: 'short', type: 4, value: 1 }, // tunnel
            { form: 'short', type: 1, value: 1 },
            { form: 'short', type: 2, value: 3_600 },
          ],
        },
      ],
    },
  ],
}

const filler = new Uint8Array(20)
const strongSwan: Payload = { type: 'VID', data: fromHex('882fe56d6fd20dbc2251613b2ebe5beb') }
const keyExchange: readonly Payload[] = [
  { type: 'KE', data: new Uint8Array(256) },
  { type: 'NONCE', data: filler },
  { type: 'NAT-D', draft: false, data: filler },
  { type: 'NAT-D', draft: false, data: filler },
]
const address = (octets: string): IdPayload => ({
  type: 'ID',
  idType: 1,
  protocolId: 0,
  port: 0,
  data: fromHex(octets),
})
const subnet = (octets: string): IdPayload => ({ ...address(octets), idType: 4 })
const hash: Payload = { type: 'HASH', data: filler }
const ours = address('cb00710a')
const theirs = address('c6336407')
const [near, far] = [subnet('0a010000ffff0000'), subnet('0a020000ffff0000')]

export function message(
  exchange: MessageEvent['exchange'],
  number: number,
  direction: MessageEvent['direction'],
  octets: number,
  payloads: readonly Payload[],
  more: Partial<MessageEvent> = {},
): MessageEvent {
  const weBegan = (number % 2 === 1) === (direction === 'sent')
  return {
    kind: 'message',
    tunnel: 'paris',
    direction,
    exchange,
    role: weBegan ? 'initiator' : 'responder',
    number,
    messageId: exchange === 'quick' ? 7 : 0,
    initiatorSpi: '0123456789abcdef',
    responderSpi: 'fedcba9876543210',
    local,
    remote,
    octets,
    encrypted: exchange === 'quick' || number >= 5,
    repeat: 0,
    payloads,
    ...more,
  }
}

const ikeSa: IkeSaFacts = {
  initiatorSpi: '0123456789abcdef',
  responderSpi: 'fedcba9876543210',
  role: 'initiator',
  version: 'IKEv1',
  exchange: 'Main mode',
  suite: { encryption: 'aes256-cbc', hash: 'sha256', keyExchange: 'modp2048' },
  lifetime: { seconds: 28_800 },
  local,
  remote,
  localId: '203.0.113.10',
  remoteId: '198.51.100.7',
  peerVendor: 'strongSwan',
  nat: { local: false, remote: false },
  establishedAt: 0,
  rekeyAt: 1,
  expiresAt: 2,
}
export const established: Event = { kind: 'ike-sa-established', tunnel: 'paris', ikeSa }
const noNat: Event = { kind: 'nat-detected', tunnel: 'paris', local: false, remote: false }

function timed(...events: readonly (readonly [number, Event])[]): readonly TimedEvent[] {
  return events.map(([at, event]) => ({ at, event }))
}

const quickOffer = [hash, quickSa, { type: 'NONCE', data: filler } as const, near, far]

export const initiatorEvents: readonly TimedEvent[] = timed(
  [0, message('main', 1, 'sent', 120, [phase1Sa(sha256Group14)])],
  [11, message('main', 2, 'received', 104, [phase1Sa(sha256Group14), strongSwan])],
  [12, message('main', 3, 'sent', 356, keyExchange)],
  [24, message('main', 4, 'received', 356, keyExchange)],
  [24, noNat],
  [25, message('main', 5, 'sent', 92, [ours, hash])],
  [36, message('main', 6, 'received', 76, [theirs, hash])],
  [36, established],
  [37, message('quick', 1, 'sent', 412, quickOffer)],
  [50, message('quick', 2, 'received', 396, [hash, quickSa, near, far])],
  [51, message('quick', 3, 'sent', 76, [hash])],
)

/** The peer begins, offers two suites, of which we take the second; it sits behind NAT. */
export const responderEvents: readonly TimedEvent[] = timed(
  [0, message('main', 1, 'received', 160, [phase1Sa(sha1Group2, sha256Group14), strongSwan])],
  [1, message('main', 2, 'sent', 104, [phase1Sa(sha256Group14)])],
  [12, message('main', 3, 'received', 356, keyExchange)],
  [12, { ...noNat, remote: true } as Event],
  [16, message('main', 4, 'sent', 356, keyExchange)],
  [28, message('main', 5, 'received', 92, [theirs, hash])],
  [29, message('main', 6, 'sent', 76, [ours, hash])],
  [29, established],
  [40, message('quick', 1, 'received', 412, [hash, quickSa, far, near])],
  [44, message('quick', 2, 'sent', 396, [hash, quickSa, far, near])],
  [55, message('quick', 3, 'received', 76, [hash])],
)

const noProposalChosen: Payload = {
  type: 'N',
  doi: 1,
  protocolId: 1,
  spi: new Uint8Array(0),
  notifyType: 14,
  data: new Uint8Array(0),
}

/** The peer is silent for a while, then says no in clear. */
export const refusedEvents: readonly TimedEvent[] = timed(
  [0, message('main', 1, 'sent', 120, [phase1Sa(sha256Group14)])],
  [4_000, message('main', 1, 'sent', 120, [phase1Sa(sha256Group14)], { repeat: 1 })],
  [4_014, message('informational', 1, 'received', 40, [noProposalChosen])],
)
