/** A number space: the names we know, and something printable for the numbers we do not. */
export type Registry<Numbers extends Readonly<Record<string, number>>> = {
  readonly title: string
  /** In the order they were declared. */
  readonly names: readonly (keyof Numbers & string)[]
  number<Name extends keyof Numbers & string>(name: Name): Numbers[Name]
  /** `Title(99)` where the number has no name. Never throws. */
  nameOf(number: number): string
  has(number: number): boolean
}

/** Where two names share a number, the first is printed. */
export function registry<const Numbers extends Readonly<Record<string, number>>>(
  title: string,
  numbers: Numbers,
): Registry<Numbers> {
  const nameByNumber = new Map<number, string>()
  for (const [name, number] of Object.entries(numbers)) {
    if (!nameByNumber.has(number)) nameByNumber.set(number, name)
  }
  return {
    title,
    names: Object.keys(numbers),
    number: (name) => numbers[name],
    nameOf: (number) => nameByNumber.get(number) ?? `${title}(${number})`,
    has: (number) => nameByNumber.has(number),
  }
}
