// `npm run wasm`: assembles the packet kernels (src/platform/octet-work.wat) into a TypeScript file that needs no build.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import wabt from 'wabt'

const folder = join(import.meta.dirname, '../src/platform')
const SOURCE = 'octet-work.wat'
const TARGET = 'octet-work-wasm.ts'

/** What the generated file must hold. */
export async function generatedModule(): Promise<string> {
  const tools = await wabt()
  const source = readFileSync(join(folder, SOURCE), 'utf8')
  const parsed = tools.parseWat(SOURCE, source, { simd: true, threads: true, bulk_memory: true })
  const { buffer } = parsed.toBinary({})
  parsed.destroy()
  const base64 = Buffer.from(buffer).toString('base64')
  const lines = base64.match(/.{1,88}/g) ?? []
  return [
    `// Made from ${SOURCE} by \`npm run wasm\`.`,
    '',
    'export const OCTET_WORK_WASM: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('')",
    '',
  ].join('\n')
}

export const GENERATED: string = join(folder, TARGET)

if (import.meta.main) writeFileSync(GENERATED, await generatedModule())
