import { z } from 'zod'

/** What the reference says of a key; its type, default and bounds stand in the schema beside it. */
export type KeyDoc = {
  readonly sentence: string
  readonly paragraph: string
  /** The value as one writes it in YAML. */
  readonly example: string
  /** Version of Causeway that first read it. */
  readonly since: string
  /** Words for a default that is not a constant. */
  readonly otherwise?: string
  readonly unit?: string
}

const docs = z.registry<KeyDoc>()

export function documented<S extends z.ZodType>(schema: S, doc: KeyDoc): S {
  docs.add(schema, doc)
  return schema
}

export function docOf(schema: z.core.$ZodType): KeyDoc | undefined {
  return docs.get(schema)
}
