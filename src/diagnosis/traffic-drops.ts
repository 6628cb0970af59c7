import type { Failure } from '#ike/events'
import { formatEspSuite } from '#policy/proposal'
import { networksText } from './names.ts'
import { type IcvVariant, packetsText, packetText, type TrafficFacts } from './traffic-facts.ts'
import type { TrafficProgress } from './traffic-progress.ts'

/** CW-506: everything that comes fails its integrity check. */
export function wrongIcv(
  { tunnel, examples }: TrafficFacts,
  { refused, everIn }: TrafficProgress,
): Failure | undefined {
  const packets = refused.badIcv + refused.malformed
  // Forged packets fail it too; but then others come that do not.
  if (packets < LEAST_REFUSED || everIn) return undefined
  const { icv = 'none' } = examples
  const suites = tunnel.phase2.suites.map(formatEspSuite).join(', ')
  const { fact, certainty, remedy } = ICV_VARIANTS[icv]
  return {
    code: 'CW-506',
    summary: fact(tunnel.name),
    ours: `phase 2 offers ${suites}`,
    ...(icv === 'none' ? {} : { theirs: THEIRS[icv] }),
    evidence: `${packetsText(packets, 'ESP')} for our SPI, all refused${icv === 'none' ? '' : '; one was tested with our own key and fits that way. It was not accepted'}`,
    certainty,
    key: 'phase2',
    remedy: remedy(tunnel.name),
    forPeer: `All ESP packets you send us fail our integrity check${icv === 'none' ? '' : `: we get ${THEIRS[icv]}`}. Please use AES-256-GCM with a 16 octet ICV in phase 2 instead of what we agreed on, or update the gateway.`,
  }
}

/** CW-504: authentic packets that have no place in the tunnel. */
export function outsidePackets(
  { tunnel, examples }: TrafficFacts,
  { lately }: TrafficProgress,
): Failure | undefined {
  const packets = lately.outsideSelectors
  if (packets < LEAST_OUTSIDE) return undefined
  const { outside } = examples
  const example = outside === undefined ? '' : `, such as ${packetText(outside)}`
  const theirs = networksText(tunnel.networks.map(({ remote }) => remote))
  const ours = networksText(tunnel.networks.map(({ local }) => local))
  return {
    code: 'CW-504',
    summary: `${packetsText(packets)} came out of tunnel ${tunnel.name} in the last minute that it must not carry${example}; allowed is ${theirs} → ${ours}`,
    ours: `${theirs} → ${ours}`,
    ...(outside === undefined ? {} : { theirs: packetText(outside) }),
    evidence: 'authentic ESP of this tunnel, dropped after decryption (RFC 4301 §5.2)',
    certainty: 'certain',
    key: 'networks',
    remedy: `have ${tunnel.name} keep them out of the tunnel, or add their network to networks on both sides`,
    forPeer: `Packets${outside === undefined ? '' : ` such as ${packetText(outside)}`} come out of your tunnel to us, where we agreed on ${theirs} → ${ours} only. Please keep them out of the tunnel, or let us agree on their network as well.`,
  }
}

/** CW-505: large packets do not get through and nobody says so. */
export function vanishingPackets({ tunnel, examples }: TrafficFacts): Failure | undefined {
  const { blackHole } = examples
  if (blackHole === undefined) return undefined
  const { passed, lost } = blackHole
  return {
    code: 'CW-505',
    summary: `packets of ${lost} octets vanish on the way to ${tunnel.name}, those of ${passed} pass, and no router says why; MTU ${passed} and TCP MSS ${passed - TCP_HEADERS} are used now`,
    evidence: 'packets of both sizes sent again and again, with DF, and no ICMP "too big"',
    certainty: 'very likely',
    remedy:
      'nothing has to be done for TCP; better, let ICMP type 3 code 4 and ICMPv6 type 2 pass on the way',
    forPeer: `Packets of ${lost} octets vanish between us, those of ${passed} pass. Please let ICMP "fragmentation needed" (type 3 code 4) and ICMPv6 "packet too big" pass, or lower the MTU of your tunnel to us to ${passed}.`,
  }
}

