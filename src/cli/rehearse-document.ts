import type { TunnelConfig } from '#config/config'
import { toJson } from '#control/json-octets'
import { positionOf } from '#diagnosis/failure-text'
import { ladderDocument } from '#diagnosis/ladder'
import { pairText } from '#diagnosis/names'
import { formatEspSuite, formatIkeSuite, formatPfs } from '#policy/proposal'
import type { Side } from '#rehearsal/rehearsal'
import type { PairFinding, Trial } from '#rehearsal/trial'
import type { Rehearsed, RehearseOptions } from './rehearse.ts'

/** What `rehearse --json` prints; see docs/guide/rehearse.md. */
export function rehearsalDocument({
  files,
  options: { seed, loss, nat },
  rehearsed,
  strangers,
  ok,
}: {
  readonly files: Readonly<Record<Side, string>>
  readonly options: RehearseOptions
  readonly rehearsed: readonly Rehearsed[]
  readonly strangers: Readonly<Record<Side, readonly TunnelConfig[]>>
  readonly ok: boolean
}): string {
  const document = {
    schema: 1,
    ok,
    files,
    seed,
    loss,
    nat,
    tunnels: rehearsed.map((one) => ({
      a: one.meeting.a.name,
      b: one.meeting.b.name,
      ok: one.ok,
      addresses: one.meeting.addresses,
      keys: one.keys,
      trials: one.trials.map((trial) => trialDocument(trial, one)),
      endurances: one.endurances,
    })),
    strangers: {
      a: strangers.a.map(({ name }) => name),
      b: strangers.b.map(({ name }) => name),
    },
  }
  return JSON.stringify(JSON.parse(toJson(document)), null, 2)
}

function trialDocument(trial: Trial, { meeting }: Rehearsed) {
  const { begins, came, milliseconds, ikeSa, pairs, missing, dropped, events } = trial
  const failures = (end: Side) =>
    trial.failures[end].map((failure) => ({
      ...failure,
      line: positionOf(failure, meeting[end]),
    }))
  return {
    begins,
    came,
    milliseconds,
    messages: ladderDocument(events.a),
    phase1:
      ikeSa === undefined
        ? undefined
        : {
            exchange: ikeSa.exchange,
            suite: formatIkeSuite(ikeSa.suite),
            lifetime: ikeSa.lifetime,
            localId: ikeSa.localId,
            remoteId: ikeSa.remoteId,
            nat: ikeSa.nat,
          },
    pairs: pairs.map(pairDocument),
    missing: missing.map(pairText),
    failures: { a: failures('a'), b: failures('b') },
    dropped,
  }
}

function pairDocument({ selectors, childSa, opens, mtu, mss }: PairFinding) {
  return {
    networks: pairText(selectors),
    up: opens.a && opens.b,
    ...(childSa === undefined
      ? {}
      : {
          suite: formatEspSuite(childSa.suite),
          pfs: childSa.pfs === 'none' ? 'none' : formatPfs(childSa.pfs),
          lifetime: childSa.lifetime,
          mode: childSa.mode,
          encapsulation: childSa.encapsulation,
          mtu,
          mss,
        }),
  }
}
