const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `214M`: three digits at most, for a table. */
export function shortOctets(octets: number): string {
  const { value, power } = scaled(octets)
  return `${threeDigits(value)}${power === 0 ? '' : (BINARY[power]?.[0] ?? '')}`
}

/** `214.3 MiB`. */
export function longOctets(octets: number): string {
  const { value, power } = scaled(octets)
  return `${power === 0 ? value : value.toFixed(1)} ${BINARY[power]}`
}

/** `188,204`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

const DECIMAL = ['', 'k', 'M', 'G', 'T'] as const

/** `98M`, in powers of 1000 as rates are counted; `–` for none. */
export function shortBitsPerSecond(bits: number): string {
  if (bits < 0.5) return '–'
  let value = bits
  let power = 0
  while (value >= 999.5 && power < DECIMAL.length - 1) {
    value /= 1000
    power++
  }
  return `${power === 0 ? Math.round(value) : threeDigits(value)}${DECIMAL[power]}`
}

function scaled(octets: number): { value: number; power: number } {
  let value = octets
  let power = 0
  while (value >= 999.5 && power < BINARY.length - 1) {
    value /= 1024
    power++
  }
  return { value, power }
}

function threeDigits(value: number): string {
  return value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value))
}
