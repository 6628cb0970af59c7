/** Columns on a terminal. Our symbols (●, ○, ↔, →) take one each. */
export function columnsOf(text: string): number {
  return [...text].length
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)))
}

/** Cuts to at most `columns`, with `…` where something is missing. */
export function clip(text: string, columns: number): string {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, columns - 1).join('')}…`
}
