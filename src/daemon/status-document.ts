import { formatEndpoint } from '#bytes/ip'
import type { Assignment, Config, TunnelConfig } from '#config/config'
import type {
  CertificateStatus,
  ChildSaStatus,
  FailureStatus,
  GatewayStatus,
  IkeSaStatus,
  IkeV2Status,
  IncidentStatus,
  PathStatus,
  PeerNameStatus,
  ProofStatus,
  SaTraffic,
  StatusDocument,
  Timestamp,
  TunnelStatus,
  WatchStatus,
} from '#control/status'
import type { DataPlaneCounters } from '#dataplane/port'
import type { Incident } from '#diagnosis/incidents'
import type { Instant } from '#ike/effects'
import type { ChildSaFacts, IkeSaFacts, PathFacts, ProofFacts, TunnelSnapshot } from '#ike/events'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import { formatSelector } from '#policy/traffic-selector'
import type { Clock } from './clock.ts'
import type { WatchFacts } from './host-watches.ts'
import type { NameFacts } from './name-book.ts'
import { failureStatus, networkStatuses } from './network-status.ts'
import type { PeerNames } from './peer-names.ts'
import { droppedBy, type TrafficLedger } from './traffic-totals.ts'
import type { HealthFacts } from './tunnel-health.ts'
import type { ProbeResult } from './version-probes.ts'

export type StatusSources = {
  readonly version: string
  readonly clock: Clock
  readonly gateway: GatewayStatus
  readonly config: Config
  readonly snapshots: readonly TunnelSnapshot[]
  readonly counters: DataPlaneCounters
  readonly queueFull: ReadonlyMap<string, number>
  readonly cameInClear: number
  readonly ledger: TrafficLedger
  readonly probed: (tunnel: TunnelConfig) => ProbeResult | undefined
  readonly named: PeerNames['facts']
  readonly health: (tunnel: string) => HealthFacts
  readonly dropped: Readonly<Record<string, number>>
  readonly defects: number
}

/** @param only names of tunnels to tell of; all when absent. The summary always counts every tunnel. */
export function statusDocument(sources: StatusSources, only?: readonly string[]): StatusDocument {
  const { clock, config, counters, snapshots } = sources
  const byName = new Map(snapshots.map((snapshot) => [snapshot.tunnel, snapshot]))
  const isUp = ({ name }: TunnelConfig) => byName.get(name)?.state === 'up'
  const isWhole = (tunnel: TunnelConfig) =>
    isUp(tunnel) && byName.get(tunnel.name)?.pairs.every(({ state }) => state === 'up') === true
  return {
    schema: 1,
    causeway: sources.version,
    at: clock.wall(clock.now()).toISOString(),
    gateway: sources.gateway,
    summary: {
      tunnels: config.tunnels.length,
      up: config.tunnels.filter(isUp).length,
      ok: config.tunnels.every((tunnel) => tunnel.start !== 'always' || isWhole(tunnel)),
    },
    tunnels: config.tunnels
      .filter(({ name }) => only === undefined || only.includes(name))
      .map((tunnel) => tunnelStatus(tunnel, byName.get(tunnel.name), sources)),
    dropped: {
      ...sources.dropped,
      'esp-unknown-spi': counters.unknownSpi,
      'esp-malformed': counters.malformed,
      'ike-overflow': counters.ikeOverflow,
      'not-sent': counters.notSent,
      'not-received': counters.notReceived,
      'came-in-clear': sources.cameInClear,
    },
    defects: sources.defects,
  }
}

