import type { TunnelConfig } from '#config/config'
import type { Instant } from '#ike/effects'
import type { ChildSaFacts, Failure } from '#ike/events'
import { formatDuration } from '#policy/lifetime'
import type { IncidentContext } from './incidents.ts'
import { durationText } from './names.ts'

/** CW-601: the peer began anew and said that it knows nothing of before. */
export function peerRestarted({ name }: TunnelConfig): Failure {
  return {
    code: 'CW-601',
    summary: `${name} has started anew: it negotiated from the beginning and said that it has no SAs of before`,
    evidence: 'INITIAL-CONTACT under the keys of the new ISAKMP SA',
    certainty: 'certain',
    key: '',
    remedy:
      'nothing: the old SAs are gone and the new ones are being made; what was on the way is lost',
  }
}

/** CW-602: dead peer detection ran out. */
export function peerSilent({
  now,
  tunnel,
  heardAt,
  carriedAt,
  clockText,
}: IncidentContext): Failure {
  const { name, deadPeer, peer } = tunnel
  const last = heardAt ?? now - deadPeer.giveUpAfter
  const carried = carriedAt === undefined ? '' : `; a packet last passed at ${clockText(carriedAt)}`
  return {
    code: 'CW-602',
    summary: `${name} has not been heard since ${clockText(last)}, for ${durationText((now - last) / 1_000)}: the tunnel is taken down`,
    evidence: `questions of dead peer detection (RFC 3706) that ${peer} did not answer${carried}`,
    certainty: 'certain',
    key: 'dead-peer',
    remedy: `see whether ${peer} answers at all: ping, traceroute, its uplink; ${again(tunnel)}`,
    otherCauses: [
      'the path between the two, or a firewall that lost its state',
      'the peer does not know dead peer detection: set dead-peer to longer times',
    ],
  }
}

/** CW-604: traffic, not time, ends the SAs. */
export function volumeUsedUp(
  before: Pick<ChildSaFacts, 'establishedAt' | 'lifetime'>,
  now: Instant,
  octets: number,
  { name }: TunnelConfig,
): Failure | undefined {
  const { kilobytes, seconds } = before.lifetime
  const lived = (now - before.establishedAt) / 1_000
  if (kilobytes === undefined || lived <= 0 || lived > Math.min(SHORT_LIFE, seconds / 4))
    return undefined
  // Renewed by order, or by the proof of a new tunnel: that has nothing to do with the volume.
  if (octets < kilobytes * 1_024 * MOST_OF) return undefined
  const rate = (octets * 8) / lived / 1_000_000
  const volume = `${kilobytes.toLocaleString('en')} KB`
  return {
    code: 'CW-604',
    summary: `phase 2 of ${name} had to be renewed after ${durationText(lived)}: its volume of ${volume} lasts no longer at ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} Mbit/s, where its time is ${formatDuration(seconds)}`,
    ours: `lifetime ${formatDuration(seconds)}, volume ${volume} (the smaller of both sides)`,
    evidence: `${Math.round(octets / 1_024).toLocaleString('en')} KB through an SA that lived ${durationText(lived)}`,
    certainty: 'certain',
    key: 'phase2.volume',
    remedy:
      'take the volume away on both sides (volume: unlimited), or make it large enough for an hour at full rate; with AES no limit is needed',
    forPeer: `Phase 2 of our tunnel is renewed every ${durationText(lived)} because its lifetime by volume (${volume}) is used up so soon. Please remove the limit by volume, or raise it; Cisco IOS: crypto ipsec security-association lifetime kilobytes disable.`,
  }
}

/** CW-605: both sides renewed at the same moment. */
export function bothRenewed({ name }: TunnelConfig, times: number): Failure {
  const often = times > 2 ? ` (${times} times in an hour)` : ''
  return {
    code: 'CW-605',
    summary: `${name} and we renewed phase 2 at the same moment${often}; one of the two is used, nothing is lost`,
    evidence: 'a Child SA that was renewed again within seconds of its own beginning',
    certainty: 'certain',
    key: 'phase2.lifetime',
    remedy:
      times > 2
        ? 'make the lifetime of one side a few minutes longer than that of the other'
        : 'nothing: that happens',
  }
}

