/** What a run of tests came to. `notRun` names each thing that was left out, and why. */
export type Totals = {
  readonly passed: number
  readonly failed: number
  readonly notRun: readonly string[]
}

export const emptyTotals: Totals = { passed: 0, failed: 0, notRun: [] }

export function addTotals(a: Totals, b: Totals): Totals {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    notRun: [...a.notRun, ...b.notRun],
  }
}

/**
 * Reads the TAP report of `node --test`. A run that ended without its totals, or failed without a failed test, counts as
 * one failure more: nothing that went wrong can look like a pass.
 */
export function totalsOfTap(tap: string, group: string, exitCode: number): Totals {
  const passed = count(tap, 'pass')
  const failed = sum(count(tap, 'fail'), count(tap, 'cancelled'))
  const notRun = [...tap.matchAll(/^\s*(?:not )?ok \d+ - (.*?) # (?:SKIP|TODO)\s*(.*)$/gm)].map(
    ([, title, reason]) => `${group}: ${title}${reason === '' ? '' : ` (${reason})`}`,
  )
  if (passed === undefined || failed === undefined)
    return { passed: passed ?? 0, failed: 1, notRun }
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed, notRun }
}

function count(tap: string, what: string): number | undefined {
  const found = [...tap.matchAll(new RegExp(`^# ${what} (\\d+)$`, 'gm'))].at(-1)
  return found === undefined ? undefined : Number(found[1])
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}
