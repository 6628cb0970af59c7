import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { historicNote, isOverdue, overdueProblems } from './historic.ts'

const positions = { 'ike-v1-until': { file: 'c.yaml', line: 7, column: 5 } }
const paris = sampleTunnel('paris', { ikeV1Until: '2027-06-30', positions })
const lyon = sampleTunnel('lyon')
const before = new Date('2027-06-29T23:59:59Z')
const after = new Date('2027-06-30T00:00:00Z')

test('a tunnel is overdue from its day on, and one without a day never', () => {
  assert.deepEqual([isOverdue(paris, before), isOverdue(paris, after)], [false, true])
  assert.equal(isOverdue(lyon, after), false)
})

test('an overdue tunnel is a warning at its line', () => {
  assert.deepEqual(overdueProblems(sampleConfig(paris, lyon), before), [])
  const [problem, ...others] = overdueProblems(sampleConfig(paris, lyon), after)
  assert.deepEqual(others, [])
  assert.deepEqual([problem?.severity, problem?.line], ['warning', 7])
  assert.match(problem?.message ?? '', /paris should have left IKEv1.*Historic.*2027-06-30/)
})

test('all tunnels of IKEv1 are named once with the word of the RFC', () => {
  assert.match(historicNote(sampleConfig(paris)) ?? '', /^paris speaks IKEv1, which is Historic/)
  assert.match(historicNote(sampleConfig(paris, lyon)) ?? '', /^paris, lyon speak IKEv1/)
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => sampleTunnel(name))
  assert.match(historicNote(sampleConfig(...many)) ?? '', /^7 tunnels speak IKEv1/)
  assert.equal(historicNote(sampleConfig()), undefined)
})
