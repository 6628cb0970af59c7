/** Breaks `text` at spaces into lines of at most `columns`; a longer word keeps a line to itself. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const line = lines.at(-1)
    if (line !== undefined && columnsOf(line) + 1 + columnsOf(word) <= columns) {
      lines[lines.length - 1] = `${line} ${word}`
    } else lines.push(word)
  }
  return lines
}

/** Columns on a terminal, for the characters our texts are made of: each takes one. */
export function columnsOf(text: string): number {
  return [...text].length
}
