import { z } from 'zod'

/** The keys a value may have, when one of its forms is a group of keys. */
export function keysOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape
  return within(schema)
    .map(keysOf)
    .find((shape) => shape !== undefined)
}

/** The keys at a place inside a value, following `path`. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  const [step, ...rest] = path
  const keys = keysOf(schema) ?? {}
  if (step === undefined) return Object.keys(keys)
  const next = keys[String(step)]
  return next === undefined ? [] : keysAt(next, rest)
}

function within(schema: z.ZodType): readonly z.ZodType[] {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return [schema.unwrap() as z.ZodType]
  }
  if (schema instanceof z.ZodPipe) return [schema.in as z.ZodType]
  if (schema instanceof z.ZodUnion) return schema.options as readonly z.ZodType[]
  return []
}
