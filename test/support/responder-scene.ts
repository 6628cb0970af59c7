import assert from 'node:assert/strict'
import type { TunnelConfig } from '#config/config'
import { Rehearsal } from '#rehearsal/rehearsal'
import { newEngine } from './exchange.ts'
import { ScriptedResponder } from './scripted-responder.ts'
import { configOf, sites } from './sites.ts'

/** Side a has begun; a scripted responder stands at side b. No PFS, so that Quick mode needs no key agreement. */
export function responderScene(
  more: Partial<TunnelConfig['phase2']> = {},
  changes: Partial<TunnelConfig> = {},
): {
  rehearsal: Rehearsal
  peer: ScriptedResponder
} {
  const phase2: TunnelConfig['phase2'] = {
    suites: [{ encryption: 'aes256-gcm16', integrity: 'none', esn: false }],
    pfs: 'none',
    lifetime: { seconds: 3_600 },
    ...more,
  }
  const of = sites({ phase2, ...changes })
  const rehearsal = new Rehearsal({ seed: 1, a: of.a, b: configOf('b'), newEngine })
  const [tunnel] = of.b.tunnels
  assert.ok(tunnel !== undefined)
  rehearsal.start()
  return { rehearsal, peer: new ScriptedResponder(rehearsal, tunnel) }
}
