import type { Instant } from '#ike/effects'
import type { Failure } from '#ike/events'
import { networksText } from './names.ts'
import { packetsText, type TrafficFacts } from './traffic-facts.ts'
import type { Stretch, TrafficProgress } from './traffic-progress.ts'
import type { WatchedHostFacts } from './watched-host.ts'

/** CW-501, CW-503: packets go in, the peer is there, and nothing comes out. */
export function nothingAnswers(
  facts: TrafficFacts,
  { unanswered, everIn }: TrafficProgress,
): Failure | undefined {
  const { peerAliveAt, now, encapsulation } = facts
  if (unanswered.packets < LEAST_PACKETS || unanswered.lasting < LEAST_TIME) return undefined
  // Where IKE is silent too, dead peer detection says so, and sooner.
  const isThere = peerAliveAt !== undefined && peerAliveAt > unanswered.since
  if (!isThere || now - peerAliveAt > STILL_ALIVE) return undefined
  const { espRefused } = facts.examples
  const isRefused = espRefused !== undefined && espRefused.at > unanswered.since
  return encapsulation === 'native' && (!everIn || isRefused)
    ? espBlocked(facts, unanswered, everIn ? unanswered.since : undefined)
    : peerSilent(facts, unanswered.packets, everIn ? unanswered.since : undefined)
}

/** The same, where a host is asked on purpose: one that the operator expects to answer. */
export function watchedHostSilent(
  facts: TrafficFacts,
  { everIn }: TrafficProgress,
): Failure | undefined {
  const { watched, encapsulation, upSince, now, peerAliveAt } = facts
  if (watched?.silentSince === undefined) return undefined
  // A peer that is gone altogether is for dead peer detection to tell.
  const isThere = peerAliveAt !== undefined && peerAliveAt > watched.silentSince
  if (encapsulation === 'native' && !everIn && isThere) {
    return espBlocked(
      facts,
      { packets: watched.lost, since: upSince, lasting: now - upSince },
      undefined,
    )
  }
  return hostSilent(facts, watched, watched.silentSince)
}

function hostSilent(
  { tunnel, now, peerAliveAt }: TrafficFacts,
  { target, asked, lost, answeredAt }: WatchedHostFacts,
  silentSince: Instant,
): Failure {
  const heard =
    peerAliveAt === undefined ? '' : `; the peer itself was heard ${seconds(now - peerAliveAt)} ago`
  const answered =
    answeredAt === undefined
      ? 'it has never answered'
      : `it answered ${seconds(now - answeredAt)} ago`
  return {
    code: 'CW-503',
    summary: `${target}, which is watched behind ${tunnel.name}, has not answered for ${seconds(now - silentSince)}: the host, or the way to it or back, is down`,
    evidence: `${lost} of ${asked} echoes through the tunnel were lost, and ${answered}${heard}`,
    certainty: 'possible',
    key: 'watch',
    remedy: `have ${tunnel.name} look after ${target} and its way back to us${answeredAt === undefined ? '; if it is not to answer pings, watch another host' : ''}`,
    forPeer: `Our gateway pings ${target} through the tunnel every five seconds and ${answeredAt === undefined ? 'has not had an answer' : 'has no answer any more'}. Please look whether that host is up, whether it routes our networks back to your VPN gateway, and whether a firewall drops the echo or its answer.`,
    otherCauses: [
      'only this host is down, and others there answer',
      'a firewall there lets no ICMP echo pass',
    ],
  }
}

