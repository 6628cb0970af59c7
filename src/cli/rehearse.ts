import { basename } from 'node:path'
import type { Config, TunnelConfig } from '#config/config'
import { opensslEcdsa } from '#platform/openssl-ecdsa'
import { type Keys, withAssumedKeys } from '#rehearsal/assumed-keys'
import { type Endurance, endure, type Strain } from '#rehearsal/endurance'
import { type Meeting, meetingOf, meetings, type NatSides, withNamesMet } from '#rehearsal/pairing'
import type { Side } from '#rehearsal/rehearsal'
import type { Circumstances } from '#rehearsal/scene'
import { beginnings, type Trial, tryMeeting } from '#rehearsal/trial'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { rehearsalDocument } from './rehearse-document.ts'
import { loadRehearsable } from './rehearse-files.ts'
import { presetPeer, withStandInAddresses } from './rehearse-peer.ts'
import { meetingLines, presetLines, strangersLines } from './rehearse-view.ts'
import type { Terminal } from './terminal.ts'

export type RehearseOptions = {
  readonly tunnel?: readonly string[]
  /** A preset in place of the other end's file. */
  readonly peer?: string
  /** Share of datagrams, 0 to 1. */
  readonly loss: number
  readonly nat: NatSides
  readonly rekeyStorm?: boolean
  readonly restart?: boolean
  readonly hours?: number
  readonly seed: number
  readonly assumeSameKey?: boolean
  readonly json?: boolean
}

/** One pair of tunnels and all that was tried with it. */
export type Rehearsed = {
  readonly meeting: Meeting
  readonly keys: Keys
  readonly trials: readonly Trial[]
  readonly endurances: readonly Endurance[]
  readonly ok: boolean
}

/** What stands for each end in texts: its file, or in a single file its tunnel. */
export type Labels = (meeting: Meeting) => Readonly<Record<Side, string>>

/** `causeway rehearse A.yaml B.yaml`: both gateways in the simulator; ends with 1 when a tunnel would not come up. */
export function rehearse(
  terminal: Terminal,
  files: readonly string[],
  options: RehearseOptions,
): ExitCode {
  const { peer } = options
  const [fileOfA = '', fileOfB = peer === undefined ? fileOfA : `${peer} preset`, tooMany] = files
  if (tooMany !== undefined || (peer !== undefined && files.length > 1)) {
    terminal.err(
      'causeway: rehearse takes two files, or one that has both ends, or one and --peer\n',
    )
    return EXIT.usage
  }
  const configs: Config[] = []
  for (const file of new Set([fileOfA, ...files])) {
    const color = terminal.style('red', 'x') !== 'x'
    const read = loadRehearsable(file, options.assumeSameKey === true, terminal.columns, color)
    if (read.kind === 'invalid') {
      terminal.err(read.problems)
      return EXIT.configuration
    }
    configs.push(peer === undefined ? read.config : withStandInAddresses(read.config))
  }
  const [a, another = a] = configs
  if (a === undefined || another === undefined) return EXIT.usage
  const b = options.peer === undefined ? another : presetPeer(a, options.peer, terminal.columns)
  if (typeof b === 'string') {
    terminal.err(`causeway: ${b}\n`)
    return EXIT.usage
  }
  const { nat } = options
  const ofA = withNamesMet(a.tunnels, b.tunnels, nat === 'b' || nat === 'both')
  const ofB = a === b ? ofA : withNamesMet(b.tunnels, a.tunnels, nat === 'a' || nat === 'both')
  const found = choose(ofA, ofB, options)
  if (typeof found === 'string') {
    terminal.err(`causeway: ${found}\n`)
    return EXIT.usage
  }
  const names = namesOf(fileOfA, fileOfB)
  const rehearsed = rehearseAll(found, options)
  const strangers = {
    a: ofA.filter((tunnel) => !found.some((one) => one.a === tunnel || one.b === tunnel)),
    b: a === b ? [] : ofB.filter((tunnel) => !found.some((one) => one.b === tunnel)),
  }
  const ok = rehearsed.length > 0 && rehearsed.every((one) => one.ok)
  if (options.json === true) {
    const document = rehearsalDocument({
      files: { a: fileOfA, b: fileOfB },
      options,
      rehearsed,
      strangers,
      ok,
    })
    terminal.out(`${document}\n`)
  } else {
    const lines = rehearsed.flatMap((one) => [
      ...meetingLines(one, names(one.meeting), terminal),
      '',
    ])
    if (peer !== undefined) lines.push(...presetLines(peer, terminal))
    lines.push(
      ...strangersLines(strangers, { a: fileOfA, b: fileOfB }, rehearsed.length > 0, terminal),
    )
    terminal.out(`${lines.join('\n').trimEnd()}\n`)
  }
  return ok ? EXIT.ok : EXIT.down
}

