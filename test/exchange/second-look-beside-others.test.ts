// A second look at one network pair leaves the others alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IpAddress } from '#bytes/ip'
import { ExchangeType } from '#iana/isakmp'
import { childNotify } from '#ikev1/notify'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { selectorFromPayload } from '#wire/v1/id-payload'
import { events, snapshot } from '../support/exchange.ts'
import { responderScene } from '../support/responder-scene.ts'
import type { Received } from '../support/scripted-peer.ts'
import type { ScriptedResponder } from '../support/scripted-responder.ts'
import { pair, TUNNEL } from '../support/sites.ts'

const NETWORKS = [
  pair('10.1.0.0', '10.1.255.255', '10.2.0.0', '10.2.255.255'),
  pair('10.3.0.0', '10.3.255.255', '10.4.0.0', '10.4.255.255'),
]

test('a refusal of a question that comes too late ends no other Quick mode', () => {
  const { rehearsal, peer, asked } = refusingScene()
  const [first] = asked(peer.answerMainMode())
  assert.ok(first !== undefined)
  const questions = [...asked(refuse(peer, first, 'NO-PROPOSAL-CHOSEN'))]
  while (failed(rehearsal).length === 0) questions.push(...asked(peer.receive()))
  const last = questions.filter(({ local }) => local === first.local).at(-1)
  assert.ok(last !== undefined)
  refuse(peer, last, 'NO-PROPOSAL-CHOSEN')
  assert.deepEqual(
    failed(rehearsal).map(({ pair: of }) => of),
    [0],
  )
})

test('what was found of the networks of one pair is not said of another', () => {
  const { rehearsal, peer, asked } = refusingScene()
  let questions = asked(peer.answerMainMode())
  while (failed(rehearsal).length < 2) {
    const [next, ...others] = questions
    const heard = next === undefined ? peer.receive() : refuse(peer, next, 'INVALID-ID-INFORMATION')
    questions = [...others, ...asked(heard)]
  }
  const [one, other] = failed(rehearsal).map(({ failure }) => failure.evidence)
  assert.match(
    one ?? '',
    /asked beside it for everything, in IPv4 and in IPv6, for these the other way/,
  )
  assert.doesNotMatch(other ?? '', /for these the other way round/)
})

test('refusals that differ from pair to pair lead to one second look each, however often they come', () => {
  const { rehearsal, peer, asked } = refusingScene()
  let questions = asked(peer.answerMainMode())
  let begun = 0
  while (failed(rehearsal).length < 12) {
    const [next, ...others] = questions
    if (next !== undefined) begun++
    const isFirst = next?.local === NETWORKS[0]?.local.start
    const kind = isFirst ? 'NO-PROPOSAL-CHOSEN' : 'INVALID-ID-INFORMATION'
    const heard = next === undefined ? peer.receive() : refuse(peer, next, kind)
    questions = [...others, ...asked(heard)]
  }
  assert.ok(begun - failed(rehearsal).length < 2 * 11)
})

test('what is refused while another Quick mode is under way is looked at when it is tried alone', () => {
  const { rehearsal, peer, asked } = refusingScene()
  const [first] = asked(peer.answerMainMode())
  assert.ok(first !== undefined)
  rehearsal.runFor(2_500)
  const [second] = asked(peer.receive())
  assert.ok(second !== undefined)
  assert.notEqual(second.local, first.local)
  assert.deepEqual(asked(refuse(peer, second, 'NO-PROPOSAL-CHOSEN')), [])
  assert.deepEqual(
    failed(rehearsal).map(({ pair: of }) => of),
    [1],
  )
})

test('a tunnel that the operator takes down in the middle of one has failed of nothing', () => {
  const { rehearsal, peer, asked } = refusingScene()
  const [first] = asked(peer.answerMainMode())
  assert.ok(first !== undefined)
  refuse(peer, first, 'NO-PROPOSAL-CHOSEN')
  rehearsal.command('a', { kind: 'down', tunnel: TUNNEL })
  rehearsal.runFor(1_000)
  assert.deepEqual(failed(rehearsal), [])
  assert.equal(snapshot(rehearsal, 'a').lastFailure, undefined)
})

type Refusal = 'NO-PROPOSAL-CHOSEN' | 'INVALID-ID-INFORMATION'

/** A Quick mode that side a has begun. */
type Asked = { readonly spi: Uint8Array; readonly local: IpAddress | undefined }

function refusingScene() {
  const { rehearsal, peer } = responderScene({}, { networks: NETWORKS })
  const known = new Set<number>()
  /** Of what has come, each that is new. */
  const asked = (heard: readonly Received[]): readonly Asked[] =>
    heard.flatMap((message) => {
      const { exchangeType, messageId } = message.header
      if (exchangeType !== ExchangeType.number('QUICK-MODE') || known.has(messageId)) return []
      known.add(messageId)
      const payloads = peer.read(message)
      const [id] = payloads.filter((payload) => payload.type === 'ID')
      const offer = payloads.find((payload) => payload.type === 'SA')
      const spi = offer?.proposals[0]?.spi
      assert.ok(id !== undefined && spi !== undefined)
      return [{ spi, local: selectorFromPayload(id)?.start }]
    })
  return { rehearsal, peer, asked }
}

function refuse(peer: ScriptedResponder, { spi }: Asked, name: Refusal): readonly Received[] {
  return peer.sendProtected('INFORMATIONAL', [childNotify(name, spi)])
}

function failed(rehearsal: Rehearsal) {
  return events(rehearsal, 'a', 'negotiation-failed')
}
