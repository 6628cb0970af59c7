import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { messageOf } from '#bytes/thrown'
import type { ImportedTunnel } from '#config/import/imported'
import { mainYaml, tunnelYaml } from '#config/import/tunnel-yaml'
import { keyFileOctets, usersFile } from '#config/key-text'
import { type NewFile, writeNewFiles } from './new-files.ts'

/** Where an import is written: beside a main file that is there, or as a folder of its own with one. */
export type ImportPlaces = {
  /** Of the main file; keys are in `keys` beside it. */
  readonly folder: string
  readonly main: string
  readonly mainIsThere: boolean
  readonly tunnels: string
}

export function placesOf(directory: string): ImportPlaces {
  const above = dirname(join(directory, '.'))
  const isInside = existsSync(join(above, MAIN)) && !existsSync(join(directory, MAIN))
  const folder = isInside ? above : directory
  const main = join(folder, MAIN)
  return {
    folder,
    main,
    mainIsThere: existsSync(main),
    tunnels: isInside ? directory : join(directory, 'tunnels.d'),
  }
}

/** Every file an import comes to, keys among them. */
export function plannedFiles(
  tunnels: readonly ImportedTunnel[],
  places: ImportPlaces,
  address: string | undefined,
): readonly NewFile[] {
  const files: NewFile[] = []
  if (!places.mainIsThere)
    files.push({ path: places.main, content: mainYaml('tunnels.d/*.yaml', address), mode: 0o644 })
  for (const tunnel of tunnels) {
    const { name, psk, password, passphrase, users } = tunnel
    const path = join(places.tunnels, `${name}.yaml`)
    files.push({ path, content: tunnelYaml(tunnel), mode: 0o644 })
    for (const [secret, ending] of [
      [psk, 'psk'],
      [password, 'password'],
      [passphrase, 'passphrase'],
      [users && usersFile(users), 'users'],
    ] as const) {
      if (secret === undefined) continue
      const file = join(places.folder, 'keys', `${name}.${ending}`)
      files.push({ path: file, content: keyFileOctets(secret), mode: 0o600 })
    }
  }
  return files
}

/** Writes all or nothing. @returns the file that is there already, or what went wrong; nothing was then written over */
export function writeFiles(files: readonly NewFile[]): string | undefined {
  const there = files.find(({ path }) => existsSync(path))
  if (there !== undefined) return `${there.path} is there already; nothing is overwritten`
  try {
    for (const { path, mode } of files)
      mkdirSync(dirname(path), { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 })
    writeNewFiles(files)
  } catch (error) {
    return messageOf(error)
  }
  return undefined
}

const MAIN = 'causeway.yaml'