function tunnelStatus(
  tunnel: TunnelConfig,
  snapshot: TunnelSnapshot | undefined,
  { clock, counters, queueFull, ledger, gateway, probed, named, health }: StatusSources,
): TunnelStatus {
  const own = counters.tunnels.find((entry) => entry.tunnel === tunnel.name)
  const totals = ledger.totals(tunnel.name, counters)
  const rate = ledger.rate(tunnel.name, totals, clock.now())
  const time = (at: Instant) => clock.wall(at).toISOString()
  const failure = snapshot?.lastFailure
  const full = queueFull.get(tunnel.name)
  const probe = probed(tunnel)
  const name = named(tunnel)
  const { degradation: degraded, incidents, watched } = health(tunnel.name)
  return {
    name: tunnel.name,
    ...(tunnel.note === undefined ? {} : { note: tunnel.note }),
    state: snapshot?.state ?? 'down',
    since: snapshot === undefined ? gateway.startedAt : time(snapshot.since),
    start: tunnel.start,
    local: tunnel.local,
    peer: tunnel.peer,
    ...(name === undefined ? {} : { peerName: peerNameStatus(name, time) }),
    interface: tunnel.interfaceName,
    ...(own === undefined ? {} : { mtu: own.mtu }),
    networks: networkStatuses(tunnel, snapshot, time),
    ikeSas: snapshot?.ikeSas.map((facts) => ikeSaStatus(facts, time)) ?? [],
    childSas: snapshot?.childSas.map((facts) => childSaStatus(facts, counters, time)) ?? [],
    traffic: {
      in: { ...totals.in, bitsPerSecond: rate.in },
      out: { ...totals.out, bitsPerSecond: rate.out },
    },
    dropped: {
      ...totals.dropped,
      noSa: own?.noSa ?? 0,
      noPolicy: own?.noPolicy ?? 0,
      tooBig: own?.tooBig ?? 0,
      notSent: own?.notSent ?? 0,
      ...(full === undefined ? {} : { queueFull: full }),
    },
    rekeys: snapshot?.rekeys ?? 0,
    failures: snapshot?.failures ?? 0,
    ...(snapshot?.retryAt === undefined ? {} : { retryAt: time(snapshot.retryAt) }),
    ...(snapshot?.peerAliveAt === undefined ? {} : { peerAliveAt: time(snapshot.peerAliveAt) }),
    ...certificateStatus(tunnel, snapshot),
    ...(snapshot?.proof === undefined ? {} : { proof: proofStatus(snapshot.proof, tunnel, time) }),
    ...(snapshot?.path === undefined ? {} : { path: pathStatus(snapshot.path, time) }),
    ...(tunnel.ikeV1Until === undefined ? {} : { ikeV1Until: tunnel.ikeV1Until }),
    ...(probe === undefined ? {} : { ikeV2: ikeV2Status(probe, time) }),
    ...(watched === undefined ? {} : { watch: watchStatus(watched, time) }),
    ...(incidents.length === 0
      ? {}
      : { history: incidents.map((incident) => incidentStatus(incident, time)) }),
    ...unansweredStatus(tunnel, snapshot, clock.now(), time),
    ...(failure === undefined ? {} : { lastFailure: failureStatus(failure, tunnel) }),
    ...(degraded === undefined
      ? {}
      : {
          degraded: {
            since: time(degraded.since),
            ...failureStatus(degraded.failure, tunnel),
          },
        }),
  }
}

function peerNameStatus(
  { name, addresses, foundAt, trouble }: NameFacts & { readonly name: string },
  time: (at: Instant) => Timestamp,
): PeerNameStatus {
  return {
    name,
    addresses,
    ...(foundAt === undefined ? {} : { foundAt: time(foundAt) }),
    ...(trouble === undefined ? {} : { trouble }),
  }
}

function unansweredStatus(
  tunnel: TunnelConfig,
  snapshot: TunnelSnapshot | undefined,
  now: Instant,
  time: (at: Instant) => Timestamp,
): Pick<TunnelStatus, 'unanswered'> {
  if (snapshot?.unanswered === undefined) return {}
  const unanswered = snapshot.unanswered.map(({ waited, remaining, failure, ...facts }) => ({
    ...facts,
    since: time(now - waited),
    until: time(now + remaining),
    failure: failureStatus(failure, tunnel),
  }))
  return { unanswered }
}

function watchStatus(
  { answeredAt, silentSince, roundTrip, ...facts }: WatchFacts,
  time: (at: Instant) => Timestamp,
): WatchStatus {
  return {
    ...facts,
    ...(roundTrip === undefined ? {} : { roundTrip: Math.round(roundTrip * 10) / 10 }),
    ...(answeredAt === undefined ? {} : { answeredAt: time(answeredAt) }),
    ...(silentSince === undefined ? {} : { silentSince: time(silentSince) }),
  }
}

function incidentStatus(
  { at, failure, lasted }: Incident,
  time: (at: Instant) => Timestamp,
): IncidentStatus {
  const { code, summary } = failure
  return { at: time(at), code, summary, ...(lasted === undefined ? {} : { lasted }) }
}

function certificateStatus(
  { authentication }: TunnelConfig,
  snapshot: TunnelSnapshot | undefined,
): Pick<TunnelStatus, 'certificate'> {
  const [own] = 'own' in authentication ? authentication.own : []
  const [newest] = [...(snapshot?.ikeSas ?? [])].sort((a, b) => b.establishedAt - a.establishedAt)
  const peer = newest?.peerCertificate
  if (own === undefined && peer === undefined) return {}
  return {
    certificate: {
      ...(own === undefined ? {} : { own: dated(own.subject.text, own.notAfter) }),
      ...(peer === undefined ? {} : { peer: dated(peer.subject, peer.notAfter) }),
    },
  }
}