/** CW-507: packets come too late, or twice. */
export function latePackets(
  { tunnel, examples }: TrafficFacts,
  { lately }: TrafficProgress,
): Failure | undefined {
  const all = lately.in + lately.replayed
  if (lately.replayed < LEAST_REPLAYED || lately.replayed / all < LEAST_SHARE) return undefined
  const share = `${((100 * lately.replayed) / all).toFixed(1)} %`
  const window = tunnel.replayWindow
  const { latest } = examples
  const evidence = `${packetsText(lately.replayed)} of ${all.toLocaleString('en')} in the last minute dropped by the replay check (RFC 4303 §3.4.3)`
  if (latest <= window) {
    return {
      code: 'CW-507',
      summary: `${share} of the packets of ${tunnel.name} come twice: something on the way doubles them, or somebody sends recorded ones in again`,
      evidence: `${evidence}, none of them behind the window of ${window}`,
      certainty: 'very likely',
      key: 'replay-window',
      remedy: 'nothing is lost by it; look for a device that mirrors or bridges the path twice',
    }
  }
  const wanted = Math.min(MOST_WINDOW, 2 ** Math.ceil(Math.log2(latest + 1)))
  return {
    code: 'CW-507',
    summary: `${share} of the packets of ${tunnel.name} come up to ${latest.toLocaleString('en')} packets late; the replay window is ${window}`,
    ours: `replay-window: ${window}`,
    evidence,
    certainty: 'certain',
    key: 'replay-window',
    remedy: `set replay-window: ${Math.max(wanted, 2 * window)}; packets are reordered by QoS before the tunnel or by two paths at once`,
  }
}

type Icv = {
  readonly fact: (peer: string) => string
  readonly certainty: Failure['certainty']
  readonly remedy: (peer: string) => string
}

/** Of IPv4 and TCP, without options. */
const TCP_HEADERS = 40

const ICV_VARIANTS: Readonly<Record<IcvVariant, Icv>> = {
  'truncated-96': {
    fact: (peer) =>
      `${peer} truncates HMAC-SHA-256 to 96 bits, as Linux before 2.6.33 and some old gateways do; RFC 4868 says 128`,
    certainty: 'certain',
    remedy: (peer) =>
      `use aes256gcm16 or sha512 in phase2 on both sides; if ${peer} can do neither, set quirks: [sha256-96] here`,
  },
  'without-esn': {
    fact: (peer) =>
      `${peer} leaves the high half of extended sequence numbers out of the integrity check, though it agreed to them`,
    certainty: 'certain',
    remedy: () => 'agree on no extended sequence numbers: take esn out of phase2 on both sides',
  },
  'with-esn': {
    fact: (peer) =>
      `${peer} checks integrity with extended sequence numbers, which were not agreed on`,
    certainty: 'certain',
    remedy: () => 'agree on extended sequence numbers on both sides, or on neither',
  },
  none: {
    fact: (peer) =>
      `every ESP packet of ${peer} fails our integrity check: its keys or its algorithm are not what was agreed on`,
    certainty: 'very likely',
    remedy: (peer) =>
      `rekey phase 2 (causeway rekey ${peer}); if it stays, use another algorithm, aes256gcm16 say: the one agreed on is implemented differently there, or a device on the way changes packets`,
  },
}

const THEIRS: Readonly<Record<Exclude<IcvVariant, 'none'>, string>> = {
  'truncated-96': 'HMAC-SHA-256 cut to 96 bits',
  'without-esn': 'integrity without the high half of the sequence number',
  'with-esn': 'integrity with a high half of the sequence number',
}

const LEAST_REFUSED = 3
const LEAST_OUTSIDE = 3
const LEAST_REPLAYED = 10
const LEAST_SHARE = 0.001
/** Packets; what `replay-window` takes at most. */
const MOST_WINDOW = 65_536
