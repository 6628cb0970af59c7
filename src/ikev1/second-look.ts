import type { TunnelConfig } from '#config/config'
import { AuthenticationMethod } from '#iana/ikev1'
import { ExchangeType, isErrorNotify } from '#iana/isakmp'
import { every } from '#ike/message-rules'
import type { IkeContext } from '#ike/version'
import {
  encodeProbe,
  PROBE_RANDOM_OCTETS,
  PROBE_SPI_OCTETS,
  readProbeAnswer,
} from '#ike/version-probe'
import { addressOfPeer } from '#policy/peer-address'
import type { IkeSuite } from '#policy/proposal'
import type { IkeHeader } from '#wire/ike-header'
import { MalformedMessage } from '#wire/malformed'
import type { SaPayload, Transform } from '#wire/v1/payloads'
import { authenticationMethod } from './authentication-method.ts'
import { decodeClear, freshCookie, plainOf } from './clear-message.ts'
import { NAT_TRAVERSAL_PORT } from './nat-traversal.ts'
import { newestOf } from './newest-form.ts'
import { offerPhase1 } from './phase1-proposals.ts'
import { encodePlain, outgoingHeader } from './protect.ts'
import { cookiesOf } from './step.ts'
import { ownVendorIds } from './vendor-ids.ts'

/** What a peer answered to a question beside the negotiation that it refuses or ignores. */
export type Finding =
  /** Of many sets it takes this one. */
  | { readonly kind: 'accepts'; readonly transform: Transform }
  /** It takes none of them. */
  | { readonly kind: 'refuses' }
  /** It has a configuration for IKEv2 with us. */
  | { readonly kind: 'speaks-ikev2' }
  /** It runs IKE, and refuses IKEv2 with us or altogether. */
  | { readonly kind: 'refuses-ikev2'; readonly speaks: boolean }
  /** UDP 4500 passes both ways. */
  | { readonly kind: 'port-4500-passes' }

/**
 * An initiator's questions to a peer that refuses or ignores it: one first message with many sets of algorithms, another with rarer ones or
 * with the other way of proving oneself alone, one of IKEv2, or one to UDP 4500. None is ever gone on with, each is asked once for a
 * negotiation, and what comes back is not authenticated: it makes words, and nothing else.
 */
export class SecondLook {
  readonly #tunnel: TunnelConfig
  readonly #tell: (finding: Finding, context: IkeContext) => void
  readonly #asked = new Set<Question | 'IKEv2'>()

  constructor(tunnel: TunnelConfig, tell: (finding: Finding, context: IkeContext) => void) {
    this.#tunnel = tunnel
    this.#tell = tell
  }

