/** Why a text an operator wrote has no meaning here: `word` is the part that is wrong, so that it can be underlined. */
export type TextProblem = {
  readonly kind: 'text-problem'
  readonly message: string
  readonly word: string
  /** The nearest thing that would be right, as it may be written. */
  readonly nearest?: string
  readonly hints: readonly string[]
}

/** @param nearest also becomes the hint `did you mean "…"?`, before the others. */
export function textProblem(
  word: string,
  message: string,
  { nearest, hints = [] }: { nearest?: string | undefined; hints?: readonly string[] } = {},
): TextProblem {
  if (nearest === undefined) return { kind: 'text-problem', message, word, hints }
  const suggestion = `did you mean "${nearest}"?`
  return { kind: 'text-problem', message, word, nearest, hints: [suggestion, ...hints] }
}

export function isTextProblem(value: unknown): value is TextProblem {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'text-problem'
  )
}
