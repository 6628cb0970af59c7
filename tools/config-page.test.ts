import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { z } from 'zod'
import { docOf } from '../src/config/key-doc.ts'
import { gatewayKeys, tunnelKeys } from '../src/config/schema.ts'
import { keysOf } from '../src/config/schema-shape.ts'
import { generatedFiles } from './config-page.ts'

for (const [path, text] of Object.entries(generatedFiles())) {
  test(`${path} says what the schema says (else run: node tools/config-page.ts)`, () => {
    const written = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
    assert.equal(written, text)
  })
}

test('every key has its documentation, with an example the schema accepts', () => {
  const walk = (keys: Readonly<Record<string, z.ZodType>>, path: string): number =>
    Object.entries(keys).reduce((count, [key, schema]) => {
      const doc = docOf(schema)
      assert.ok(doc, `${path}${key}`)
      const { success, error } = schema.safeParse(parse(doc.example))
      assert.ok(success, `${path}${key}: ${doc.example}: ${error?.message}`)
      assert.match(doc.sentence, /\.$/)
      return count + 1 + walk(keysOf(schema) ?? {}, `${path}${key}.`)
    }, 0)
  assert.ok(walk(gatewayKeys, 'gateway.') >= 3)
  assert.ok(walk(tunnelKeys, '') >= 20)
})
