import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { TunnelConfig } from '#config/config'
import type { IkeSaFacts, TunnelSnapshot } from '#ike/events'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { A_DAY, sampleAuthority, sampleGateway, TODAY } from '../../test/support/sample-pki.ts'
import { DailyWarnings } from './daily-warnings.ts'

// Both are valid for a year from TODAY on.
const root = sampleAuthority('Root')
const gateway = sampleGateway('gw', root)
const END = '2027-11-23'

test('warns once a day from thirty days ahead, and on after the end, of ours and of the CA', () => {
  const { pass, warned } = rig([certified('paris')], TODAY + 334 * A_DAY)
  pass(1)
  assert.deepEqual(warned, [])
  pass(1)
  assert.deepEqual(warned, [
    `CW-307 our certificate CN=gw, O=Example expires in 29 days (${END}): paris`,
    `CW-307 the CA CN=Root, O=Example expires in 29 days (${END}): paris`,
  ])
  pass(30)
  assert.equal(warned.length, 62)
  assert.equal(warned.at(-1), `CW-307 the CA CN=Root, O=Example expired on ${END}: paris`)
})

test('names a certificate once, with all the tunnels that depend on it', () => {
  const { pass, warned } = rig([certified('paris'), certified('lyon')], TODAY + 360 * A_DAY)
  pass(1)
  assert.match(warned[0] ?? '', /our certificate .*: paris, lyon$/)
  assert.equal(warned.length, 2)
})

test('warns of the CA where only the peer has a certificate', () => {
  const { pass, warned } = rig([loggingIn('paris')], TODAY + 360 * A_DAY)
  pass(1)
  assert.equal(warned.length, 1)
  assert.match(warned[0] ?? '', /the CA CN=Root.*: paris$/)
})

test('warns of what a peer has shown', () => {
  const peer = { subject: 'CN=gw-b', notAfter: TODAY + 19.5 * A_DAY }
  const { pass, warned } = rig([certified('paris')], TODAY, [shown('paris', peer)])
  pass(1)
  assert.deepEqual(warned, [
    'CW-307 the certificate of the peer CN=gw-b expires in 19 days (2026-12-12): paris',
  ])
})

test('warns of tunnels that should have left IKEv1', () => {
  const late = sampleTunnel('late', { ikeV1Until: '2026-11-01' })
  const { pass, warned } = rig([late, sampleTunnel('other')], TODAY)
  pass(2)
  assert.equal(warned.length, 2)
  assert.match(warned[0] ?? '', /^late should have left IKEv1/)
})

test('says nothing any more once it is stopped', () => {
  const { pass, warned, warnings } = rig([certified('paris')], TODAY + 400 * A_DAY)
  pass(1)
  warnings.stop()
  pass(3)
  assert.equal(warned.length, 2)
})

function certified(name: string): TunnelConfig {
  return sampleTunnel(name, {
    authentication: {
      kind: 'certificate',
      own: [gateway.certificate],
      key: gateway.key,
      trust: [root.certificate],
      revocation: { crl: 'off', ocsp: 'off' },
      crls: [],
    },
  })
}

/** Hybrid authentication, the client of it. */
function loggingIn(name: string): TunnelConfig {
  return sampleTunnel(name, {
    authentication: {
      kind: 'hybrid-client',
      trust: [root.certificate],
      revocation: { crl: 'off', ocsp: 'off' },
      crls: [],
    },
  })
}

function shown(tunnel: string, peerCertificate: NonNullable<IkeSaFacts['peerCertificate']>) {
  return { tunnel, ikeSas: [{ peerCertificate }] } as unknown as TunnelSnapshot
}

function rig(
  tunnels: readonly TunnelConfig[],
  start: number,
  snapshots: readonly TunnelSnapshot[] = [],
) {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = start
  const warned: string[] = []
  const warnings = new DailyWarnings({
    now: () => new Date(now),
    config: () => sampleConfig(...tunnels),
    snapshots: () => snapshots,
    warn: (text) => warned.push(text),
  })
  warnings.start()
  const pass = (days: number) => {
    for (const end = now + days * A_DAY; now < end; ) {
      now += 60_000
      mock.timers.tick(60_000)
    }
  }
  return { warnings, warned, pass }
}
