import type { StatusDocument, TunnelStatus } from '#control/status'
import { wrap } from '#diagnosis/wrap'
import { standingFailure } from './standing-failure.ts'

/** A mail to the other administrator about the last failure; nothing of it is secret, and times are in UTC. */
export function mailToPeer(tunnel: TunnelStatus, { at, gateway }: StatusDocument): string {
  const { name, local, peer, networks, state } = tunnel
  const failure = standingFailure(tunnel)
  if (failure === undefined) return `${name}: nothing has failed.\n`
  const values = [
    ['Your gateway', peer],
    ['Our gateway', `${local} (${gateway.name})`],
    ['Networks', networks.map((one) => `yours ${one.remote}, ours ${one.local}`).join('; ')],
    ['We have', failure.ours],
    ['You have', failure.theirs],
    ['Seen in', `${failure.evidence} (${failure.certainty})`],
    ['As of', `${at.slice(0, 19).replace('T', ' ')} UTC`],
  ].flatMap(([label = '', text]) =>
    text === undefined ? [] : hanging(label.padEnd(LABEL), text, COLUMNS),
  )
  return [
    `Subject: IPsec between ${peer} and ${local}: ${failure.code}`,
    '',
    'Hello,',
    '',
    ...wrap(
      `our tunnel "${name}" to you ${state === 'up' ? 'is up, and something is wrong with it' : 'does not come up'}: ${failure.summary}.`,
      COLUMNS,
    ),
    ...(failure.forPeer === undefined ? [] : ['', ...wrap(failure.forPeer, COLUMNS)]),
    '',
    ...values,
    '',
  ].join('\n')
}

/** As long as lines in mails are. */
const COLUMNS = 72
const LABEL = 14

function hanging(head: string, text: string, columns: number): readonly string[] {
  return wrap(text, columns - head.length).map(
    (line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${line}`,
  )
}
