import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Agenda } from './agenda.ts'

test('gives tasks back by time, and in the order planned where times are equal', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 60 }), (times) => {
      const agenda = new Agenda<number>()
      times.forEach((at, i) => {
        agenda.plan(at, i)
      })
      const expected = times
        .map((at, task) => ({ at, task }))
        .sort((a, b) => a.at - b.at || a.task - b.task)
      assert.deepEqual(
        times.map(() => agenda.take()).map((taken) => ({ at: taken?.at, task: taken?.task })),
        expected,
      )
      assert.equal(agenda.take(), undefined)
    }),
  )
})

test('tells when the next task is due', () => {
  const agenda = new Agenda<string>()
  assert.equal(agenda.nextAt(), undefined)
  agenda.plan(7, 'later')
  agenda.plan(3, 'sooner')
  assert.equal(agenda.nextAt(), 3)
  assert.equal(agenda.size, 2)
})