/** CW-606: each side opens again what the other closes. */
export function fights({ name, start }: TunnelConfig, times: number): Failure {
  return {
    code: 'CW-606',
    summary: `both sides open again what the other closes, ${times} times in the last minute: ${name} deletes each SA soon after it is there`,
    ours: `start: ${start}`,
    evidence: 'Child SAs that come up and are deleted by the peer at once',
    certainty: 'very likely',
    key: 'start',
    remedy: `let one side only begin: start: respond here or at the peer (strongSwan: close_action = none, start_action = none); see its log for why it deletes them`,
    forPeer:
      'Your gateway deletes the SAs of our tunnel as soon as they are up, and both sides open them again. Please look in your log why, and whether it takes us for a second connection of the same peer (unique IDs); let one side only begin.',
    otherCauses: [
      'the peer keeps one SA per identity and another tunnel of ours has the same one',
      'a monitoring script there that restarts the tunnel',
    ],
  }
}

/** CW-607: the peer ends it. */
export function deletedByPeer(
  { establishedAt, lifetime }: Pick<ChildSaFacts, 'establishedAt' | 'lifetime'>,
  context: IncidentContext,
): Failure {
  const { now, tunnel, carriedAt } = context
  const { name } = tunnel
  const idle =
    carriedAt === undefined ? undefined : (now - Math.max(carriedAt, establishedAt)) / 1_000
  const age = (now - establishedAt) / 1_000
  const own = tunnel.phase2.lifetime.seconds
  const told = {
    code: 'CW-607',
    ours: `lifetime ${formatDuration(own)}`,
    // The shorter of the two counts: where it is not ours, it is the peer's.
    theirs:
      lifetime.seconds < own
        ? `lifetime ${formatDuration(lifetime.seconds)}`
        : `lifetime ${formatDuration(own)} or more, as it agreed to ours`,
    evidence: 'a delete payload under the keys, with nothing in its place',
    key: '',
  } as const
  const idleTimeout = idle === undefined ? undefined : roundTime(idle)
  if (idleTimeout !== undefined) {
    return {
      ...told,
      summary: `${name} deleted the tunnel after exactly ${idleTimeout} s without a packet: that is its idle timeout`,
      certainty: 'very likely',
      remedy: `${again(tunnel)}; or have ${name} set no idle timeout, or keep traffic flowing`,
      forPeer: `Your gateway deletes our tunnel after ${idleTimeout} s without traffic. Please set no idle timeout for it (Cisco ASA: vpn-idle-timeout none in its group policy).`,
    }
  }
  const when =
    lifeText(age, lifetime.seconds, own) ??
    `${durationText(age)} after it came up${idle !== undefined && idle > 30 ? `, ${durationText(idle)} after the last packet` : ', with packets passing'}`
  return {
    ...told,
    summary: `${name} deleted the tunnel ${when}`,
    certainty: 'certain',
    remedy: `${again(tunnel)}; the peer's log says why it deleted it: an administrator, its lifetime, a change of its configuration`,
  }
}

/** A tunnel that ends when a lifetime does; undefined at any other moment. */
function lifeText(age: number, agreed: number, own: number): string | undefined {
  if (Math.abs(age - agreed) <= SLACK) {
    const whose =
      agreed < own ? `its lifetime (ours is ${formatDuration(own)})` : 'the lifetime of both sides'
    return `exactly ${formatDuration(agreed)} after it came up: that is ${whose}, and it was not renewed`
  }
  const life = roundTime(age)
  if (life === undefined) return undefined
  return `exactly ${formatDuration(life)} after it came up: that is a lifetime there, though it agreed to ${formatDuration(agreed)}, and it was not renewed`
}

function again({ start }: TunnelConfig): string {
  if (start === 'always') return 'it is built again for as long as it takes'
  return start === 'respond'
    ? 'it comes back when the peer begins (start: respond)'
    : 'it comes back with the next packet for it (start: on-traffic)'
}

/** A time that somebody has set, in seconds, within what a delete takes on its way. */
function roundTime(seconds: number): number | undefined {
  const minutes = USUAL_MINUTES.find((one) => Math.abs(seconds - one * 60) <= SLACK)
  return minutes === undefined ? undefined : minutes * 60
}

const USUAL_MINUTES = [1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 480, 720, 1_440]
const SLACK = 1.5
/** Seconds. */
const SHORT_LIFE = 900
const MOST_OF = 0.5
