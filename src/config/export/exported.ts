/** A configuration for the other end, in the words of its product. */
export type Exported = {
  /** What begins a comment there; undefined where the format has none. */
  readonly comment: string | undefined
  readonly lines: readonly string[]
  /** What this product needs beside the lines, or cannot do. */
  readonly byHand: readonly string[]
}
