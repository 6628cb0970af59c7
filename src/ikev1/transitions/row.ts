import { match } from '#ike/message-rules'
import type { PlacedPayload } from '#wire/v1/message'
import type { Payload } from '#wire/v1/payloads'
import { plainOf } from '../clear-message.ts'
import type { Phase1State } from '../state.ts'
import type { Phase1Environment, Step } from '../step.ts'

/** A transition of phase 1: in `from`, message `message` of its exchange leads on. `story` is what it is for. */
export type Row = {
  readonly story: string
  readonly exchange: 'main' | 'aggressive'
  readonly from: Phase1State['kind']
  readonly message: number
  /** RFC 2409 §5.4 leaves it open for the last message of Aggressive mode. */
  readonly encrypted: 'never' | 'always' | 'either'
  run(state: Phase1State, payloads: readonly PlacedPayload[], environment: Phase1Environment): Step
}

type Definition<Kind extends Phase1State['kind'], Type extends Payload['type']> = Omit<
  Row,
  'from' | 'run'
> & {
  readonly from: Kind
  /** Payloads it must have, each exactly once. */
  readonly requires: readonly Type[]
  run(
    state: Extract<Phase1State, { kind: Kind }>,
    matched: { readonly [T in Type]: Extract<Payload, { type: T }> },
    environment: Phase1Environment,
    payloads: readonly PlacedPayload[],
  ): Step
}

export function row<const Kind extends Phase1State['kind'], const Type extends Payload['type']>(
  definition: Definition<Kind, Type>,
): Row {
  const { requires, run, ...described } = definition
  return {
    ...described,
    run(state, payloads, environment) {
      const matched = match(`message ${described.message}`, plainOf(payloads), requires)
      return run(state as Extract<Phase1State, { kind: Kind }>, matched, environment, payloads)
    },
  }
}
