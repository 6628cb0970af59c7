// `npm run build`: JavaScript and declarations for the published package, in dist/.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commands } from '../src/cli/main.ts'
import { allCommands, manualPage, pageName } from '../src/cli/manual.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const compiled = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
)
if (compiled.status !== 0) process.exit(compiled.status ?? 1)
writeManual()
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(distPackage(), null, 2)}\n`)

/** The nearest package.json decides what `#bytes/ip` means: inside dist it is the emitted file. */
function distPackage(): { type: string; imports: Record<string, string> } {
  const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    imports: Record<string, string>
  }
  return {
    type: 'module',
    imports: Object.fromEntries(
      Object.entries(imports).map(([name, target]) => [
        name,
        target.replace('./src/', './').replace(/\.ts$/, '.js'),
      ]),
    ),
  }
}

/** A page a command, where npm links them from when the package is installed globally (`directories.man`). */
function writeManual(): void {
  const folder = join(dist, 'man')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const program = commands(() => {})
  mkdirSync(folder)
  for (const command of allCommands(program)) {
    const file = join(folder, `${pageName(command)}.1`)
    writeFileSync(file, manualPage(command, program, version))
  }
}
