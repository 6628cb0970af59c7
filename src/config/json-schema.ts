import { z } from 'zod'
import { docOf, documented } from './key-doc.ts'
import { fileKeys, gatewayKeys, tunnelKeys } from './schema.ts'

/** The whole file as one schema: for editors and the reference. Reading goes key by key. */
function fileSchema(): z.ZodType {
  const gateway = z.strictObject(gatewayKeys).optional()
  const tunnels = z.record(z.string(), z.strictObject(tunnelKeys)).optional()
  return z.strictObject({
    version: fileKeys.version,
    gateway: withDocOf(fileKeys.gateway, gateway),
    include: fileKeys.include,
    tunnels: withDocOf(fileKeys.tunnels, tunnels),
  })
}

/** JSON Schema (draft 2020-12) of what may be written, for completion in editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(fileSchema(), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const doc = docOf(zodSchema)
      if (doc !== undefined) jsonSchema.description = doc.sentence
    },
  })
}

function withDocOf(source: z.ZodType, target: z.ZodType): z.ZodType {
  const doc = docOf(source)
  return doc === undefined ? target : documented(target, doc)
}
