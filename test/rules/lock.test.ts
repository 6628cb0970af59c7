import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './sources.ts'

type Entry = {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Entry>>
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Entry

// npm leaves out packages of other platforms when its registry has none; `npm ci` then refuses the whole file.
test('the lock file has an entry for every package of every platform', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter(
        (name) =>
          !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      )
      .map((name) => `${path} wants ${name}`),
  )
  assert.deepEqual(missing, [])
})

test('the lock file locks what package.json asks for', () => {
  const [locked] = [packages['']]
  assert.deepEqual(locked?.dependencies, manifest.dependencies)
  assert.deepEqual(locked?.devDependencies, manifest.devDependencies)
})

test('every dependency is pinned to one version', () => {
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  assert.deepEqual(
    wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  )
})
