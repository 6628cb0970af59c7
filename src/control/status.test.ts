import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { statusSample } from '../../test/support/status-sample.ts'

const page = readFileSync(new URL('../../docs/status-json.md', import.meta.url), 'utf8')
const documented = [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(
  ([, field = '', type = '']) => ({ field, type: type.trim() }),
)

test('docs/status-json.md names exactly the fields there are', () => {
  const fields = new Set(leaves(statusSample).map(({ path }) => path))
  assert.deepEqual(documented.map(({ field }) => field).sort(), [...fields].sort())
})

test('docs/status-json.md gives each field its type', () => {
  const types = new Map(documented.map(({ field, type }) => [field, type.replace(', maybe', '')]))
  for (const { path, value } of leaves(statusSample)) {
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
    assert.equal(types.get(path), isTime ? 'time' : typeof value, path)
  }
})

test('docs/status-json.md calls optional what a tunnel may lack', () => {
  const [paris, plant, tokyo] = statusSample.tunnels
  const always = [paris, plant, tokyo].map(
    (tunnel) => new Set(leaves(tunnel).map(({ path }) => path)),
  )
  for (const { field, type } of documented) {
    const path = /^tunnels\[\]\.(\w+)$/.exec(field)?.[1]
    if (path === undefined) continue
    const everywhere = always.every((paths) => paths.has(path))
    assert.equal(type.includes('maybe'), !everywhere, field)
  }
})

type Leaf = { readonly path: string; readonly value: unknown }

function leaves(value: unknown, path = ''): readonly Leaf[] {
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, `${path}[]`))
  if (typeof value !== 'object' || value === null) return [{ path, value }]
  return Object.entries(value).flatMap(([key, item]) => {
    // The causes are open: one row stands for them.
    if (path === 'dropped') return [{ path: 'dropped.*', value: item }]
    return leaves(item, path === '' ? key : `${path}.${key}`)
  })
}