function espBlocked(
  facts: TrafficFacts,
  { packets, since }: Stretch,
  lastIn: number | undefined,
): Failure {
  const { tunnel, now, peerAliveAt = now } = facts
  const { espRefused } = facts.examples
  const refused = espRefused !== undefined && espRefused.at > since ? espRefused : undefined
  const reporter = refused?.reporter
  const from = reporter === undefined ? 'the network' : reporter
  const reported = refused === undefined ? '' : `, and ${from} sent an ICMP error for our ESP`
  const blocked =
    refused === undefined
      ? 'IP protocol 50 is probably filtered between us'
      : `IP protocol 50 is refused by ${from}`
  return {
    code: 'CW-501',
    summary: `${tunnel.name} answers IKE, but none of our ${packetsText(packets, 'ESP')}: ${blocked}`,
    evidence: `not one ESP packet came in ${lastIn === undefined ? 'since the tunnel is up' : `for ${seconds(now - lastIn)}`}; the peer answered IKE ${seconds(now - peerAliveAt)} ago${reported}`,
    certainty: refused !== undefined ? 'certain' : packets >= MANY ? 'very likely' : 'possible',
    key: 'encapsulation',
    remedy:
      'let IP protocol 50 pass both ways, or set encapsulation: force here, which puts ESP into UDP 4500',
    forPeer: `IKE between our gateway ${tunnel.local} and yours works and the tunnel is up, but of ESP (IP protocol 50) nothing comes back. Please let IP protocol 50 pass both ways on every firewall before your gateway, and see whether your counters show packets of ours decrypted.`,
    otherCauses: [
      `the hosts behind ${tunnel.name} do not answer, or answer another way (CW-503)`,
      ...(lastIn === undefined ? shortIcv(facts) : []),
    ],
  }
}

/** A peer that drops every packet for its ICV does not tell. What came from it would show the same (CW-506); nothing has. */
function shortIcv({ tunnel: { name, phase2 } }: TrafficFacts): readonly string[] {
  return phase2.suites.some(({ integrity }) => integrity === 'hmac-sha256-128')
    ? [
        `${name} cuts the check of HMAC-SHA-256 to 96 bits, and so drops all we send (old Linux; libreswan: sha2-truncbug; strongSwan: sha256_96): set phase2 to AES-GCM on both sides`,
      ]
    : []
}

function peerSilent(facts: TrafficFacts, packets: number, lastIn: number | undefined): Failure {
  const { tunnel, now, peerAliveAt = now } = facts
  const theirs = networksText(tunnel.networks.map(({ remote }) => remote))
  const ours = networksText(tunnel.networks.map(({ local }) => local))
  const since = lastIn === undefined ? 'since the tunnel is up' : `for ${seconds(now - lastIn)}`
  return {
    code: 'CW-503',
    summary: `${packetsText(packets)} went to ${tunnel.name} and nothing came back ${since}: what is behind it does not answer, or answers another way`,
    evidence: `${facts.encapsulation === 'udp' ? 'ESP goes through UDP 4500, as IKE does' : 'ESP came through before'}; the peer itself answered ${seconds(now - peerAliveAt)} ago`,
    certainty: 'possible',
    key: 'networks',
    remedy: `have ${tunnel.name} look: nothing is wrong on our side as far as it can be seen from here`,
    forPeer: `Our packets for ${theirs} go into the tunnel and nothing comes back. Please look whether your hosts there route ${ours} back to your VPN gateway (a traceroute from one of them shows it), whether a firewall drops our packets, and whether the answers are translated to another address before they enter the tunnel.`,
    otherCauses: [
      'the host that is asked is down, or does not answer what is asked',
      'traffic that wants no answer, such as syslog, and nothing else',
      ...(facts.encapsulation === 'native'
        ? ['IP protocol 50 is filtered on the way there, though not on the way back (CW-501)']
        : lastIn === undefined
          ? ['a firewall on the way lets IKE pass on UDP 4500 and drops the ESP in it']
          : []),
      ...(lastIn === undefined ? shortIcv(facts) : []),
    ],
  }
}

function seconds(milliseconds: number): string {
  return `${Math.max(0, Math.round(milliseconds / 1_000))} s`
}

/** A single lost packet is no verdict, nor is one that asked for no answer. */
const LEAST_PACKETS = 5
const MANY = 20
/** Milliseconds. */
const LEAST_TIME = 10_000
/** Beyond the longest that a live peer is not asked. */
const STILL_ALIVE = 3_600_000 + 60_000
