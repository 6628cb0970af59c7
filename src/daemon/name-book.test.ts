import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type IpAddress, ip } from '#bytes/ip'
import { NameBook } from './name-book.ts'

const NAME = 'vpn.paris.example'
const FIRST = ip('198.51.100.7')

/** A book whose lookups are answered when the test says so. */
function rig(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const open: {
    readonly name: string
    readonly resolve: (found: readonly IpAddress[]) => void
    readonly reject: (error: Error) => void
  }[] = []
  const clock = { now: () => Date.now(), wall: (instant: number) => new Date(instant) }
  const book = new NameBook(
    clock,
    (name) => new Promise((resolve, reject) => open.push({ name, resolve, reject })),
  )
  return { book, open, pass: (seconds: number) => context.mock.timers.tick(seconds * 1_000) }
}

test('what a name leads to is known from its last lookup that found any', async (context) => {
  const { book, open } = rig(context)
  assert.deepEqual(book.facts(NAME), { addresses: [] })
  const found = book.ask(NAME)
  open[0]!.resolve([FIRST])
  await found
  assert.deepEqual(book.facts(NAME), { addresses: [FIRST], foundAt: 0 })
  const failed = book.ask('VPN.paris.example')
  open[1]!.reject(Object.assign(new Error('x'), { code: 'EAI_AGAIN' }))
  await failed
  const trouble = 'no name server answers (EAI_AGAIN)'
  assert.deepEqual(book.facts(NAME), { addresses: [FIRST], foundAt: 0, trouble })
})

test('a lookup that hangs is waited for five seconds, and none is begun beside it', async (context) => {
  const { book, open, pass } = rig(context)
  const asked = book.ask(NAME)
  pass(5)
  await asked
  assert.equal(book.facts(NAME).trouble, 'no answer in 5 s')
  const again = book.ask(NAME)
  assert.equal(open.length, 1)
  open[0]!.resolve([FIRST])
  await again
  assert.deepEqual(book.facts(NAME), { addresses: [FIRST], foundAt: 5_000 })
})

test('who wants to know it anew is not served with what was asked before', async (context) => {
  const { book, open } = rig(context)
  const before = book.ask(NAME)
  const anew = book.askAnew(NAME)
  open[0]!.reject(new Error('no'))
  await before
  await Promise.resolve()
  open[1]!.resolve([FIRST])
  await anew
  assert.deepEqual(book.facts(NAME).addresses, [FIRST])
})

test('a name is due after five seconds, then ten, and once a minute in the end', async (context) => {
  const { book, open } = rig(context)
  const pauses: number[] = []
  for (let i = 0; i < 6; i++) {
    const asked = book.ask(NAME)
    open.at(-1)!.reject(new Error('no'))
    await asked
    pauses.push(book.dueAt(NAME) / 1_000)
  }
  assert.deepEqual(pauses, [5, 10, 20, 40, 60, 60])
  book.rest(NAME)
  assert.equal(book.dueAt(NAME), 5_000)
})

test('a name without an address, and one with a thousand, are bounded', async (context) => {
  const { book, open } = rig(context)
  const none = book.ask(NAME)
  open[0]!.resolve([])
  await none
  assert.equal(book.facts(NAME).trouble, 'it has no address')
  const many = book.ask(NAME)
  open[1]!.resolve(Array.from({ length: 1_000 }, () => FIRST))
  await many
  assert.equal(book.facts(NAME).addresses.length, 16)
})
