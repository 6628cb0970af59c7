import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { type Endpoint, ip } from '#bytes/ip'
import type { Config } from '#config/config'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { VersionProbes } from './version-probes.ts'

const DAY = 86_400_000
const paris = sampleTunnel('paris', { probeV2: true })
const lyon = sampleTunnel('lyon', { probeV2: true })
const tokyo = sampleTunnel('tokyo', { probeV2: true, peer: ip('192.0.2.9') })
const quiet = sampleTunnel('quiet', { probeV2: false, peer: ip('192.0.2.10') })

test('asks each peer once a day, however many tunnels it has, and no one who shall not be asked', () => {
  const { sent, pass } = rig(sampleConfig(paris, lyon, tokyo, quiet))
  pass(9_000)
  assert.deepEqual(sent, [])
  pass(5_000)
  assert.deepEqual(
    sent.map(({ remote }) => remote),
    [
      { address: '198.51.100.7', port: 500 },
      { address: '192.0.2.9', port: 500 },
    ],
  )
  pass(DAY - 10_000)
  assert.equal(sent.length, 2)
  pass(10_000)
  assert.equal(sent.length, 4)
})

test('takes the answer that bears its SPI from the peer it asked, and no other', () => {
  const { sent, pass, probes, answers } = rig(sampleConfig(paris, lyon))
  pass(11_000)
  const [probe] = sent
  assert.ok(probe)
  const answer = noProposal(probe.octets)
  assert.equal(probes.take(answer, { address: ip('203.0.113.99'), port: 500 }), false)
  assert.equal(probes.take(noProposal(new Uint8Array(8)), probe.remote), false)
  assert.equal(probes.take(answer, probe.remote), true)
  assert.equal(probes.take(answer, probe.remote), false)
  assert.deepEqual(answers, [[['paris', 'lyon'], 'not-for-us']])
  assert.equal(probes.result(lyon)?.answer, 'not-for-us')
})

test('a peer that says nothing is no peer that answers; it is asked again the next day', () => {
  const { pass, probes, sent, answers } = rig(sampleConfig(paris))
  pass(16_000)
  assert.equal(probes.result(paris)?.answer, 'none')
  pass(DAY)
  assert.equal(sent.length, 2)
  // The same again is no news.
  assert.equal(answers.length, 1)
})

test('a reload keeps what is known of peers that stay and asks none of them sooner', () => {
  const { pass, probes, sent } = rig(sampleConfig(paris))
  pass(16_000)
  probes.configure(sampleConfig(paris, tokyo))
  pass(20_000)
  assert.equal(probes.result(paris)?.answer, 'none')
  assert.equal(sent.length, 2)
})

function rig(config: Config) {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = 1_000
  const sent: { octets: Uint8Array; remote: Endpoint }[] = []
  const answers: unknown[] = []
  let seed = 0
  const probes = new VersionProbes({
    clock: { now: () => now, wall: (instant) => new Date(instant) },
    random: (octets) => new Uint8Array(octets).fill(++seed),
    send: (octets, _local, remote) => sent.push({ octets, remote }),
    onAnswer: (tunnels, answer) => answers.push([tunnels, answer]),
  })
  probes.configure(config)
  const pass = (milliseconds: number) => {
    for (const end = now + milliseconds; now < end; ) {
      const step = Math.min(1_000, end - now)
      now += step
      mock.timers.tick(step)
    }
  }
  return { probes, sent, answers, pass }
}

/** NO_PROPOSAL_CHOSEN to a probe, or to anything that begins with an SPI. */
function noProposal(probe: Uint8Array): Uint8Array {
  const header = [...probe.subarray(0, 8), ...new Uint8Array(8), 41, 0x20, 34, 0x20]
  return Uint8Array.of(...header, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 8, 0, 0, 0, 14)
}
