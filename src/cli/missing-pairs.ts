import type { NetworkStatus } from '#control/status'
import { failureText } from '#diagnosis/failure-text'
import { durationText } from '#diagnosis/names'
import { byFailure } from './standing-failure.ts'
import { clip } from './table.ts'

/** `paris is not up`, `paris: 1 of 2 network pairs is up`. */
export function lackText(tunnel: string, networks: readonly NetworkStatus[]): string {
  const up = networks.filter(({ state }) => state === 'up').length
  return up === 0 ? `${tunnel} is not up` : `${tunnel}: ${countText(networks)}`
}

/** `1 of 2 network pairs is up`. */
export function countText(networks: readonly NetworkStatus[]): string {
  const up = networks.filter(({ state }) => state === 'up').length
  return `${up} of ${networks.length} network pairs ${up === 1 ? 'is' : 'are'} up`
}

/** What is missing and why: each reason once, below the network pairs it keeps from coming up where the tunnel has several. */
export function missingLines(
  networks: readonly NetworkStatus[],
  columns: number,
): readonly string[] {
  if (networks.length === 0) return []
  const missing = networks.filter(({ state }) => state !== 'up')
  const named = (pairs: readonly NetworkStatus[]) =>
    networks.length === 1 ? [] : pairLines(pairs, columns)
  const unexplained = missing.filter(({ failure }) => failure === undefined)
  return [
    ...byFailure(missing).flatMap(({ failure, pairs }) => [
      '',
      ...named(pairs),
      ...failureText(failure, columns),
    ]),
    // Where all are missing without a reason, the line above has said so.
    ...(unexplained.length % networks.length === 0 ? [] : ['', ...named(unexplained)]),
  ]
}

/** How a network pair stands, in a word or two: `failed CW-404, retry 41s`. */
export function pairWord({ state, failure, retryAt }: NetworkStatus, at: string): string {
  if (state !== 'failed') return state
  const code = failure === undefined ? '' : ` ${failure.code}`
  const seconds = retryAt === undefined ? 0 : (Date.parse(retryAt) - Date.parse(at)) / 1_000
  return seconds < 1 ? `failed${code}` : `failed${code}, retry ${durationText(seconds)}`
}

function pairLines(pairs: readonly NetworkStatus[], columns: number): readonly string[] {
  const shown = pairs.slice(0, pairs.length > MOST_NAMED ? MOST_NAMED - 1 : MOST_NAMED)
  const rest = pairs.length - shown.length
  return [
    ...shown.map(({ local, remote }) => clip(`  ${local} ↔ ${remote} is not up`, columns)),
    ...(rest === 0 ? [] : [`  and ${rest} more are not up`]),
  ]
}

const MOST_NAMED = 5
