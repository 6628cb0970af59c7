import assert from 'node:assert/strict'
import type { Effect } from '#ike/effects'
import { Engine } from '#ike/engine'
import type { Event, TunnelSnapshot } from '#ike/events'
import { ikev1 } from '#ikev1/version'
import type { EngineMaker } from '#rehearsal/gateway'
import { Rehearsal, type RehearsalSettings, type Side } from '#rehearsal/rehearsal'
import { disagreements } from './agreement.ts'
import { type Sites, sites, TUNNEL } from './sites.ts'

export const newEngine: EngineMaker = (crypto) => new Engine({ versions: [ikev1], crypto })

export type Options = Partial<Omit<RehearsalSettings, 'a' | 'b'>>

/** Two gateways before they have their configuration: nothing has been sent. */
export function prepare(of: Sites = sites(), options: Options = {}): Rehearsal {
  return new Rehearsal({ seed: 1, ...of, newEngine, ...options })
}

/** Two gateways that have their configuration and have not yet been given time. */
export function rehearse(of: Sites = sites(), options: Options = {}): Rehearsal {
  const rehearsal = prepare(of, options)
  rehearsal.start()
  return rehearsal
}

/** Two gateways whose tunnel is up. */
export function rehearseUp(
  of: Sites = sites({}, {}, { start: 'respond' }),
  options: Options = {},
): Rehearsal {
  const rehearsal = rehearse(of, options)
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
  return rehearsal
}

export function assertUp(rehearsal: Rehearsal): void {
  assert.deepEqual(disagreements(rehearsal, TUNNEL), [])
}

/** Everything the engines of a and b wanted, in order. */
export function recorded(): {
  readonly engines: readonly (readonly Effect[])[]
  readonly options: Required<Pick<Options, 'newEngine'>>
} {
  const engines: Effect[][] = []
  const options = {
    newEngine: (...parts: Parameters<typeof newEngine>) => {
      const engine = newEngine(...parts)
      const effects: Effect[] = []
      engines.push(effects)
      return {
        handle: (...input: Parameters<typeof engine.handle>) => {
          const wanted = engine.handle(...input)
          effects.push(...wanted)
          return wanted
        },
        snapshot: (now: number) => engine.snapshot(now),
      }
    },
  }
  return { engines, options }
}

export function snapshot(rehearsal: Rehearsal, side: Side): TunnelSnapshot {
  const found = rehearsal.gateways[side]
    .snapshot(rehearsal.now)
    .find((one) => one.tunnel === TUNNEL)
  assert.ok(found !== undefined, `side ${side} knows the tunnel`)
  return found
}

export function events<Kind extends Event['kind']>(
  rehearsal: Rehearsal,
  side: Side,
  kind: Kind,
): readonly Extract<Event, { kind: Kind }>[] {
  return rehearsal.gateways[side].events.filter(
    (event): event is Extract<Event, { kind: Kind }> => event.kind === kind,
  )
}

/**
 * The messages as side a saw them, one arrow each: `a → b  main 1  SA VID VID`. A star marks an encrypted message, a number
 * in brackets a repetition. Vendor IDs count as one.
 */
export function arrows(rehearsal: Rehearsal): readonly string[] {
  return events(rehearsal, 'a', 'message').map(
    ({ direction, exchange, number, encrypted, repeat, payloads }) => {
      const names = payloads.map(({ type }) => type)
      const once = names.filter((name, i) => name !== 'VID' || names.indexOf('VID') === i)
      const arrow = direction === 'sent' ? 'a → b' : 'a ← b'
      const again = repeat === 0 ? '' : ` (${repeat})`
      return `${arrow}  ${exchange} ${number}${encrypted ? '*' : ''}${again}  ${once.join(' ')}`
    },
  )
}
