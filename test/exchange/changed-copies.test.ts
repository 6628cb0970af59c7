// No hash covers the flags of the header, or the padding: copies of a message may differ and still be that message.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExchangeType } from '#iana/isakmp'
import type { Rehearsal } from '#rehearsal/rehearsal'
import { assertUp, events, prepare } from '../support/exchange.ts'
import { A_BEGINS, sites } from '../support/sites.ts'

const EXCHANGE = 18
const FLAGS = 19
const QUICK_MODE = ExchangeType.number('QUICK-MODE')
const MAIN_MODE = ExchangeType.number('IDENTITY-PROTECTION')

for (const [what, exchangeType, answer, changed] of [
  ['message 2 of Quick mode', QUICK_MODE, 3, withFlag],
  ['message 2 of Quick mode', QUICK_MODE, 3, withMorePadding],
  ['message 5 of Main mode', MAIN_MODE, 6, withFlag],
] as const) {
  test(`a copy of ${what} changed where no hash looks does not keep its repetition from being answered (${changed.name})`, () => {
    const rehearsal = prepare(sites({}, {}, A_BEGINS))
    const asked = answer - 1
    let changes = 0
    let lost = 0
    rehearsal.intercept = ({ side, octets }) => {
      if (octets[EXCHANGE] !== exchangeType) return octets
      const number = numberOf(rehearsal, side, exchangeType)
      if (number === asked && changes++ === 0) return changed(octets)
      if (number === answer && lost++ === 0) return undefined
      return octets
    }
    rehearsal.start()
    rehearsal.runFor(5_000)
    assert.ok(changes > 1 && lost > 1)
    assertUp(rehearsal)
    assert.equal(events(rehearsal, 'a', 'ike-sa-established').length, 1)
  })
}

/** The number of the message that is being sent. */
function numberOf(rehearsal: Rehearsal, side: 'a' | 'b', exchangeType: number): number | undefined {
  const exchange = exchangeType === QUICK_MODE ? 'quick' : 'main'
  const sent = events(rehearsal, side, 'message').filter(({ direction }) => direction === 'sent')
  return sent.findLast((one) => one.exchange === exchange)?.number
}

/** One that RFC 2408 §3.1 knows and nobody sets in these messages: authentication only. */
function withFlag(octets: Uint8Array): Uint8Array {
  const changed = octets.slice()
  changed[FLAGS] = (changed[FLAGS] ?? 0) | 0x04
  return changed
}

function withMorePadding(octets: Uint8Array): Uint8Array {
  const changed = new Uint8Array(octets.length + 16)
  changed.set(octets)
  new DataView(changed.buffer).setUint32(24, changed.length)
  return changed
}
