import assert from 'node:assert/strict'
import { Rehearsal } from '#rehearsal/rehearsal'
import { assertUp, newEngine, snapshot } from './exchange.ts'
import { type Beside, ScriptedPeer } from './scripted-peer.ts'
import { A_BEGINS, configOf, type Sites, sites } from './sites.ts'

/** Side b waits for its peer; side a has no engine of its own yet, so that a test can speak in its place. */
export type Scene = {
  readonly rehearsal: Rehearsal
  readonly peer: ScriptedPeer
  readonly of: Sites
}

export function scene(of: Sites = sites({}, {}, A_BEGINS)): Scene {
  const rehearsal = new Rehearsal({ seed: 1, a: configOf('a'), b: of.b, newEngine })
  rehearsal.start()
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined)
  return { rehearsal, peer: new ScriptedPeer(rehearsal, tunnel), of }
}

/** The same after Main mode: what the peer sends now is sent under the keys. */
export function establishedScene(of?: Sites, beside?: Beside): Scene {
  const made = scene(of)
  made.peer.mainMode(beside)
  assert.equal(snapshot(made.rehearsal, 'b').ikeSas.length, 1)
  return made
}

/** The gateway has no SA from all this, and the real peer can connect at once. */
export function assertSurvived({ rehearsal, of }: Scene): void {
  assert.deepEqual(snapshot(rehearsal, 'b').ikeSas, [])
  assertServes({ rehearsal, of })
}

/** The real peer, configured now, can connect at once. */
export function assertServes({ rehearsal, of }: Pick<Scene, 'rehearsal' | 'of'>): void {
  rehearsal.configure('a', of.a)
  rehearsal.runFor(3_000)
  assertUp(rehearsal)
}

/** The SAs that the peer made are all still there. */
export function assertUntouched({ rehearsal }: Scene, children: number): void {
  assert.equal(snapshot(rehearsal, 'b').ikeSas.length, 1)
  assert.equal(snapshot(rehearsal, 'b').childSas.length, children)
  assert.equal(rehearsal.gateways.b.dataPlane.inbound.length, children)
}
