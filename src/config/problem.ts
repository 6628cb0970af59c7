/** Something the operator should know about a configuration; any `error` keeps it from being used. */
export type ConfigProblem = {
  readonly severity: 'error' | 'warning'
  /** Of the catalogue of diagnoses, `CW-408`. */
  readonly code?: string
  readonly file: string
  /** From 1; absent when the problem is the file itself. */
  readonly line?: number
  readonly column?: number
  /** Columns that the wrong text takes on its line. */
  readonly length?: number
  /** `tunnels.paris.phase1`; empty for the whole file. */
  readonly path: string
  readonly message: string
  /** Why, and what to write instead. A hint that begins with `$ ` is a command, never broken across lines. */
  readonly hints: readonly string[]
}

/** A stretch of one line in a file, from 1. */
export type Place = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly length: number
}

export type ProblemText = {
  readonly message: string
  readonly hints?: readonly string[] | undefined
  readonly code?: string | undefined
}

export function problemAt(
  severity: ConfigProblem['severity'],
  place: Place | { readonly file: string },
  path: string,
  text: ProblemText,
): ConfigProblem {
  return {
    severity,
    ...(text.code === undefined ? {} : { code: text.code }),
    ...place,
    path,
    message: text.message,
    hints: text.hints ?? [],
  }
}

export function hasErrors(problems: readonly ConfigProblem[]): boolean {
  return problems.some(({ severity }) => severity === 'error')
}