  /** Which of the usual sets it would take. */
  askSets(context: IkeContext): void {
    this.#ask('sets', 500, wideOffer(this.#tunnel), context, (octets, header, later) => {
      const found = readAnswer(octets, header)
      if (found?.kind !== 'refuses') return found
      this.#askRarerSets(later)
      return undefined
    })
  }

  #askRarerSets(context: IkeContext): void {
    this.#ask('rarer sets', 500, rarerOffer(this.#tunnel), context, (octets, header, later) => {
      const found = readAnswer(octets, header)
      if (found?.kind === 'refuses') this.askIkev2(later)
      return found
    })
  }

  /** Some peers ignore an offer of which any set would need a proof they do not have (libreswan). */
  askOtherProof(context: IkeContext): void {
    const lifetime = { seconds: LOOK_LIFETIME_SECONDS }
    const method = otherThan(methodOf(this.#tunnel))
    const offer = offerPhase1({ suites: USUAL_OTHERWISE, lifetime, method })
    this.#ask('other proof', 500, offer, context, (octets, header) => {
      const found = readAnswer(octets, header)
      return found?.kind === 'accepts' ? found : undefined
    })
  }

  /** Whether messages of IKE pass by the port for NAT traversal. */
  askPort4500(context: IkeContext): void {
    const { phase1 } = this.#tunnel
    const offer = offerPhase1({ ...phase1, method: methodOf(this.#tunnel) })
    this.#ask('port 4500', NAT_TRAVERSAL_PORT, offer, context, () => ({ kind: 'port-4500-passes' }))
  }

  askIkev2(context: IkeContext): void {
    const { local } = this.#tunnel
    const peer = addressOfPeer(this.#tunnel)
    const { probeV2, secondLook } = newestOf(this.#tunnel, context)
    if (peer === undefined) return
    if (!probeV2 || !secondLook || this.#isAsked('IKEv2')) return
    const spi = context.crypto.random(PROBE_SPI_OCTETS)
    const octets = encodeProbe(spi, context.crypto.random(PROBE_RANDOM_OCTETS))
    context.expected.expect(spi, peer, (datagram, _, later) => {
      const answer = readProbeAnswer(datagram.octets, spi)
      if (answer === 'yes') this.#tell({ kind: 'speaks-ikev2' }, later)
      else if (answer !== undefined)
        this.#tell({ kind: 'refuses-ikev2', speaks: answer === 'not-for-us' }, later)
    })
    context.effects.push({
      kind: 'send',
      octets,
      local: { address: local, port: 500 },
      remote: { address: peer, port: 500 },
    })
  }

  #ask(
    what: Question,
    port: number,
    offer: SaPayload,
    context: IkeContext,
    read: (octets: Uint8Array, header: IkeHeader, later: IkeContext) => Finding | undefined,
  ): void {
    const { local } = this.#tunnel
    const peer = addressOfPeer(this.#tunnel)
    if (peer === undefined) return
    if (!newestOf(this.#tunnel, context).secondLook || this.#isAsked(what)) return
    const cookies = cookiesOf(freshCookie(context), new Uint8Array(8))
    const header = outgoingHeader(cookies, ExchangeType.number('IDENTITY-PROTECTION'), 0)
    context.expected.expect(cookies.initiator, peer, (datagram, answer, later) => {
      const found = read(datagram.octets, answer, later)
      if (found !== undefined) this.#tell(found, later)
    })
    context.effects.push({
      kind: 'send',
      octets: encodePlain(header, [offer, ...ownVendorIds(this.#tunnel)]),
      local: { address: local, port },
      remote: { address: peer, port },
    })
  }

  #isAsked(what: Question | 'IKEv2'): boolean {
    if (this.#asked.has(what)) return true
    this.#asked.add(what)
    return false
  }
}

/** First messages of IKEv1. */
type Question = 'sets' | 'rarer sets' | 'other proof' | 'port 4500'

/** Short, so that no peer can find it too long: whoever takes a set of ours with this and not with ours minds the lifetime. */
export const LOOK_LIFETIME_SECONDS = 3_600

/** The sets most peers have one of, strong ones first, then a few for the other way of proving oneself; it fits one datagram. */
function wideOffer(tunnel: TunnelConfig): SaPayload {
  const lifetime = { seconds: LOOK_LIFETIME_SECONDS }
  const own = methodOf(tunnel)
  const first = offerPhase1({ suites: [...tunnel.phase1.suites, ...USUAL], lifetime, method: own })
  const second = offerPhase1({ suites: USUAL_OTHERWISE, lifetime, method: otherThan(own) })
  return joined(first, second)
}

/** And, of a pre-shared key alone, whether the peer wants a user besides. */
function rarerOffer(tunnel: TunnelConfig): SaPayload {
  const lifetime = { seconds: LOOK_LIFETIME_SECONDS }
  const method = methodOf(tunnel)
  const rarer = offerPhase1({ suites: RARER, lifetime, method })
  if (method !== PSK) return rarer
  const withUser = offerPhase1({ suites: USUAL_WITH_USER, lifetime, method: PSK_AND_XAUTH })
  return joined(rarer, withUser)
}

function joined(first: SaPayload, second: SaPayload): SaPayload {
  const [proposal] = first.proposals
  if (proposal === undefined) return first
  const transforms = [...proposal.transforms, ...(second.proposals[0]?.transforms ?? [])]
  const numbered = transforms.slice(0, MOST_SETS).map((one, i) => ({ ...one, number: i + 1 }))
  return { ...first, proposals: [{ ...proposal, transforms: numbered }] }
}

function readAnswer(octets: Uint8Array, header: IkeHeader): Finding | undefined {
  try {
    const payloads = plainOf(decodeClear({ octets }, header))
    const transform = every(payloads, 'SA')[0]?.proposals[0]?.transforms[0]
    if (transform !== undefined) return { kind: 'accepts', transform }
    const refused = every(payloads, 'N').some(({ notifyType }) => isErrorNotify(notifyType))
    return refused ? { kind: 'refuses' } : undefined
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

function methodOf(tunnel: TunnelConfig): number {
  return authenticationMethod(tunnel, 'initiator')
}

function otherThan(method: number): number {
  return method === PSK ? AuthenticationMethod.number('RSA signatures') : PSK
}

const PSK = AuthenticationMethod.number('pre-shared key')
/** The user is on the initiator's side. */
const PSK_AND_XAUTH = AuthenticationMethod.number('XAUTHInitPreShared')

const USUAL = setsOf(
  ['aes256-cbc', 'aes128-cbc', '3des-cbc'],
  ['sha256', 'sha1'],
  ['modp2048', 'modp1536', 'modp1024', 'ecp256'],
)

/** What else peers are set to: groups above 14, SHA-2 with more bits, the third length of AES, and MD5. */
const RARER: readonly IkeSuite[] = [
  ...setsOf(['aes256-cbc', 'aes128-cbc'], ['sha256'], ['modp3072', 'modp4096', 'ecp384']),
  ...setsOf(
    ['aes256-cbc'],
    ['sha384', 'sha512'],
    ['modp2048', 'modp3072', 'modp4096', 'ecp256', 'ecp384'],
  ),
  ...setsOf(['aes256-cbc'], ['sha512'], ['ecp521']),
  ...setsOf(['aes192-cbc'], ['sha256', 'sha1'], ['modp2048', 'modp1536', 'modp1024']),
  ...setsOf(['aes192-cbc'], ['sha512'], ['modp3072']),
  ...setsOf(['aes256-cbc', 'aes128-cbc', '3des-cbc'], ['md5'], ['modp2048', 'modp1024']),
]

const USUAL_OTHERWISE = USUAL.filter(
  ({ encryption, keyExchange }) =>
    encryption !== '3des-cbc' && (keyExchange === 'modp2048' || keyExchange === 'modp1024'),
)
const USUAL_WITH_USER = [
  ...setsOf(['aes256-cbc'], ['sha256', 'sha1'], ['modp2048']),
  ...setsOf(['aes256-cbc', '3des-cbc'], ['sha1'], ['modp1024']),
]
const MOST_SETS = 34

function setsOf(
  encryptions: readonly IkeSuite['encryption'][],
  hashes: readonly IkeSuite['hash'][],
  groups: readonly IkeSuite['keyExchange'][],
): readonly IkeSuite[] {
  return encryptions.flatMap((encryption) =>
    hashes.flatMap((hash) => groups.map((keyExchange) => ({ encryption, hash, keyExchange }))),
  )
}
