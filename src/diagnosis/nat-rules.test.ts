import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip } from '#bytes/ip'
import { rewritingOf } from './nat-rules.ts'

const PACKET = { source: ip('10.1.4.20'), destination: ip('10.2.9.9'), device: 'cw-paris' }
const OUT = match({ meta: { key: 'oifname' } }, 'wan')
const FROM_OURS = match(address('saddr'), prefix('10.1.0.0', 16))
const TO_THEIRS = match(address('daddr'), prefix('10.2.0.0', 16))
const MASQUERADE = { masquerade: null }
const ACCEPT = { accept: null }

test('a rule for another device catches nothing, one for every device does', () => {
  assert.equal(found([OUT, MASQUERADE]), undefined)
  assert.deepEqual(found([FROM_OURS, { counter: {} }, MASQUERADE]), {
    table: 'ip nat',
    chain: 'postrouting',
    handle: 1,
    kind: 'masquerade',
    certain: true,
  })
  assert.equal(found([{ snat: { addr: '203.0.113.10' } }])?.kind, 'snat')
})

test('what is accepted before is not rewritten', () => {
  assert.equal(found([TO_THEIRS, ACCEPT], [MASQUERADE]), undefined)
  assert.equal(found([MASQUERADE], [TO_THEIRS, ACCEPT])?.handle, 1)
})

test('negations, sets, ranges and patterns of names are understood', () => {
  const notTheirs = match(address('daddr'), prefix('10.2.0.0', 16), '!=')
  assert.equal(found([notTheirs, MASQUERADE]), undefined)
  const set = { set: ['192.0.2.1', prefix('10.2.0.0', 16)] }
  assert.equal(found([match(address('daddr'), set), MASQUERADE])?.certain, true)
  const range = { range: ['10.1.0.0', '10.1.3.255'] }
  assert.equal(found([match(address('saddr'), range), MASQUERADE]), undefined)
  assert.equal(found([match({ meta: { key: 'oifname' } }, 'cw-*'), MASQUERADE])?.certain, true)
})

test('a match nobody can decide makes it a perhaps, and a certain one behind it wins', () => {
  const mark = match({ meta: { key: 'mark' } }, 7)
  assert.equal(found([mark, MASQUERADE])?.certain, false)
  assert.equal(found([mark, MASQUERADE], [MASQUERADE])?.handle, 2)
  assert.equal(found([mark, ACCEPT], [MASQUERADE])?.certain, false)
  const named = match(address('saddr'), '@ours')
  assert.equal(found([named, MASQUERADE])?.certain, false)
})

test('chains that are jumped to are followed, and only from chains that see what leaves', () => {
  const jump = { jump: { target: 'more' } }
  const more = [rule('more', 9, [MASQUERADE])]
  assert.equal(rewritingOf(ruleset([[FROM_OURS, jump]], more), PACKET)?.handle, 9)
  assert.equal(rewritingOf(ruleset([[OUT, jump]], more), PACKET), undefined)
  assert.equal(rewritingOf(ruleset([[OUT, MASQUERADE]], more), PACKET), undefined)
})

test('a rule of another family is none', () => {
  const six = { source: ip('fd00:1::2'), destination: ip('fd00:2::2'), device: 'cw-paris' }
  assert.equal(rewritingOf(ruleset([[MASQUERADE]]), six), undefined)
})

test('no ruleset, whatever it holds, makes it throw', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void rewritingOf(value, PACKET)))
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (expressions) => {
      rewritingOf(ruleset([expressions]), PACKET)
    }),
  )
})

function found(...rules: readonly (readonly unknown[])[]) {
  return rewritingOf(ruleset(rules), PACKET)
}

function ruleset(rules: readonly (readonly unknown[])[], more: readonly unknown[] = []): unknown {
  const chain = {
    family: 'ip',
    table: 'nat',
    name: 'postrouting',
    type: 'nat',
    hook: 'postrouting',
  }
  return {
    nftables: [
      { metainfo: { json_schema_version: 1 } },
      { chain },
      { chain: { family: 'ip', table: 'nat', name: 'more' } },
      ...rules.map((expr, index) => rule('postrouting', index + 1, expr)),
      ...more,
    ],
  }
}

function rule(chain: string, handle: number, expr: readonly unknown[]): unknown {
  return { rule: { family: 'ip', table: 'nat', chain, handle, expr } }
}

function match(left: unknown, right: unknown, op = '=='): unknown {
  return { match: { op, left, right } }
}

function address(field: string): unknown {
  return { payload: { protocol: 'ip', field } }
}

function prefix(addr: string, len: number): unknown {
  return { prefix: { addr, len } }
}
