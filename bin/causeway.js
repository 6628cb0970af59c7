#!/usr/bin/env node
// Finds the program beside it: the sources of a checkout, or dist/ of the published package.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const source = new URL('../src/cli/main.ts', import.meta.url)
const built = new URL('../dist/cli/main.js', import.meta.url)
const pinned = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))

if (!existsSync(source)) await start(built)
else if (process.features.typescript) await start(source)
// Once only: options in the environment may keep the pinned Node from it too.
else if (existsSync(pinned) && !process.env.CAUSEWAY_PINNED_NODE) again(pinned)
else if (existsSync(built)) await start(built)
else {
  console.error(`causeway: Node ${process.versions.node} cannot run the sources of this checkout`)
  console.error('  npm ci')
  process.exitCode = 70
}

async function start(program) {
  const { main } = await import(program.href)
  process.exitCode = await main(process.argv.slice(2))
}

/** Becomes, as far as Node allows, the same program under another Node: its signals, its end. */
function again(node) {
  // The channel lets it notice when we are killed, so that no gateway is left behind.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, CAUSEWAY_PINNED_NODE: node },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => {
    console.error(`causeway: ${node}: ${error.message}`)
    process.exitCode = 70
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
    process.disconnect?.()
  })
}
