import type { Payload } from '#wire/v1/payloads'
import { PeerViolation } from './errors.ts'

type PayloadOf<Type extends Payload['type']> = Extract<Payload, { type: Type }>

/** The payloads a message must have, each exactly once. Others may stand beside them: RFC 2408 §5 lets peers add what they like. */
export type Matched<Type extends Payload['type']> = { readonly [T in Type]: PayloadOf<T> }

/** @throws PeerViolation naming the payload that is missing or comes twice. */
export function match<const Type extends Payload['type']>(
  message: string,
  payloads: readonly Payload[],
  required: readonly Type[],
): Matched<Type> {
  const found: Partial<Record<Payload['type'], Payload>> = {}
  for (const type of required) {
    const [first, second] = payloads.filter((payload) => payload.type === type)
    if (first === undefined)
      throw new PeerViolation('missing-payload', `${message} has no ${type} payload`)
    if (second !== undefined)
      throw new PeerViolation('repeated-payload', `${message} has more than one ${type} payload`)
    found[type] = first
  }
  return found as Matched<Type>
}

/** All payloads of one type, in order. */
export function every<Type extends Payload['type']>(
  payloads: readonly Payload[],
  type: Type,
): readonly PayloadOf<Type>[] {
  return payloads.filter((payload): payload is PayloadOf<Type> => payload.type === type)
}