function dated(subject: string, notAfter: number): CertificateStatus {
  return { subject, notAfter: new Date(notAfter).toISOString() }
}

function proofStatus(
  { provenAt, seen, unshown, failure }: ProofFacts,
  tunnel: TunnelConfig,
  time: (at: Instant) => Timestamp,
): ProofStatus {
  return {
    ...(provenAt === undefined ? {} : { provenAt: time(provenAt) }),
    seen,
    ...(unshown === undefined ? {} : { unshown }),
    ...(failure === undefined ? {} : { failure: proofFailure(failureStatus(failure, tunnel)) }),
  }
}

function pathStatus(
  { probedAt, ...facts }: PathFacts,
  time: (at: Instant) => Timestamp,
): PathStatus {
  return { ...facts, ...(probedAt === undefined ? {} : { probedAt: time(probedAt) }) }
}

function proofFailure({
  code,
  summary,
  remedy,
  line,
}: FailureStatus): NonNullable<ProofStatus['failure']> {
  return { code, summary, remedy, ...(line === undefined ? {} : { line }) }
}

function ikeV2Status(
  { answer, askedAt }: ProbeResult,
  time: (at: Instant) => Timestamp,
): IkeV2Status {
  const change = CHANGES[answer]
  return { answer, askedAt: time(askedAt), ...(change === undefined ? {} : { change }) }
}

const CHANGES: Readonly<Record<ProbeResult['answer'], string | undefined>> = {
  yes: 'the peer is ready: ike: v2 here, as soon as this gateway speaks it',
  'not-for-us':
    'configure IKEv2 for us at the peer, then ike: v2 here, as soon as this gateway speaks it',
  no: undefined,
  none: undefined,
}

function ikeSaStatus(facts: IkeSaFacts, time: (at: Instant) => Timestamp): IkeSaStatus {
  return {
    initiatorSpi: facts.initiatorSpi,
    responderSpi: facts.responderSpi,
    role: facts.role,
    version: facts.version,
    exchange: facts.exchange,
    suite: formatIkeSuite(facts.suite),
    local: formatEndpoint(facts.local),
    remote: formatEndpoint(facts.remote),
    localId: facts.localId,
    remoteId: facts.remoteId,
    ...(facts.peerVendor === undefined ? {} : { peerVendor: facts.peerVendor }),
    nat: facts.nat,
    ...(facts.user === undefined ? {} : { user: facts.user }),
    ...(facts.assigned === undefined ? {} : { assigned: assignedStatus(facts.assigned) }),
    establishedAt: time(facts.establishedAt),
    rekeyAt: time(facts.rekeyAt),
    expiresAt: time(facts.expiresAt),
  }
}

function assignedStatus({
  addresses,
  dns,
  networks,
}: Assignment): NonNullable<IkeSaStatus['assigned']> {
  return { addresses, dns, networks: networks.map(({ address, bits }) => `${address}/${bits}`) }
}

function childSaStatus(
  facts: ChildSaFacts,
  counters: DataPlaneCounters,
  time: (at: Instant) => Timestamp,
): ChildSaStatus {
  const traffic = (direction: 'inbound' | 'outbound', spi: number): SaTraffic => {
    const sa = counters.sas.find((entry) => entry.direction === direction && entry.spi === spi)
    return {
      spi: spi.toString(16).padStart(8, '0'),
      packets: sa?.packets ?? 0,
      octets: sa?.octets ?? 0,
      sequence: sa?.sequence ?? 0,
      ...(sa === undefined || sa.lastUsed === 0 ? {} : { lastUsedAt: time(sa.lastUsed) }),
      dropped: droppedBy((cause) => sa?.[cause] ?? 0),
    }
  }
  return {
    pair: facts.child.pair,
    state: facts.state,
    local: formatSelector(facts.selectors.local),
    remote: formatSelector(facts.selectors.remote),
    suite: formatEspSuite(facts.suite),
    pfs: formatPfs(facts.pfs),
    mode: facts.mode,
    encapsulation: facts.encapsulation,
    in: traffic('inbound', facts.inboundSpi),
    out: traffic('outbound', facts.outboundSpi),
    establishedAt: time(facts.establishedAt),
    rekeyAt: time(facts.rekeyAt),
    expiresAt: time(facts.expiresAt),
  }
}
