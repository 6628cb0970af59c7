import type { NetworkStatus, StatusDocument, TunnelStatus } from '#control/status'
import { wrap } from '#diagnosis/wrap'
import { type StandingFailure, standingFailures } from './standing-failure.ts'

/** A mail to the other administrator about all that is wrong now; nothing of it is secret, and times are in UTC. */
export function mailToPeer(tunnel: TunnelStatus, { at, gateway }: StatusDocument): string {
  const { name, local, peer, networks, state } = tunnel
  const failures = standingFailures(tunnel)
  const [only, ...more] = failures
  if (only === undefined) return `${name}: nothing has failed.\n`
  const codes = [...new Set(failures.map(({ failure }) => failure.code))].join(', ')
  const what = `our tunnel "${name}" to you ${state === 'up' ? 'is up, and something is wrong with it' : 'does not come up'}`
  const body =
    more.length === 0
      ? [
          ...wrap(`${what}: ${only.failure.summary}.`, COLUMNS),
          ...requestLines(only),
          '',
          ...valueLines([
            ['Your gateway', peer],
            ['Our gateway', `${local} (${gateway.name})`],
            ['Networks', networksText(networks)],
          ]),
          ...valueLines(factsOf(only)),
        ]
      : [
          ...wrap(`${what}, for more than one reason:`, COLUMNS),
          ...failures.flatMap((one, index) => ['', ...numbered(one, index + 1)]),
          '',
          ...valueLines([
            ['Your gateway', peer],
            ['Our gateway', `${local} (${gateway.name})`],
          ]),
        ]
  return [
    `Subject: IPsec between ${peer} and ${local}: ${codes}`,
    '',
    'Hello,',
    '',
    ...body,
    ...valueLines([['As of', `${at.slice(0, 19).replace('T', ' ')} UTC`]]),
    '',
  ].join('\n')
}

/** One of several, with the network pairs it is about. */
function numbered(one: StandingFailure, number: number): readonly string[] {
  const { failure, pairs } = one
  const about: Values = pairs.length === 0 ? [] : [['Networks', networksText(pairs)]]
  return [
    ...hanging(`${number}. `, `${failure.summary}.`, COLUMNS),
    ...requestLines(one),
    '',
    ...valueLines([...about, ...factsOf(one)]),
  ]
}

function requestLines({ failure: { forPeer } }: StandingFailure): readonly string[] {
  return forPeer === undefined ? [] : ['', ...wrap(forPeer, COLUMNS)]
}

type Values = readonly (readonly [string, string | undefined])[]

function factsOf({ failure }: StandingFailure): Values {
  const { ours, theirs, evidence, certainty } = failure
  return [
    ['We have', ours],
    ['You have', theirs],
    ['Seen in', `${evidence} (${certainty})`],
  ]
}

function networksText(networks: readonly NetworkStatus[]): string {
  return networks.map(({ local, remote }) => `yours ${remote}, ours ${local}`).join('; ')
}

function valueLines(values: Values): readonly string[] {
  return values.flatMap(([label, text]) =>
    text === undefined ? [] : hanging(label.padEnd(LABEL), text, COLUMNS),
  )
}

/** As long as lines in mails are. */
const COLUMNS = 72
const LABEL = 14

function hanging(head: string, text: string, columns: number): readonly string[] {
  return wrap(text, columns - head.length).map(
    (line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${line}`,
  )
}
