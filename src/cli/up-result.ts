import type { TunnelState } from '#control/schema'
import type { NetworkStatus } from '#control/status'
import { type FailureBlock, failureText } from '#diagnosis/failure-text'
import { durationText } from '#diagnosis/names'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { lackText, missingLines } from './missing-pairs.ts'
import { ageText } from './status-view.ts'
import type { Terminal } from './terminal.ts'

/** How bringing up one tunnel ended. */
export type UpOutcome =
  | { readonly kind: 'up'; readonly milliseconds: number }
  | {
      readonly kind: 'failed'
      readonly milliseconds: number
      /** Of the first pair that is missing. */
      readonly failure: FailureBlock
      /** Milliseconds since 1970; absent while the gateway is still at it. */
      readonly retryAt?: number
    }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'lost' }

/** With every network pair as it stands then. */
export type UpResult = UpOutcome & { readonly networks: readonly NetworkStatus[] }

export function codeOf({ kind }: UpResult): ExitCode {
  switch (kind) {
    case 'up':
      return EXIT.ok
    case 'failed':
      return EXIT.down
    case 'timeout':
      return EXIT.timeout
    case 'lost':
      return EXIT.unreachable
  }
}

/** @param timeout seconds */
export function resultLines(
  before: TunnelState,
  result: UpResult,
  { style, columns }: Pick<Terminal, 'style' | 'columns'>,
  timeout: number,
): readonly string[] {
  const { tunnel, since } = before
  const { networks } = result
  const bad = style('red', '✗')
  switch (result.kind) {
    case 'up': {
      const whole = before.networks.every(({ state }) => state === 'up')
      const when = whole
        ? `up already (${ageText(since, new Date().toISOString())})`
        : `up (${elapsed(result.milliseconds)})`
      return [`${style('green', '✓')} ${tunnel} is ${when}`]
    }
    case 'failed': {
      const { milliseconds, retryAt } = result
      const next =
        retryAt === undefined
          ? GOES_ON
          : `next try in ${durationText((retryAt - Date.now()) / 1_000)}`
      return [
        `${bad} ${lackText(tunnel, networks)} (${elapsed(milliseconds)}); ${next}`,
        ...missingLines(networks, columns),
        // In transport mode there is no pair before the address of the peer is known.
        ...(networks.length === 0 ? ['', ...failureText(result.failure, columns)] : []),
      ]
    }
    case 'timeout':
      return [
        `${bad} ${lackText(tunnel, networks)} after ${timeout} s; ${GOES_ON}`,
        `  causeway status ${tunnel}`,
        ...missingLines(networks, columns),
      ]
    case 'lost':
      return [`${bad} the gateway has stopped`]
  }
}

const GOES_ON = 'the gateway goes on trying'

/** `48 ms`, `24.0 s`. */
function elapsed(milliseconds: number): string {
  return milliseconds < 1_000
    ? `${Math.max(0, Math.round(milliseconds))} ms`
    : `${(milliseconds / 1_000).toFixed(1)} s`
}
