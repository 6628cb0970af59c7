import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBED_SUITES, type ProbedSuite, suiteName } from './phase1-suites.ts'
import { SUITES_IN_A_QUESTION, SuiteSearch } from './suite-search.ts'

test('one accepted combination is found, and nothing else is left in doubt', () => {
  const { search, questions } = play(['aes256-sha256-group14'])
  assert.deepEqual(search.accepted.map(suiteName), ['aes256-sha256-group14'])
  assert.deepEqual(search.result(false).likely, [])
  assert.equal(search.result(false).unknown, 0)
  assert.ok(questions <= 15, `${questions} questions`)
})

test('combinations that have nothing in common are all found', () => {
  const names = ['aes256-sha512-group20', 'aes128-sha1-group2', '3des-md5-group5', 'des-md5-group1']
  const { search, questions } = play(names)
  assert.deepEqual(search.accepted.map(suiteName).toSorted(), names.toSorted())
  assert.equal(search.result(false).unknown, 0)
  assert.ok(questions <= 25, `${questions} questions`)
})

test('a peer with lists of algorithms is told by its lists when there are too many to ask one by one', () => {
  const names = ['aes256', 'aes192', 'aes128'].flatMap((cipher) =>
    ['sha512', 'sha384', 'sha256', 'sha1'].flatMap((hash) =>
      [14, 15, 16, 18, 19, 20, 21, 31].map((group) => `${cipher}-${hash}-group${group}`),
    ),
  )
  const { search } = play(names, { most: 30 })
  const { accepted, likely, unknown } = search.result(false)
  assert.deepEqual([...accepted, ...likely].map(suiteName).toSorted(), names.toSorted())
  assert.equal(unknown, 0)
  assert.ok(accepted.length >= 13)
})

test('two lists side by side are not taken for one of their union', () => {
  const names = [
    'aes256-sha256-group14',
    'aes256-sha256-group19',
    '3des-sha1-group2',
    '3des-md5-group2',
  ]
  const { search } = play(names)
  assert.deepEqual(search.accepted.map(suiteName).toSorted(), names.toSorted())
  assert.deepEqual(search.result(false).likely, [])
})

test('combinations the lists would allow and the peer refuses are found out', () => {
  // As IOS has them: policies, not lists. All four algorithms of the other combinations are accepted somewhere.
  const names = ['aes256-sha256-group14', 'aes128-sha256-group14', 'aes256-sha1-group14']
  const { search } = play(names)
  assert.deepEqual(search.accepted.map(suiteName).toSorted(), names.toSorted())
  assert.deepEqual(search.result(false).likely, [])
})

test('no message carries more than it may, and none asks what is known', () => {
  const asked = new Set<string>()
  play([], {
    onQuestion: (question) => {
      assert.ok(question.length <= SUITES_IN_A_QUESTION)
      for (const suite of question) {
        assert.ok(!asked.has(suiteName(suite)), suiteName(suite))
        asked.add(suiteName(suite))
      }
    },
  })
  assert.equal(asked.size, PROBED_SUITES.length)
})

test('several questions can be under way, and answers come in any order', () => {
  const search = new SuiteSearch(PROBED_SUITES)
  const [one, two] = [search.next(), search.next()]
  assert.ok(one !== undefined && two !== undefined)
  assert.equal(one.filter((suite) => two.includes(suite)).length, 0)
  const [first] = two
  assert.ok(first !== undefined)
  search.taken(two, first)
  search.refused(one)
  assert.deepEqual(search.accepted, [first])
})

test('unanswered is refused only where silence is known to mean no, and can be asked again', () => {
  const search = new SuiteSearch(PROBED_SUITES)
  for (let question = search.next(); question !== undefined; question = search.next()) {
    search.unanswered(question)
  }
  assert.equal(search.result(false).unknown, PROBED_SUITES.length)
  assert.equal(search.result(true).unknown, 0)
  search.askAgain()
  assert.equal(search.result(true).unknown, PROBED_SUITES.length)
})

/** A responder that accepts these, asked until there is nothing to ask or `most` questions were. */
function play(
  accepts: readonly string[],
  options: { most?: number; onQuestion?: (question: readonly ProbedSuite[]) => void } = {},
): { search: SuiteSearch; questions: number } {
  const search = new SuiteSearch(PROBED_SUITES)
  let questions = 0
  for (; questions < (options.most ?? 1_000); questions++) {
    const question = search.next()
    if (question === undefined) break
    options.onQuestion?.(question)
    const taken = question.find((suite) => accepts.includes(suiteName(suite)))
    if (taken === undefined) search.refused(question)
    else search.taken(question, taken)
  }
  return { search, questions }
}