function rehearseAll(
  found: readonly Meeting[],
  { loss, nat, seed, ...strains }: RehearseOptions,
): readonly Rehearsed[] {
  const circumstances: Circumstances = {
    seed,
    loss,
    nat,
    date: Date.now(),
    bareEcdsa: opensslEcdsa(),
  }
  const assumed = found.map(withAssumedKeys)
  const others = {
    a: assumed.map(({ meeting }) => meeting.a),
    b: assumed.map(({ meeting }) => meeting.b),
  }
  return assumed.map(({ meeting, keys }) => {
    const begins = beginnings(meeting, nat)
    const trials = begins.map((one) => tryMeeting(meeting, others, one, circumstances))
    const [first] = begins
    const up = trials.every(({ came }) => came === 'up')
    const endurances =
      up && first !== undefined
        ? strainsOf(strains).map((strain) => endure(strain, meeting, others, first, circumstances))
        : []
    const ok =
      up &&
      first !== undefined &&
      first.how !== 'by-hand' &&
      endurances.every(({ ended }) => ended === 'up')
    return { meeting, keys, trials, endurances, ok }
  })
}

function strainsOf({
  hours,
  rekeyStorm,
  restart,
}: Pick<RehearseOptions, 'hours' | 'rekeyStorm' | 'restart'>): readonly Strain[] {
  return [
    ...(restart === true ? [{ kind: 'restart' } as const] : []),
    ...(rekeyStorm === true ? [{ kind: 'rekey-storm' } as const] : []),
    ...(hours === undefined ? [] : [{ kind: 'hours', hours } as const]),
  ]
}

/** The tunnels named, or those that meet by their addresses. @returns a sentence when a name fits none. */
function choose(
  ofA: readonly TunnelConfig[],
  ofB: readonly TunnelConfig[],
  { tunnel: named = [], nat }: RehearseOptions,
): readonly Meeting[] | string {
  const chosen: Meeting[] = []
  const all = meetings(ofA, ofB, nat)
  if (named.length === 0) return all
  for (const name of named) {
    const [nameOfA = '', nameOfB] = name.split(':')
    const a = ofA.find((tunnel) => tunnel.name === nameOfA)
    if (nameOfB === undefined) {
      const met = all.find((one) => one.a.name === nameOfA || one.b.name === nameOfA)
      if (met !== undefined) {
        chosen.push(met)
        continue
      }
      if (a === undefined && !ofB.some((tunnel) => tunnel.name === nameOfA))
        return `no tunnel is called ${name}; there are ${namesText([...ofA, ...ofB])}`
      return `${name} meets no tunnel of the other end by its addresses; name both: --tunnel ${name}:OTHER`
    }
    const b = ofB.find((tunnel) => tunnel.name === nameOfB)
    if (a === undefined) return `no tunnel is called ${nameOfA}; there are ${namesText(ofA)}`
    if (b === undefined) return `no tunnel is called ${nameOfB}; there are ${namesText(ofB)}`
    if (a === b) return `${name} names one tunnel twice; a tunnel has two ends`
    chosen.push(meetingOf(a, b, nat) ?? { a, b, addresses: 'differ' })
  }
  return chosen
}

function namesText(tunnels: readonly TunnelConfig[]): string {
  return [...new Set(tunnels.map(({ name }) => name))].join(', ')
}

function namesOf(fileOfA: string, fileOfB: string): Labels {
  if (fileOfA === fileOfB) return ({ a, b }) => ({ a: a.name, b: b.name })
  const same = basename(fileOfA) === basename(fileOfB)
  const names = same ? { a: fileOfA, b: fileOfB } : { a: basename(fileOfA), b: basename(fileOfB) }
  return () => names
}
