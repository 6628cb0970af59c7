import assert from 'node:assert/strict'
import type { TunnelConfig } from '#config/config'
import { memoryFiles } from '#config/files'
import { loadConfig } from '#config/reader'

export const PARIS_KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'

/** A tunnel to 198.51.100.7 as a file with these lines beside its addresses and its key has it. */
export function parisTunnel(...lines: readonly string[]): TunnelConfig {
  const text = `version: 1
tunnels:
  paris:
    address: 203.0.113.10
    peer: 198.51.100.7
    psk: "${PARIS_KEY}"
${lines.map((line) => `    ${line}\n`).join('')}`
  const { config, problems } = loadConfig('/c.yaml', {
    files: memoryFiles({ '/c.yaml': text }),
    variables: {},
    hostName: 'gw',
  })
  const [only] = config?.tunnels ?? []
  assert.ok(only, JSON.stringify(problems))
  return only
}
